# SPDX-License-Identifier: GPL-2.0-or-later
CFLAGS_wss-fit := $(shell pkg-config --cflags gsl)
LIBS_wss-fit   := $(shell pkg-config --libs gsl)

# Programs of tests that hold its pure files.
$(B)/unit/homogeneity $(B)/unit/regress $(B)/helpers/fit-rate: LDLIBS += $(LIBS_wss-fit)
