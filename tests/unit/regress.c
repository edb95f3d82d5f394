/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * regress - against the certified values of NIST's Statistical Reference Datasets for linear regression,
 * https://www.itl.nist.gov/div898/strd/lls/lls.shtml: Norris, Longley, Wampler1-5, Filip; and against itself.
 */
#include "../../src/wss-fit/regress.c"
#include "tap.h"

/* Digits in common with a certified value (its "log relative error"). */
static double digits(double value, double certified)
{
	double d = fabs(value - certified) / (fabs(certified) > 0 ? fabs(certified) : 1);

	return d > 0 ? -log10(d) : 16;
}

static bool has_digits(const char *set, size_t which, double value, double certified, double wanted)
{
	if (digits(value, certified) >= wanted)
		return true;
	printf("# %s B%zu: %.16g has %.1f digits of %.16g\n", set, which, value, digits(value, certified), certified);
	return false;
}

/* Coefficients for the columns as they are, constant first: what NIST certifies. */
static void certify(const char *set, const struct table *t, const double *certified, double residual_sd, double wanted)
{
	const struct fit_rules ordinary = { FIT_ORDINARY, 1 };
	struct fit fit;
	double constant, squares = 0;

	bool ok = regress_fit(t, &ordinary, &fit);

	CHECK(ok);
	if (!ok)
		return;
	constant = fit.constant;
	for (size_t j = 0; j < t->p; j++) {
		constant -= fit.coefficient[j] * fit.mean[j] / fit.scale[j];
		CHECK(has_digits(set, j + 1, fit.coefficient[j] / fit.scale[j], certified[j + 1], wanted));
	}
	CHECK(has_digits(set, 0, constant, certified[0], wanted));
	for (size_t i = 0; i < t->n; i++) {
		double d = t->y[i] - fit_value(&fit, t->x + i * t->p);

		squares += d * d;
	}
	if (residual_sd > 0)
		CHECK(has_digits(set, 99, sqrt(squares / (double)(t->n - t->p - 1)), residual_sd, wanted));
	fit_release(&fit);
}

static void test_norris(void)
{
	static const double x[] = {
		0.2, 337.4, 118.2, 884.6, 10.1, 226.5, 666.3, 996.3, 448.6, 777.0, 558.2, 0.4, 0.6, 775.5, 666.9, 338.0, 447.5,
		11.6, 556.0, 228.1, 995.8, 887.6, 120.2, 0.3, 0.3, 556.8, 339.1, 887.2, 999.0, 779.0, 11.1, 118.3, 229.2, 669.1,
		448.9, 0.5,
	};
	static const double y[] = {
		0.1, 338.8, 118.1, 888.0, 9.2, 228.1, 668.5, 998.5, 449.1, 778.9, 559.2, 0.3, 0.1, 778.1, 668.8, 339.3, 448.9,
		10.8, 557.7, 228.3, 998.0, 888.8, 119.6, 0.3, 0.6, 557.6, 339.3, 888.0, 998.5, 778.9, 10.2, 117.6, 228.9, 668.4,
		449.2, 0.2,
	};
	static const double certified[] = { -0.262323073774029, 1.00211681802045 };

	certify("Norris", &(struct table){ x, y, 36, 1 }, certified, 0.884796396144373, 12);
}

static const double longley_x[16 * 6] = {
	83.0, 234289, 2356, 1590, 107608, 1947, 88.5, 259426, 2325, 1456, 108632, 1948, 88.2, 258054, 3682, 1616, 109773, 1949,
	89.5, 284599, 3351, 1650, 110929, 1950, 96.2, 328975, 2099, 3099, 112075, 1951, 98.1, 346999, 1932, 3594, 113270, 1952,
	99.0, 365385, 1870, 3547, 115094, 1953, 100.0, 363112, 3578, 3350, 116219, 1954, 101.2, 397469, 2904, 3048, 117388, 1955,
	104.6, 419180, 2822, 2857, 118734, 1956, 108.4, 442769, 2936, 2798, 120445, 1957, 110.8, 444546, 4681, 2637, 121950, 1958,
	112.6, 482704, 3813, 2552, 123366, 1959, 114.2, 502601, 3931, 2514, 125368, 1960, 115.7, 518173, 4806, 2572, 127852, 1961,
	116.9, 554894, 4007, 2827, 130081, 1962,
};
static const double longley_y[16] = {
	60323, 61122, 60171, 61187, 63221, 63639, 64989, 63761, 66019, 67857, 68169, 66513, 68655, 69564, 69331, 70551,
};

static void test_longley(void)
{
	static const double certified[] = {
		-3482258.63459582, 15.0618722713733, -0.358191792925910E-01, -2.02022980381683, -1.03322686717359,
		-0.511041056535807E-01, 1829.15146461355,
	};

	certify("Longley", &(struct table){ longley_x, longley_y, 16, 6 }, certified, 304.854073561965, 11);
}

/* x from 0 to 20; y is a polynomial of degree 5, in 3 to 5 with the same errors in three sizes. */
static void test_wampler(void)
{
	static const double error[21] = {
		759, -2048, 2048, -2048, 2523, -2048, 2048, -2048, 1838, -2048, 2048, -2048, 1838, -2048, 2048, -2048, 2523, -2048,
		2048, -2048, 759,
	};
	static const double ones[] = { 1, 1, 1, 1, 1, 1 }, tenths[] = { 1, .1, .01, .001, .0001, .00001 };
	static const struct {
		const char *name;
		const double *certified;
		double error, residual_sd, digits;
	} set[] = {
		{ "Wampler1", ones, 0, 0, 8 },
		{ "Wampler2", tenths, 0, 0, 11 },
		{ "Wampler3", ones, 1, 2360.14502379268, 8 },
		{ "Wampler4", ones, 100, 236014.502379268, 7 },
		{ "Wampler5", ones, 10000, 23601450.2379268, 5 },
	};
	double x[21 * 5], y[21];

	for (size_t s = 0; s < sizeof(set) / sizeof(*set); s++) {
		for (size_t i = 0; i < 21; i++) {
			double power = 1;

			y[i] = set[s].certified[0] + set[s].error * error[i];
			for (size_t j = 0; j < 5; j++) {
				x[i * 5 + j] = power *= (double)i;
				y[i] += set[s].certified[j + 1] * power;
			}
		}
		certify(set[s].name, &(struct table){ x, y, 21, 5 }, set[s].certified, set[s].residual_sd, set[s].digits);
	}
}

/* A polynomial of degree 10 whose columns are all but the same: few programs have more than 7 digits. */
static void test_filip(void)
{
	static const double x1[82] = {
		-6.860120914, -4.324130045, -4.358625055, -4.358426747, -6.955852379, -6.661145254, -6.355462942,
		-6.118102026, -7.115148017, -6.815308569, -6.519993057, -6.204119983, -5.853871964, -6.109523091,
		-5.79832982, -5.482672118, -5.171791386, -4.851705903, -4.517126416, -4.143573228, -3.709075441,
		-3.499489089, -6.300769497, -5.953504836, -5.642065153, -5.031376979, -4.680685696, -4.329846955,
		-3.928486195, -8.56735134, -8.363211311, -8.107682739, -7.823908741, -7.522878745, -7.218819279,
		-6.920818754, -6.628932138, -6.323946875, -5.991399828, -8.781464495, -8.663140179, -8.473531488,
		-8.247337057, -7.971428747, -7.676129393, -7.352812702, -7.072065318, -6.774174009, -6.478861916,
		-6.159517513, -6.835647144, -6.53165267, -6.224098421, -5.910094889, -5.598599459, -5.290645224,
		-4.974284616, -4.64454848, -4.290560426, -3.885055584, -3.408378962, -3.13200249, -8.726767166,
		-8.66695597, -8.511026475, -8.165388579, -7.886056648, -7.588043762, -7.283412422, -6.995678626,
		-6.691862621, -6.392544977, -6.067374056, -6.684029655, -6.378719832, -6.065855188, -5.752272167,
		-5.132414673, -4.811352704, -4.098269308, -3.66174277, -3.2644011,
	};
	static const double y[82] = {
		0.8116, 0.9072, 0.9052, 0.9039, 0.8053, 0.8377, 0.8667, 0.8809, 0.7975, 0.8162, 0.8515, 0.8766, 0.8885,
		0.8859, 0.8959, 0.8913, 0.8959, 0.8971, 0.9021, 0.909, 0.9139, 0.9199, 0.8692, 0.8872, 0.89, 0.891,
		0.8977, 0.9035, 0.9078, 0.7675, 0.7705, 0.7713, 0.7736, 0.7775, 0.7841, 0.7971, 0.8329, 0.8641, 0.8804,
		0.7668, 0.7633, 0.7678, 0.7697, 0.77, 0.7749, 0.7796, 0.7897, 0.8131, 0.8498, 0.8741, 0.8061, 0.846,
		0.8751, 0.8856, 0.8919, 0.8934, 0.894, 0.8957, 0.9047, 0.9129, 0.9209, 0.9219, 0.7739, 0.7681, 0.7665,
		0.7703, 0.7702, 0.7761, 0.7809, 0.7961, 0.8253, 0.8602, 0.8809, 0.8301, 0.8664, 0.8834, 0.8898, 0.8964,
		0.8963, 0.9074, 0.9119, 0.9228,
	};
	static const double certified[] = {
		-1467.48961422980, -2772.17959193342, -2316.37108160893, -1127.97394098372, -354.478233703349, -75.1242017393757,
		-10.8753180355343, -1.06221498588947, -0.670191154593408E-01, -0.246781078275479E-02, -0.402962525080404E-04,
	};
	double x[82 * 10];

	for (size_t i = 0; i < 82; i++) {
		double power = 1;

		for (size_t j = 0; j < 10; j++)
			x[i * 10 + j] = power *= x1[i];
	}
	certify("Filip", &(struct table){ x, y, 82, 10 }, certified, 0.334801051324544E-02, 6);
}

static uint64_t random_state = 88172645463325252;

static double uniform(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (double)(random_state >> 11) / 9007199254740992.0;
}

static double normal(void)
{
	return sqrt(-2 * log(1 - uniform())) * cos(2 * M_PI * uniform());
}

enum { N = 400, P = 6 };
static double random_x[N * P], random_y[N];

/* y = 1000 + 50 a - 20 c + noise of deviation 10; b, d and e say nothing, the last column is as told. */
static struct table random_table(double (*last)(const double *row))
{
	for (size_t i = 0; i < N; i++) {
		double *row = random_x + i * P;

		for (size_t j = 0; j < P; j++)
			row[j] = normal();
		if (last)
			row[P - 1] = last(row);
		random_y[i] = 1000 + 50 * row[0] - 20 * row[2] + 10 * normal();
	}
	return (struct table){ random_x, random_y, N, P };
}

static double constant_column(const double *row)
{
	(void)row;
	return 1e9 / 3;
}

static double sum_column(const double *row)
{
	return 3 * row[0] - row[1] + 7;
}

static void test_columns(void)
{
	enum column column[P] = { 0 };
	struct table t = random_table(NULL);

	CHECK_U64(regress_columns(&t, column), P);
	t = random_table(constant_column);
	CHECK_U64(regress_columns(&t, column), P - 1);
	CHECK(column[P - 1] == COLUMN_CONSTANT && column[0] == COLUMN_KEPT);
	t = random_table(sum_column);
	CHECK_U64(regress_columns(&t, column), P - 1);
	CHECK(column[P - 1] == COLUMN_COMBINED && column[1] == COLUMN_KEPT);
	/* NIST's Longley is nearly, but not wholly collinear. */
	CHECK_U64(regress_columns(&(struct table){ longley_x, longley_y, 16, 6 }, column), 6);
}

static void folds_of(size_t *fold)
{
	for (size_t i = 0; i < N; i++)
		fold[i] = i * 5 / N;
}

/* The sums give the same error as fits without each fold, and the two columns that count are found, a first. */
static void test_select(void)
{
	struct table t = random_table(NULL);
	const struct fit_rules ordinary = { FIT_ORDINARY, 1 };
	size_t fold[N], chosen[P] = { 0 };
	double predicted[N] = { 0 }, squares = 0, by_sums = 0;
	struct sums *sums;

	folds_of(fold);
	CHECK_U64(regress_select(&t, fold, 5, P, chosen), 2);
	CHECK(chosen[0] == 0 && chosen[1] == 2);
	CHECK_U64(regress_select(&t, fold, 5, 1, chosen), 1);
	CHECK(regress_cross(&t, fold, 5, &ordinary, predicted));
	for (size_t i = 0; i < N; i++)
		squares += (predicted[i] - t.y[i]) * (predicted[i] - t.y[i]);
	sums = sums_of_folds(&t, fold, 5);
	for (size_t f = 0; f < 5; f++)
		by_sums += fold_error(&sums[f], &sums[5], P, (const size_t[]){ 0, 1, 2, 3, 4, 5 }, P);
	CHECK(fabs(squares - by_sums) < 1e-6 * squares);
	for (size_t f = 0; f <= 5; f++) {
		free(sums[f].sum);
		free(sums[f].product);
	}
	free(sums);
}

static double raw(const struct fit *fit, size_t j)
{
	return fit->coefficient[j] / fit->scale[j];
}

static double raw_constant(const struct fit *fit)
{
	static const double nothing[P];

	return fit_value(fit, nothing);
}

/* Every 20th row is wrong by far: the robust fit does not notice, the ordinary one does. */
static void test_robust(void)
{
	const struct fit_rules ordinary = { FIT_ORDINARY, 1 }, robust = { FIT_ROBUST, 1 };
	struct table t = random_table(NULL);
	struct fit fit;

	for (size_t i = 0; i < N; i += 20)
		random_y[i] += 20000;
	CHECK(regress_fit(&t, &robust, &fit));
	CHECK(fabs(raw_constant(&fit) - 1000) < 3 && fabs(raw(&fit, 0) - 50) < 3 && fabs(raw(&fit, 2) + 20) < 3);
	fit_release(&fit);
	CHECK(regress_fit(&t, &ordinary, &fit));
	CHECK(fabs(raw_constant(&fit) - 1000) > 500);
	fit_release(&fit);
	/* Without any error the spread of errors is 0: the solution is exact all the same. */
	for (size_t i = 0; i < N; i++)
		random_y[i] = 1000 + 50 * random_x[i * P];
	CHECK(regress_fit(&t, &robust, &fit));
	CHECK(fabs(raw(&fit, 0) - 50) < 1e-6);
	fit_release(&fit);
}

/* Ridge with two columns all but the same: ordinary coefficients explode, ridge shares the 50 among them. */
static double nearly_a(const double *row)
{
	return row[0] + 1e-6 * row[1];
}

static void test_ridge(void)
{
	const struct fit_rules ordinary = { FIT_ORDINARY, 1 }, ridge = { FIT_RIDGE, 1 };
	struct table t = random_table(nearly_a);
	struct fit fit;

	CHECK(regress_fit(&t, &ordinary, &fit));
	CHECK(fabs(raw(&fit, 0)) > 1000);
	fit_release(&fit);
	CHECK(regress_fit(&t, &ridge, &fit));
	CHECK(fit.penalty > 0);
	CHECK(fabs(raw(&fit, 0) - 25) < 3 && fabs(raw(&fit, P - 1) - 25) < 3);
	fit_release(&fit);
}

/*
 * Costs of 9 to 1 make the fit the 0.9 expectile of the noise, which for a normal one lies 0.862 deviations above the
 * mean, where 19.4 % of the rows are above it.
 */
static void test_asymmetric(void)
{
	const struct fit_rules rules = { FIT_ORDINARY, 9 };
	struct table t = random_table(NULL);
	double predicted[N];
	struct fit fit;

	CHECK(regress_fit(&t, &rules, &fit));
	for (size_t i = 0; i < N; i++)
		predicted[i] = fit_value(&fit, t.x + i * P);
	struct judgement j = regress_judge(predicted, t.y, N, -1, 1);

	CHECK(j.under > .194 - .08 && j.under < .194 + .08);
	CHECK(fabs(raw(&fit, 0) - 50) < 5);
	fit_release(&fit);
}

static void test_judge(void)
{
	static const double y[] = { 10, 20, 0, 50 }, predicted[] = { 11, 18, 0, 55 };
	/* Mean 20, squares around it 100 + 0 + 400 + 900 = 1400. Errors 1, -2, 0, 5: squares 30. Relative .1 + .1 + .1. */
	struct judgement j = regress_judge(predicted, y, 4, -4, 2);

	CHECK_U64(j.n, 4);
	CHECK(fabs(j.r2 - (1 - 30. / 1400)) < 1e-12 && fabs(j.rmse - sqrt(7.5)) < 1e-12 && fabs(j.relative - .1) < 1e-12);
	CHECK(fabs(j.under - .25) < 1e-12 && fabs(j.inside - .75) < 1e-12);
	j = regress_judge(predicted, y, 0, 0, 0);
	CHECK(isnan(j.rmse) && isnan(j.r2));
}

static void test_too_few(void)
{
	const struct fit_rules rules = { FIT_ORDINARY, 1 };
	struct fit fit;

	CHECK(!regress_fit(&(struct table){ longley_x, longley_y, 7, 6 }, &rules, &fit));
	CHECK(!regress_fit(&(struct table){ longley_x, longley_y, 16, 0 }, &rules, &fit));
}

int main(void)
{
	test_norris();
	test_longley();
	test_wampler();
	test_filip();
	test_columns();
	test_select();
	test_robust();
	test_ridge();
	test_asymmetric();
	test_judge();
	test_too_few();
	return tap_end("regress");
}
