/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "store.h"

#include "counter.h"
#include "diag.h"
#include "record.h"

#include <stdlib.h>
#include <string.h>

/* Samples of a VM have their counters in the same order each time: the next one is mostly the one after the last. */
static struct series *series_of(struct stored *vm, const char *name)
{
	for (size_t k = 0; k < vm->n; k++) {
		size_t i = (vm->last + 1 + k) % vm->n;

		if (vm->series[i].name == name) {
			vm->last = i;
			return &vm->series[i];
		}
	}
	if (vm->n == vm->size) {
		vm->size = vm->size ? 2 * vm->size : 16;
		vm->series = or_die(reallocarray(vm->series, vm->size, sizeof(*vm->series)));
	}
	vm->last = vm->n;
	vm->series[vm->n] = (struct series){ .name = name };
	return &vm->series[vm->n++];
}

void store_read(char *const *files, int n, struct vms *vms)
{
	struct rec_in *in = rec_open(files, n, ACCEPT(counter));
	struct rec_counter row;

	vms->state_size = sizeof(struct stored);
	while (rec_next(in, &row)) {
		struct stored *vm = vms_get(vms, row.vm, NULL);

		vms_check_time(in, row.vm, &vm->last_ns, row.t_ns);
		struct series *series = series_of(vm, row.counter);

		if (series->n == series->size) {
			series->size = series->size ? 2 * series->size : 64;
			series->row = or_die(reallocarray(series->row, series->size, sizeof(*series->row)));
		}
		series->row[series->n].t_ns = row.t_ns;
		series->row[series->n++].value = row.value;
	}
	if (vms->n == 0)
		rec_die(in, "no counter: nothing to look at");
	rec_in_close(in);
}

void store_release(struct vms *vms)
{
	for (size_t v = 0; v < vms->n; v++) {
		struct stored *vm = vms->state[v];

		for (size_t i = 0; i < vm->n; i++)
			free(vm->series[i].row);
		free(vm->series);
	}
	vms_release(vms);
}

const struct series *store_find(const struct stored *vm, const char *name)
{
	for (size_t i = 0; i < vm->n; i++)
		if (vm->series[i].name == name)
			return &vm->series[i];
	return NULL;
}

bool store_is_count(const struct vms *vms, const char *name)
{
	const struct counter_decl *known = counter_find(name, strlen(name));
	size_t rises = 0, falls = 0;

	if (known)
		return known->kind == COUNTER_COUNT;
	for (size_t v = 0; v < vms->n; v++) {
		const struct series *s = store_find(vms->state[v], name);

		for (size_t i = 1; s && i < s->n; i++) {
			if (s->row[i].value == UNKNOWN || s->row[i - 1].value == UNKNOWN)
				continue;
			rises += s->row[i].value > s->row[i - 1].value;
			falls += s->row[i].value < s->row[i - 1].value;
		}
	}
	return rises > 0 && falls * 100 < rises;
}
