/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sums by steps, and ages of method cold, against the same kept plainly, page by page, on random windows. */
#include "../../src/wss-estimate/method-cold.c"
#include "../../src/wss-estimate/steps.c"

#include <stdio.h>
#include <string.h>

enum { PAGES = 400, WINDOWS = 3000, CAP = 51 };

static uint64_t state = 1;

static unsigned below(unsigned n)
{
	state = state * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(state >> 33) % n;
}

/* A row mostly in order and apart, at times anywhere and overlapping, at times with more events than a step can hold. */
static struct rec_count random_row(unsigned window, unsigned row)
{
	return (struct rec_count){
		.gfn = window % 3 ? below(PAGES - 20) : row * 10,
		.pages = 1 + below(10),
		.accesses = below(200) ? below(3) : UNKNOWN - 1,
	};
}

static unsigned sum_up(const void *context, unsigned number, unsigned touched)
{
	unsigned sum = number + touched;

	(void)context;
	return sum < CAP ? sum : CAP;
}

static bool sums_are_right(void)
{
	static unsigned plain[PAGES];
	struct steps steps = { 0 };

	for (unsigned w = 0; w < WINDOWS; w++) {
		uint64_t wanted[CAP + 1] = { 0 };

		for (unsigned r = below(30); r > 0; r--) {
			struct rec_count row = random_row(w, 30 - r);

			steps_touch(&steps, row.gfn, row.pages, row.accesses);
			for (uint64_t i = row.gfn; i < row.gfn + row.pages; i++)
				plain[i] = row.accesses < CAP - plain[i] ? plain[i] + (unsigned)row.accesses : CAP;
		}
		steps_fold(&steps, sum_up, NULL);
		for (unsigned page = 0; page < PAGES; page++)
			for (unsigned from = 1; from <= plain[page]; from++)
				wanted[from]++;
		for (unsigned from = 1; from <= CAP; from++)
			if (steps_pages(&steps, from) != wanted[from])
				return false;
		if (w % 100 == 99) {
			steps_clear(&steps);
			memset(plain, 0, sizeof(plain));
		}
	}
	steps_release(&steps);
	return true;
}

/* Windows of 1 to 50 ns, at times a pause; ages from one window to hundreds. */
static bool ages_are_right(uint64_t age)
{
	uint64_t last[PAGES] = { 0 }, t_ns = 1000;
	struct cold cold = { 0 };

	for (unsigned w = 0; w < WINDOWS; w++) {
		struct method_result result = { 0 };
		uint64_t wanted = 0, length = below(100) ? 1 + below(50) : 1 + below(3000);

		t_ns += length;
		for (unsigned r = below(4) ? 0 : below(20); r > 0; r--) {
			struct rec_count row = random_row(w, 20 - r);

			add_pages(&cold, &age, &row);
			for (uint64_t i = row.gfn; row.accesses && i < row.gfn + row.pages; i++)
				last[i] = t_ns;
		}
		close_window(&cold, &age, &(struct rec_count){ .t_ns = t_ns, .window_ns = length }, &result);
		for (unsigned page = 0; page < PAGES; page++)
			wanted += last[page] && t_ns - last[page] < age;
		if (result.wss != wanted)
			return false;
	}
	release(&cold);
	return true;
}

static bool tell(int number, bool right, const char *what)
{
	printf("%s %d %s\n", right ? "ok" : "not ok", number, what);
	return right;
}

int main(void)
{
	bool right = tell(1, sums_are_right(), "steps: sums of random touches as page by page");

	right &= tell(2, ages_are_right(1) && ages_are_right(40) && ages_are_right(700) && ages_are_right(8000),
		      "cold: ages on random windows as page by page");
	printf("1..2\n");
	return !right;
}
