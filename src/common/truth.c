/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "truth.h"

#include "diag.h"

#include <stdlib.h>
#include <string.h>

void truth_check_figure(const char *against)
{
	if (strcmp(against, "touched") != 0 && strcmp(against, "written") != 0 && strcmp(against, "set") != 0)
		opt_die("--against: bad value '%s': need touched, written or set", against);
}

void truth_read(struct vms *truths, const struct opt_list *files, const char *against, const char *purpose)
{
	bool set = strcmp(against, "set") == 0, written = strcmp(against, "written") == 0;
	struct rec_in *in = rec_open((char *const *)files->item, (int)files->n, ACCEPT(truth));
	struct rec_truth row;

	while (rec_next(in, &row)) {
		struct truth_vm *vm = vms_get(truths, row.vm, NULL);

		vms_check_time(in, row.vm, &vm->last_ns, row.t_ns);
		if (vm->n == vm->size) {
			vm->size = vm->size ? 2 * vm->size : 64;
			vm->row = or_die(reallocarray(vm->row, vm->size, sizeof(*vm->row)));
		}
		vm->row[vm->n++] = (struct truth){
			.t_ns = row.t_ns, .window_ns = row.window_ns,
			.kib = set ? row.set_kib : written ? row.written_kib : row.touched_kib,
		};
	}
	rec_in_close(in);
	if (truths->n == 0)
		die(EX_DATAERR, "%s: no row: nothing to %s", files->item[0], purpose);
}

const struct truth_vm *truth_of(const struct vms *truths, const struct opt_list *names, const char *vm)
{
	const char *name = vm;
	size_t len = strlen(vm);

	for (size_t i = 0; i < names->n; i++)
		if (strncmp(names->item[i], vm, len) == 0 && names->item[i][len] == '=')
			name = names->item[i] + len + 1;
	for (size_t i = 0; i < truths->n; i++)
		if (strcmp(truths->name[i], name) == 0)
			return truths->state[i];
	return truths->n == 1 && name == vm ? truths->state[0] : NULL;
}

void truth_release(struct vms *truths)
{
	for (size_t i = 0; i < truths->n; i++)
		free(((struct truth_vm *)truths->state[i])->row);
	vms_release(truths);
}
