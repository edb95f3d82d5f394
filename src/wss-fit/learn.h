/* SPDX-License-Identifier: GPL-2.0-or-later */
/* learn - a model from samples: learning and control samples, columns that say something, the fit, how good it is. */
#ifndef WSS_LEARN_H
#define WSS_LEARN_H

#include "regress.h"
#include "samples.h"

struct learn_rules {
	struct fit_rules fit;
	size_t most;            /* counters to select; 0: all */
};

struct learned {
	size_t p;
	size_t *column;         /* of the samples: those in the model */
	struct fit fit;
	double *low, *high;     /* of each column, in the learning samples */
	double error_low, error_high; /* 90 % of the errors of cross-validation lie between */
	double kib_low, kib_mean, kib_high; /* of the truth, in the learning samples */
	struct judgement learning, cross, control;
	const char *why_not;    /* NULL: there is a model; else why there is none */
};

/* is_control[i] says which samples are not to be learned from. learned_release() frees, also when there is no model. */
void learn(const struct samples *samples, const bool *is_control, const struct learn_rules *rules, struct learned *learned);
void learned_release(struct learned *learned);

#endif
