# SPDX-License-Identifier: GPL-2.0-or-later
CFLAGS_wss-fit := $(shell pkg-config --cflags gsl)
LIBS_wss-fit   := $(shell pkg-config --libs gsl)

# Programs of tests that hold its pure files.
$(B)/unit/homogeneity $(B)/unit/regress $(B)/helpers/fit-rate: LDLIBS += $(LIBS_wss-fit)

# The models that were made here, the data they were made of, and what makes records of that.
install: install-models
.PHONY: install-models
install-models:
	install -d $(DESTDIR)$(PREFIX)/share/wss-tools
	install -m 644 share/* $(DESTDIR)$(PREFIX)/share/wss-tools
	install scripts/learn/unfold $(DESTDIR)$(PREFIX)/share/wss-tools
