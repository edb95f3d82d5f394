/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "schedule.h"

#include "num.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { NS_IN_S = 1000000000, PHASE_TEXT_MAX = 128, HOT_IN_10 = 9 };

/* Fractions in the text are kept in these steps. */
enum { MILLI = 1000, PARAMETER_STEPS = 1000000, ZIPF_MAX = 10 };

/* ---- the published schedules ---- */

/* 100, 200, 300 and 400 MB are 25,600, 51,200, 76,800 and 102,400 pages. */
static const char *const names[] = {
	"constant\t60s:76800w\t300 MB all the time (ComPAS'18, experiment 1)",
	"two-phase\t60s:38400w,60s:76800w\t150 MB, then 300 MB (ComPAS'18, experiment 2)",
	"stairs-up\t30s:25600w,30s:51200w,30s:76800w,30s:102400w\t100 to 400 MB in steps of 100 MB",
	"stairs-down\t30s:102400w,30s:76800w,30s:51200w,30s:25600w\t400 to 100 MB in steps of 100 MB",
	"three-stairs\t40s:34134w,40s:68267w,40s:102400w\tone, two, three thirds of 400 MB",
	"spike\t50s:25600w,10s:102400w,60s:25600w\t100 MB, and 400 MB for 10 s",
	"zigzag\t20s:25600w,20s:102400w\t100 and 400 MB in turn",
	"RWRW\t300s:102400rw\t400 MB, each page read and then written (VEE'21)",
	"RRWW\t120s:102400r,180s:102400w\t400 MB, all reads and then all writes (VEE'21)",
	"WWRR\t180s:102400w,120s:102400r\t400 MB, all writes and then all reads (VEE'21)",
	"W1s\t60s:51200w,60s:102400w\tstep up, allocated once (after POMACS'18)",
	"W1d\talloc:51200,60s:51200w,free:51200,alloc:102400,60s:102400w,free:102400\t"
	"step up, allocated for each step",
	"W2s\t60s:102400w,60s:51200w\tstep down, allocated once (after POMACS'18)",
	"W2d\talloc:102400,60s:102400w,free:102400,alloc:51200,60s:51200w,free:51200\t"
	"step down, allocated for each step",
	"W3s\t40s:25600w,40s:102400w,40s:25600w\tup and down, allocated once (after POMACS'18)",
	"W3d\talloc:25600,40s:25600w,free:25600,alloc:102400,40s:102400w,free:102400,"
	"alloc:25600,40s:25600w,free:25600\tup and down, allocated for each step",
	"W4s\t40s:102400w,40s:25600w,40s:102400w\tdown and up, allocated once (after POMACS'18)",
	"W4d\talloc:102400,40s:102400w,free:102400,alloc:25600,40s:25600w,free:25600,"
	"alloc:102400,40s:102400w,free:102400\tdown and up, allocated for each step",
	"W5s\t30s:25600w,30s:51200w,30s:76800w,30s:102400w\tfour steps up, allocated once (after POMACS'18)",
	"W5d\talloc:25600,30s:25600w,free:25600,alloc:51200,30s:51200w,free:51200,"
	"alloc:76800,30s:76800w,free:76800,alloc:102400,30s:102400w,free:102400\t"
	"four steps up, allocated for each step",
	NULL,
};

const char *const *schedule_names(void)
{
	return names;
}

/* ---- chance ---- */

/* splitmix64: every state is good, so that a seed may be any number. */
static uint64_t random_next(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

/* 0..n-1; no number is likelier than another by more than n / 2^64. */
static uint64_t random_below(uint64_t *state, uint64_t n)
{
	__extension__ unsigned __int128 wide = random_next(state);

	return (uint64_t)(wide * n >> 64);
}

/* 0 <= x < 1 */
static double random_unit(uint64_t *state)
{
	return (double)(random_next(state) >> 11) * 0x1p-53;
}

/*
 * Logarithm and exponential of our own: those of libm differ in the last bit from one library to the next, and a touch
 * must not. frexp() and ldexp() are exact everywhere. Good to about 1e-15 where they are used.
 */
enum { SERIES_TERMS = 18 };

/* atanh(z) / z for |z| < 1/3 */
static double atanh_ratio(double z)
{
	double sum = 0;

	for (int k = 2 * SERIES_TERMS - 1; k > 0; k -= 2)
		sum = sum * z * z + 1.0 / k;
	return sum;
}

/* (e^x - 1) / x for |x| < 1 */
static double expm1_series(double x)
{
	double sum = 1;

	for (int k = SERIES_TERMS; k > 1; k--)
		sum = 1 + sum * x / k;
	return sum;
}

static const double ln_2 = 0x1.62e42fefa39efp-1;

static double natural_log(double x)
{
	int exponent;
	double m = frexp(x, &exponent);

	if (m < 0x1.6a09e667f3bcdp-1) { /* to the root of 1/2 .. root of 2 */
		m *= 2;
		exponent--;
	}
	double z = (m - 1) / (m + 1);

	return exponent * ln_2 + 2 * z * atanh_ratio(z);
}

static double exponential(double x)
{
	double n = floor(x / ln_2 + 0.5), rest = x - n * ln_2;

	return ldexp(1 + rest * expm1_series(rest), (int)n);
}

/* (e^x - 1) / x and ln(1 + x) / x, good near 0 too. */
static double expm1_ratio(double x)
{
	return fabs(x) < 0.5 ? expm1_series(x) : (exponential(x) - 1) / x;
}

static double log1p_ratio(double x)
{
	double z = x / (2 + x);

	return fabs(x) < 0.5 ? 2 * atanh_ratio(z) / (2 + x) : natural_log(1 + x) / x;
}

/*
 * Zipf by rejection-inversion (Hoermann and Derflinger 1996): no table, about one draw for each number whatever the size
 * of the set. f(x) = x^-s, F its integral from 1; a number k stands for F(k - 1/2)..F(k + 1/2), of which f(k) is taken.
 */
static double zipf_f(double s, double x)
{
	return exponential(-s * natural_log(x));
}

static double zipf_integral(double s, double x)
{
	double log_x = natural_log(x);

	return expm1_ratio((1 - s) * log_x) * log_x;
}

static double zipf_integral_inverse(double s, double y)
{
	double t = y * (1 - s);

	if (t < -1 + 0x1p-53) /* rounding at the far end */
		t = -1 + 0x1p-53;
	return exponential(log1p_ratio(t) * y);
}

static void zipf_init(struct phase *phase)
{
	double s = phase->parameter;

	phase->zipf_begin = zipf_integral(s, 1.5) - 1;
	phase->zipf_end = zipf_integral(s, (double)phase->pages + 0.5);
	/* So near to k, x needs no second look. */
	phase->zipf_sure = 2 - zipf_integral_inverse(s, zipf_integral(s, 2.5) - zipf_f(s, 2));
}

static uint64_t zipf_draw(const struct phase *phase, uint64_t *random)
{
	for (;;) {
		double s = phase->parameter;
		double y = phase->zipf_end + random_unit(random) * (phase->zipf_begin - phase->zipf_end);
		double x = zipf_integral_inverse(s, y);
		double k = floor(x + 0.5);

		if (k < 1)
			k = 1;
		if (k > (double)phase->pages)
			k = (double)phase->pages;
		if (k - x <= phase->zipf_sure || y >= zipf_integral(s, k + 0.5) - zipf_f(s, k))
			return (uint64_t)k - 1;
	}
}

static uint64_t hot_draw(const struct phase *phase, uint64_t *random)
{
	bool hot = random_below(random, 10) < HOT_IN_10;

	if (hot || phase->hot_pages == phase->pages)
		return random_below(random, phase->hot_pages);
	return phase->hot_pages + random_below(random, phase->pages - phase->hot_pages);
}

/* ---- text to schedule ---- */

struct parser {
	char *error;
	size_t phase; /* from 1 */
};

/* Always false. */
static bool fail(const struct parser *parser, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static bool fail(const struct parser *parser, const char *fmt, ...)
{
	int n = snprintf(parser->error, SCHEDULE_ERROR_MAX, "phase %zu: ", parser->phase);
	va_list args;

	va_start(args, fmt);
	vsnprintf(parser->error + n, SCHEDULE_ERROR_MAX - (size_t)n, fmt, args);
	va_end(args);
	return false;
}

/* Cuts `text` at its first character out of `marks`: what follows is returned, NULL when there is none. */
static char *cut(char *text, const char *marks, char *mark)
{
	char *at = strpbrk(text, marks);

	if (!at)
		return NULL;
	*mark = *at;
	*at = '\0';
	return at + 1;
}

static bool parse_pages(const struct parser *parser, const char *text, size_t len, uint64_t *pages)
{
	enum num result = num_u64(text, len, pages);

	if (result == NUM_BAD)
		return fail(parser, "bad number of pages '%.32s'; need a whole number", text);
	if (result == NUM_TOO_LARGE || *pages > UINT64_C(1) << SCHEDULE_PAGES_BITS)
		return fail(parser, "'%.32s' is too large: at most 2^%d pages", text, SCHEDULE_PAGES_BITS);
	return true;
}

static bool parse_offset(const struct parser *parser, const char *text, struct phase *phase)
{
	if (text && num_u64(text, strlen(text), &phase->first_page) != NUM_OK)
		return fail(parser, "bad offset '+%.32s'; need a whole number of pages", text);
	if (phase->first_page > (UINT64_C(1) << SCHEDULE_PAGES_BITS) - phase->pages)
		return fail(parser, "'+%.32s' is too large: pages end at 2^%d", text, SCHEDULE_PAGES_BITS);
	return true;
}

static bool parse_pattern(const struct parser *parser, char *text, struct phase *phase)
{
	char mark;
	uint64_t steps = 0;
	char *value = cut(text, "=", &mark);
	bool number = value && num_decimal(value, strlen(value), PARAMETER_STEPS, &steps) == NUM_OK;

	phase->parameter = (double)steps / PARAMETER_STEPS;
	if (strcmp(text, "seq") == 0 && !value) {
		phase->pattern = PATTERN_SEQ;
	} else if (strcmp(text, "uniform") == 0 && !value) {
		phase->pattern = PATTERN_UNIFORM;
	} else if (strcmp(text, "zipf") == 0 && value) {
		if (!number || steps > ZIPF_MAX * PARAMETER_STEPS)
			return fail(parser, "bad value 'zipf=%.32s'; need a number from 0 to %d", value, ZIPF_MAX);
		phase->pattern = PATTERN_ZIPF;
		zipf_init(phase);
	} else if (strcmp(text, "hot") == 0 && value) {
		if (!number || steps == 0 || steps > PARAMETER_STEPS)
			return fail(parser, "bad value 'hot=%.32s'; need a number above 0, at most 1", value);
		phase->pattern = PATTERN_HOT;
		phase->hot_pages = num_scale(phase->pages, steps, PARAMETER_STEPS);
		if (phase->hot_pages == 0)
			phase->hot_pages = 1;
	} else {
		return fail(parser, "bad pattern '%.32s%s%.32s'; need seq, uniform, zipf=S or hot=F", text,
			    value ? "=" : "", value ? value : "");
	}
	return true;
}

/* mark is '@', '*', or 0 for one pass per second. */
static bool parse_rate(const struct parser *parser, char mark, const char *text, struct phase *phase)
{
	uint64_t scale = mark == '*' ? phase->pages : MILLI;
	enum num result = NUM_OK;

	phase->rate_accesses = phase->pages;
	phase->rate_ns = mark == '*' ? phase->length_ns : NS_IN_S;
	if (mark == '@')
		phase->rate_ns = (uint64_t)NS_IN_S * MILLI;
	if (mark)
		result = num_decimal(text, strlen(text), scale, &phase->rate_accesses);
	if (result == NUM_BAD)
		return fail(parser, "bad %s '%c%.32s'; need a number", mark == '*' ? "passes" : "rate", mark, text);
	__extension__ unsigned __int128 wide = phase->rate_accesses;

	/* Access i of the phase is in it when i / rate < length: one more than fit when they do not fit evenly. */
	wide = (wide * phase->length_ns + phase->rate_ns - 1) / phase->rate_ns;
	if (result == NUM_TOO_LARGE || wide > INT64_MAX)
		return fail(parser, "too many accesses: at most 2^63");
	phase->accesses = phase->pages ? (uint64_t)wide : 0;
	return true;
}

/* alloc:PAGES[+OFFSET] and free:PAGES[+OFFSET], what stands behind the colon */
static bool parse_step(const struct parser *parser, char *text, struct phase *phase)
{
	char mark;
	const char *offset = cut(text, "+", &mark);

	phase->accesses = 1;
	if (!parse_pages(parser, text, strlen(text), &phase->pages))
		return false;
	if (phase->pages == 0)
		return fail(parser, "no pages");
	return parse_offset(parser, offset, phase);
}

static bool parse_phase(const struct parser *parser, char *text, struct phase *phase)
{
	char mark, rate_mark = 0;
	char *rest = cut(text, ":", &mark);

	if (!rest)
		return fail(parser, "bad phase '%.32s'; need TIME:PAGES and r, w or rw", text);
	if (strcmp(text, "alloc") == 0 || strcmp(text, "free") == 0) {
		phase->kind = text[0] == 'a' ? TOUCH_ALLOC : TOUCH_FREE;
		return parse_step(parser, rest, phase);
	}
	const char *offset = cut(rest, "+", &mark);
	const char *rate = cut(rest, "@*", &rate_mark);
	char *pattern = cut(rest, ":", &mark);
	size_t digits = strspn(rest, "0123456789");
	const char *kind = rest + digits;

	if (num_ns(text, &phase->length_ns) != NUM_OK)
		return fail(parser, "bad time '%.32s'; need a number and ns, us, ms, s, min or h", text);
	if (phase->length_ns == 0)
		return fail(parser, "'%.32s' is too short: at least 1ns", text);
	if (strcmp(kind, "r") == 0)
		phase->kind = TOUCH_READ;
	else if (strcmp(kind, "w") == 0)
		phase->kind = TOUCH_WRITE;
	else if (strcmp(kind, "rw") == 0)
		phase->kind = TOUCH_READ_WRITE;
	else
		return fail(parser, "bad pages '%.32s'; need a whole number and r, w or rw", rest);
	return parse_pages(parser, rest, digits, &phase->pages) && parse_offset(parser, offset, phase) &&
	       (!pattern || parse_pattern(parser, pattern, phase)) && parse_rate(parser, rate_mark, rate, phase);
}

/* The schedule behind a name, with its length; the text itself when it is none. */
static const char *look_up(const char *text, size_t *len)
{
	*len = strlen(text);
	for (const char *const *name = names; *name; name++) {
		if (strncmp(*name, text, *len) != 0 || (*name)[*len] != '\t')
			continue;
		text = *name + *len + 1;
		*len = strcspn(text, "\t");
		break;
	}
	return text;
}

bool schedule_parse(struct schedule *schedule, const char *text, char *error)
{
	struct parser parser = { .error = error };
	size_t len;
	const char *at = look_up(text, &len), *end = at + len;

	*schedule = (struct schedule){ .phases = 0 };
	if (at == text && !strpbrk(text, ":,")) {
		snprintf(error, SCHEDULE_ERROR_MAX, "no schedule is named '%.32s'", text);
		return false;
	}
	for (; at <= end; at += len + 1) {
		char copy[PHASE_TEXT_MAX];
		struct phase *phase = &schedule->phase[schedule->phases];

		len = strcspn(at, ",\t");
		parser.phase = schedule->phases + 1;
		if (schedule->phases == SCHEDULE_PHASES_MAX)
			return fail(&parser, "too many phases: at most %d", SCHEDULE_PHASES_MAX);
		if (len >= sizeof(copy))
			return fail(&parser, "longer than %d characters", PHASE_TEXT_MAX - 1);
		memcpy(copy, at, len);
		copy[len] = '\0';
		if (!parse_phase(&parser, copy, phase))
			return false;
		schedule->phases++;
		schedule->length_ns = num_add(schedule->length_ns, phase->length_ns);
		if (schedule->length_ns > INT64_MAX)
			return fail(&parser, "the schedule is too long: at most 292 years");
		if (schedule->pages < phase->first_page + phase->pages)
			schedule->pages = phase->first_page + phase->pages;
	}
	if (schedule->length_ns == 0)
		return fail(&parser, "the schedule has no phase with a time");
	return true;
}

/* ---- schedule to touches ---- */

void schedule_begin(struct schedule_cursor *cursor, const struct schedule *schedule, uint64_t seed)
{
	*cursor = (struct schedule_cursor){ .schedule = schedule, .random = seed };
}

/* How many accesses of the phase happen in its first t_ns. */
static uint64_t accesses_before(const struct phase *phase, uint64_t t_ns)
{
	__extension__ unsigned __int128 n = phase->rate_accesses;

	if (t_ns == 0)
		return 0;
	if (t_ns >= phase->length_ns)
		return phase->accesses;
	n = (n * t_ns + phase->rate_ns - 1) / phase->rate_ns;
	return n < phase->accesses ? (uint64_t)n : phase->accesses;
}

/* When access i happens, from the phase's start. */
static uint64_t access_ns(const struct phase *phase, uint64_t i)
{
	return i ? num_scale(i, phase->rate_ns, phase->rate_accesses) : 0;
}

static uint64_t draw_page(const struct phase *phase, uint64_t i, uint64_t *random)
{
	switch (phase->pattern) {
	case PATTERN_UNIFORM:
		return random_below(random, phase->pages);
	case PATTERN_ZIPF:
		return zipf_draw(phase, random);
	case PATTERN_HOT:
		return hot_draw(phase, random);
	case PATTERN_SEQ:
		break;
	}
	return i % phase->pages;
}

/* The next access is `done`, and the one before `until` is the last that may be taken. */
static void take(struct schedule_cursor *cursor, const struct phase *phase, uint64_t until, struct touch *touch)
{
	uint64_t page;

	touch->kind = phase->kind;
	touch->t_ns = cursor->phase_start_ns + access_ns(phase, cursor->done);
	if (phase->length_ns == 0) {
		touch->page = phase->first_page;
		touch->pages = phase->pages;
		cursor->done = 1;
		return;
	}
	page = draw_page(phase, cursor->done, &cursor->random);
	touch->page = phase->first_page + page;
	touch->pages = 1;
	if (phase->pattern == PATTERN_SEQ) {
		touch->pages = until - cursor->done;
		if (touch->pages > phase->pages - page)
			touch->pages = phase->pages - page;
	}
	cursor->done += touch->pages;
}

static void next_phase(struct schedule_cursor *cursor)
{
	cursor->phase_start_ns += cursor->schedule->phase[cursor->phase].length_ns;
	cursor->phase = (cursor->phase + 1) % cursor->schedule->phases;
	cursor->done = 0;
}

bool schedule_next(struct schedule_cursor *cursor, uint64_t until_ns, struct touch *touch)
{
	for (;;) {
		const struct phase *phase = &cursor->schedule->phase[cursor->phase];

		if (until_ns <= cursor->phase_start_ns)
			return false;
		uint64_t before = accesses_before(phase, until_ns - cursor->phase_start_ns);

		if (cursor->done < before) {
			take(cursor, phase, before, touch);
			return true;
		}
		/* The phase stays on while nothing later can happen: schedule_set_pages() is asked about it. */
		if (until_ns - cursor->phase_start_ns <= phase->length_ns)
			return false;
		next_phase(cursor);
	}
}

uint64_t schedule_set_pages(const struct schedule_cursor *cursor)
{
	struct schedule_cursor at = *cursor;

	while (at.schedule->phase[at.phase].length_ns == 0)
		next_phase(&at);
	return at.schedule->phase[at.phase].pages;
}

uint64_t schedule_next_ns(const struct schedule_cursor *cursor)
{
	struct schedule_cursor at = *cursor;

	for (size_t i = 0; i <= at.schedule->phases; i++, next_phase(&at)) {
		const struct phase *phase = &at.schedule->phase[at.phase];

		if (at.done < phase->accesses)
			return at.phase_start_ns + access_ns(phase, at.done);
	}
	return UINT64_MAX;
}
