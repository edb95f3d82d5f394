/* SPDX-License-Identifier: GPL-2.0-or-later */
/* table - scores for people: one block of lines for each VM, one line for each method. */
#ifndef WSS_SCORE_TABLE_H
#define WSS_SCORE_TABLE_H

#include "record.h"

#include <stddef.h>
#include <stdint.h>

/* Writes plain text where records would go. */
void table_write(const struct rec_score *score, size_t n, uint64_t tolerance_ppm);

#endif
