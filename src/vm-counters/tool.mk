# SPDX-License-Identifier: GPL-2.0-or-later
ifeq ($(call have,libvirt libvirt-qemu),yes)
CFLAGS_vm-counters += $(shell pkg-config --cflags libvirt libvirt-qemu)
LIBS_vm-counters   += $(shell pkg-config --libs libvirt libvirt-qemu)
SKIP_vm-counters   += src/vm-counters/libvirt-missing.c
else
SKIP_vm-counters   += src/vm-counters/reader-libvirt.c src/vm-counters/reader-agent.c src/vm-counters/domain.c
endif

XEN := xencontrol xendevicemodel xenforeignmemory xenstore
ifeq ($(call have,$(XEN)),yes)
CFLAGS_vm-counters += $(shell pkg-config --cflags $(XEN))
LIBS_vm-counters   += $(shell pkg-config --libs $(XEN))
SHARED_vm-counters += src/xen/xen-link.c src/xen/xen-devices.c
SKIP_vm-counters   += src/vm-counters/xen-missing.c
else
SKIP_vm-counters   += src/vm-counters/reader-xen.c
endif
