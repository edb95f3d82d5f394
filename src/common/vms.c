/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vms.h"

#include "diag.h"

#include <inttypes.h>
#include <stdlib.h>

void *vms_get(struct vms *vms, const char *name, bool *is_new)
{
	if (is_new)
		*is_new = false;
	if (vms->n && vms->name[vms->last] == name)
		return vms->state[vms->last];
	for (size_t i = 0; i < vms->n; i++)
		if (vms->name[i] == name) {
			vms->last = i;
			return vms->state[i];
		}
	if (vms->n == vms->size) {
		vms->size = vms->size ? 2 * vms->size : 16;
		vms->name = or_die(reallocarray(vms->name, vms->size, sizeof(*vms->name)));
		vms->state = or_die(reallocarray(vms->state, vms->size, sizeof(*vms->state)));
	}
	vms->last = vms->n;
	vms->name[vms->n] = name;
	vms->state[vms->n] = or_die(calloc(1, vms->state_size));
	if (is_new)
		*is_new = true;
	return vms->state[vms->n++];
}

void vms_release(struct vms *vms)
{
	for (size_t i = 0; i < vms->n; i++)
		free(vms->state[i]);
	free(vms->state);
	free(vms->name);
}

void vms_check_time(struct rec_in *in, const char *vm, uint64_t *last_ns, uint64_t t_ns)
{
	if (t_ns < *last_ns)
		rec_die(in, "column 't_ns': goes back from %" PRIu64 " to %" PRIu64 " for VM '%.64s'", *last_ns,
			t_ns, vm);
	*last_ns = t_ns;
}
