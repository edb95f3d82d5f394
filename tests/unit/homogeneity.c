/* SPDX-License-Identifier: GPL-2.0-or-later */
/* homogeneity - published examples, to the digits that are printed there; and samples that are of one distribution. */
#include "../../src/wss-fit/homogeneity.c"
#include "tap.h"

/* Equal to all digits after the point that are given. */
static bool is_near(double value, double wanted, int digits)
{
	double near = fabs(value - wanted);

	if (near <= 0.5000001 * pow(10, -digits))
		return true;
	printf("# is %.*f, should be %.*f\n", digits + 2, value, digits, wanted);
	return false;
}

/* The smoothness of paper, four laboratories with eight sheets each: Scholz and Stephens, JASA 82 (1987). */
static const double lab[4][8] = {
	{ 38.7, 41.5, 43.8, 44.5, 45.5, 46.0, 47.7, 58.0 },
	{ 39.2, 39.3, 39.7, 41.4, 41.8, 42.9, 43.3, 45.8 },
	{ 34.0, 35.0, 39.0, 40.0, 43.0, 43.0, 44.0, 45.0 },
	{ 34.0, 34.8, 34.8, 35.4, 37.2, 37.8, 41.2, 42.8 },
};
static const struct sample four[4] = { { lab[0], 8 }, { lab[1], 8 }, { lab[2], 8 }, { lab[3], 8 } };

static void test_anderson_darling(void)
{
	struct anderson_darling ad = { 0 };

	CHECK(anderson_darling(four, 4, &ad));
	CHECK(is_near(ad.a2, 8.355872, 6));
	CHECK(is_near(ad.variance, 1.449054, 6));
	CHECK(is_near(ad.t, 4.449262, 6));
	CHECK(is_near(ad.a2_mid, 8.392609, 6));
	CHECK(is_near(ad.t_mid, 4.479781, 6));
	CHECK(is_near(ad_critical(4, 0), .4985, 4));
	CHECK(is_near(ad_critical(4, 1), 1.3237, 4));
	CHECK(is_near(ad_critical(4, 2), 1.9158, 4));
	CHECK(is_near(ad_critical(4, 3), 2.4930, 4));
	CHECK(is_near(ad_critical(4, 4), 3.2459, 4));
	for (size_t k = 2; k < 12; k++)
		for (size_t i = 0; i < AD_LEVELS; i++)
			CHECK(is_near(ad_p(ad_critical(k, i), k), ad_level[i], 9));
	CHECK(ad_p(-1, 4) > .2499 && ad_p(10, 4) < 1e-4 && ad_p(4.45, 4) < ad_p(4.44, 4));
}

static void test_kruskal_wallis(void)
{
	struct kruskal_wallis kw = { 0 };

	CHECK(kruskal_wallis(four, 4, &kw));
	CHECK(is_near(kw.h, 12.868608, 6));
	CHECK(is_near(kw.h_ties, 12.875688, 6));
	/* Chi-squared with 3 degrees of freedom: Q(x) = erfc(sqrt(x/2)) + sqrt(2x/pi) exp(-x/2). */
	CHECK(is_near(kw.p, erfc(sqrt(kw.h_ties / 2)) + sqrt(2 * kw.h_ties / M_PI) * exp(-kw.h_ties / 2), 12));
}

static void test_siegel_tukey(void)
{
	static const double a[] = { 33, 62, 84, 85, 88, 93, 97 }, b[] = { 4, 16, 48, 51, 66, 98 };
	static const double row[] = { 1, 4, 5, 8, 9, 12, 13, 11, 10, 7, 6, 3, 2 };
	const struct sample sa = { a, 7 }, sb = { b, 6 }, both[] = { sa, sb };
	struct siegel_tukey st = { 0 };
	size_t n;
	struct pooled *pooled = pool(both, 2, &n);

	rank_from_both_ends(pooled, n);
	for (size_t i = 0; i < 13; i++)
		CHECK(is_near(pooled[i].rank, row[i], 9));
	free(pooled);
	CHECK(siegel_tukey(sa, sb, false, &st));
	CHECK(is_near(st.w_a, 54, 9) && is_near(st.w_b, 37, 9) && is_near(st.u_a, 26, 9));
	CHECK(is_near(st.z, 0.714286, 6));
	CHECK(is_near(st.p, erfc(st.z / sqrt(2)), 12));
	CHECK(siegel_tukey(sa, sb, true, &st));
	CHECK(is_near(st.w_a, 57, 9));
	CHECK(is_near(st.z, 1.142857, 6));
}

/* Sorted .01 .02 .03 .04: 4*.01, 3*.02, 2*.03, and the last not less than that. Three of .5 are 1 each. */
static void test_holm(void)
{
	double p[] = { .04, .01, .03, .02 }, half[] = { .5, .5, .5 };

	holm(p, 4);
	CHECK(is_near(p[1], .04, 12) && is_near(p[3], .06, 12) && is_near(p[2], .06, 12) && is_near(p[0], .06, 12));
	holm(half, 3);
	CHECK(is_near(half[0], 1, 12) && is_near(half[2], 1, 12));
	holm(half, 0);
}

static void test_distance(void)
{
	static const double low[] = { 1, 2, 3, 4 }, high[] = { 3, 4, 5, 6 }, apart[] = { 7, 8 };
	const struct sample s[] = { { low, 4 }, { high, 4 }, { apart, 2 } };

	CHECK(is_near(distance(s, 1), 0, 12));
	CHECK(is_near(distance(s, 2), .5, 12));
	CHECK(is_near(distance(s, 3), 1, 12));
}

static void test_nothing_to_test(void)
{
	static const double same[] = { 5, 5, 5, 5 };
	const struct sample s[] = { { same, 4 }, { same, 4 } }, tiny[] = { { lab[0], 1 }, { lab[1], 2 } };
	struct anderson_darling ad = { 0 };
	struct kruskal_wallis kw = { 0 };
	struct siegel_tukey st = { 0 };

	CHECK(!anderson_darling(s, 2, &ad));
	CHECK(!anderson_darling(tiny, 2, &ad));
	CHECK(!anderson_darling(four, 1, &ad));
	CHECK(!kruskal_wallis(s, 2, &kw));
	CHECK(!kruskal_wallis(four, 1, &kw));
	CHECK(!siegel_tukey(s[0], s[1], false, &st));
}

/* Of 1000 sets of three samples of one distribution, with many ties, about 5 % are called different at the 5 % level. */
static void test_level(void)
{
	enum { SETS = 1000, SIZE = 40 };
	double value[3][SIZE];
	unsigned shape = 0, location = 0, spread = 0;
	uint64_t state = 88172645463325252;

	for (unsigned set = 0; set < SETS; set++) {
		struct sample s[3] = { { value[0], SIZE }, { value[1], SIZE }, { value[2], SIZE } };
		struct anderson_darling ad = { 0 };
		struct kruskal_wallis kw = { 0 };
		struct siegel_tukey st = { 0 };

		for (size_t i = 0; i < 3 * SIZE; i++) {
			state ^= state << 13;
			state ^= state >> 7;
			state ^= state << 17;
			value[i / SIZE][i % SIZE] = (double)(state >> 32 & 63);
		}
		CHECK(anderson_darling(s, 3, &ad) && kruskal_wallis(s, 3, &kw) && siegel_tukey(s[0], s[1], false, &st));
		shape += ad_p(ad.t_mid, 3) < .05;
		location += kw.p < .05;
		spread += st.p < .05;
	}
	/* Four standard deviations of a binomial: 28. */
	CHECK(shape > 22 && shape < 78);
	CHECK(location > 22 && location < 78);
	CHECK(spread > 22 && spread < 78);
}

int main(void)
{
	test_anderson_darling();
	test_kruskal_wallis();
	test_siegel_tukey();
	test_holm();
	test_distance();
	test_nothing_to_test();
	test_level();
	return tap_end("homogeneity");
}
