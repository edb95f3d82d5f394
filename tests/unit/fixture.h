/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fixture - recorded text for unit tests, from tests/fixtures/. */
#ifndef WSS_FIXTURE_H
#define WSS_FIXTURE_H

#include <stdio.h>
#include <stdlib.h>

/* The whole of tests/fixtures/NAME; $FIXTURES names that folder when the test runs elsewhere. Kept for ever. */
static const char *fixture(const char *name)
{
	const char *folder = getenv("FIXTURES");
	char path[512];
	char *text = NULL;
	size_t size = 0;

	snprintf(path, sizeof(path), "%s/%s", folder ? folder : "tests/fixtures", name);
	FILE *file = fopen(path, "r");

	if (!file || getdelim(&text, &size, '\0', file) < 0) {
		printf("# cannot read %s\n", path);
		exit(1);
	}
	fclose(file);
	return text;
}

#endif
