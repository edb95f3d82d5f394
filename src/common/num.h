/* SPDX-License-Identifier: GPL-2.0-or-later */
/* num - numbers from text and to text, whole and checked. No function here dies: the caller knows the context. */
#ifndef WSS_NUM_H
#define WSS_NUM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { KIB_PER_PAGE = 4, NUM_MAX = 24 };

enum num { NUM_OK, NUM_BAD, NUM_TOO_LARGE };

/* Decimal digits only, the whole of text[0..len). */
enum num num_u64(const char *text, size_t len, uint64_t *value);

/* A decimal number times `scale`, for example "2.5" with scale 1000 is 2500. What is less than one is dropped. */
enum num num_decimal(const char *text, size_t len, uint64_t scale, uint64_t *value);

/* A time with its unit: ns us ms s min h; "1.5s". */
enum num num_ns(const char *text, uint64_t *value);

/* A size with its unit: KiB MiB GiB TiB; "1.5GiB". In KiB. */
enum num num_kib(const char *text, uint64_t *value);

/* A share: "2%" or "2.5%". In parts per million. */
enum num num_ppm(const char *text, uint64_t *value);

/* Writes digits at `to` (room for 20), no NUL; returns the end. */
char *num_put_u64(char *to, uint64_t value);

/* Texts for people, in `to` (NUM_MAX bytes); return `to`. The largest unit that is exact to 1/100: "1.5s", "64MiB". */
const char *num_text_ns(char *to, uint64_t ns);
const char *num_text_kib(char *to, uint64_t kib);

/* a + b and a * b, UINT64_MAX at most. */
uint64_t num_add(uint64_t a, uint64_t b);
uint64_t num_mul(uint64_t a, uint64_t b);

/* value * numerator / denominator without overflow in between; UINT64_MAX at most, denominator > 0. */
uint64_t num_scale(uint64_t value, uint64_t numerator, uint64_t denominator);

#endif
