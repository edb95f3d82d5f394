# SPDX-License-Identifier: GPL-2.0-or-later
# Sources that need a library are left out where it is not; files *-missing.c say so to the user.
LIBVIRT := libvirt libvirt-qemu
ifeq ($(call have,$(LIBVIRT)),yes)
CFLAGS_wss-trace += $(shell pkg-config --cflags $(LIBVIRT))
LIBS_wss-trace   += $(shell pkg-config --libs $(LIBVIRT))
SKIP_wss-trace   += src/wss-trace/libvirt-missing.c
else
SKIP_wss-trace   += $(addprefix src/wss-trace/,source-libvirt.c qemu/libvirt-link.c qemu/libvirt-monitor.c)
endif

XEN := xencall xencontrol xendevicemodel xenevtchn xenforeignmemory xenguest xenstore
ifeq ($(call have,$(XEN)),yes)
CFLAGS_wss-trace += $(shell pkg-config --cflags $(XEN)) -Isrc/xen
LIBS_wss-trace   += $(shell pkg-config --libs $(XEN))
SHARED_wss-trace += src/xen/xen-link.c
SKIP_wss-trace   += src/wss-trace/xen-missing.c
$(B)/helpers/xen-walk $(B)/helpers/xen-rate: $(B)/xen/xen-link.o $(B)/wss-trace/pagewalk.o $(B)/wss-trace/xen/tables.o
$(B)/helpers/xen-%: CFLAGS += $(CFLAGS_wss-trace)
$(B)/helpers/xen-%: LDLIBS += $(LIBS_wss-trace)
else
HELPERS          := $(filter-out $(B)/helpers/xen-%,$(HELPERS))
SKIP_wss-trace   += $(filter-out %/xen-missing.c,$(wildcard src/wss-trace/source-xen*.c src/wss-trace/xen/*.c))
endif

# The plugin for QEMU that source-plugin.c talks to: a shared object, loaded by a QEMU that was built without our sanitizers.
PLUGIN         := $(B)/wss-plugin.so
PLUGIN_SOURCES := $(wildcard src/wss-trace/plugin/*.c) src/common/num.c
SKIP_wss-trace += $(PLUGIN_SOURCES)

all: $(PLUGIN)

$(PLUGIN): $(PLUGIN_SOURCES) $(wildcard src/wss-trace/plugin/*.h) src/common/num.h src/wss-trace/tool.mk
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(filter-out $(SAN),$(ALL_CFLAGS)) -fPIC -fvisibility=hidden -shared -pthread -o $@ $(PLUGIN_SOURCES)

install: install-plugin
.PHONY: install-plugin
install-plugin: $(PLUGIN)
	install -d $(DESTDIR)$(PREFIX)/lib/wss-tools
	install -m 644 $(PLUGIN) $(DESTDIR)$(PREFIX)/lib/wss-tools

STATIC_TOOLS += wss-trace
