# SPDX-License-Identifier: GPL-2.0-or-later
CFLAGS_balloon-set := $(shell pkg-config --cflags libvirt)
LIBS_balloon-set   := $(shell pkg-config --libs libvirt) -pthread
