/* SPDX-License-Identifier: GPL-2.0-or-later */
/* banned - functions that lose errors or bounds do not compile. Included into every file by the Makefile. */
#ifndef WSS_BANNED_H
#define WSS_BANNED_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#pragma GCC poison strcpy strcat sprintf vsprintf strtok atoi atol atoll atof strtol strtoul strtoll strtoull sscanf gets

#endif
