# SPDX-License-Identifier: GPL-2.0-or-later
ifeq ($(call have,libvirt),yes)
CFLAGS_balloon-set += $(shell pkg-config --cflags libvirt)
LIBS_balloon-set   += $(shell pkg-config --libs libvirt)
SKIP_balloon-set   += src/balloon-set/libvirt-missing.c
else
SKIP_balloon-set   += src/balloon-set/actuator-libvirt.c
endif

XEN := xencontrol xendevicemodel xenforeignmemory xenstore
ifeq ($(call have,$(XEN)),yes)
CFLAGS_balloon-set += $(shell pkg-config --cflags $(XEN))
LIBS_balloon-set   += $(shell pkg-config --libs $(XEN))
SHARED_balloon-set += src/xen/xen-link.c
SKIP_balloon-set   += src/balloon-set/xen-missing.c
else
SKIP_balloon-set   += src/balloon-set/actuator-xen.c
endif
LIBS_balloon-set   += -pthread
