# SPDX-License-Identifier: GPL-2.0-or-later
# Sources that need a library are left out where it is not; files *-missing.c say so to the user.
ifeq ($(shell pkg-config --exists libvirt libvirt-qemu && echo yes),yes)
CFLAGS_wss-trace := $(shell pkg-config --cflags libvirt libvirt-qemu)
LIBS_wss-trace   := $(shell pkg-config --libs libvirt libvirt-qemu)
SKIP_wss-trace   := src/wss-trace/libvirt-missing.c
else
SKIP_wss-trace   := src/wss-trace/source-libvirt.c src/wss-trace/libvirt-link.c
endif
