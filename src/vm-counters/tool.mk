# SPDX-License-Identifier: GPL-2.0-or-later
ifeq ($(shell pkg-config --exists libvirt libvirt-qemu && echo yes),yes)
CFLAGS_vm-counters := $(shell pkg-config --cflags libvirt libvirt-qemu)
LIBS_vm-counters   := $(shell pkg-config --libs libvirt libvirt-qemu)
SKIP_vm-counters   := src/vm-counters/libvirt-missing.c
else
SKIP_vm-counters   := src/vm-counters/reader-libvirt.c src/vm-counters/reader-agent.c src/vm-counters/domain.c
endif
