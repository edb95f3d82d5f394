# SPDX-License-Identifier: GPL-2.0-or-later
#
# One makefile, no list of tools: src/NAME/*.c becomes bin/NAME, src/NAME/NAME.sh becomes bin/NAME, man/* is installed,
# tests/* is run. What one tool needs beyond that stands in src/NAME/tool.mk: SHARED_NAME are sources of src/xen/, which
# is no tool. `make help` lists the targets.

PREFIX   ?= /usr/local
B        ?= build
BIN      ?= bin
CFLAGS   ?= -O2 -g
SAN      :=
WARN     := -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wvla -Wmissing-prototypes -Wstrict-prototypes -Werror
ALL_CFLAGS = -std=c11 -D_GNU_SOURCE $(WARN) -ffp-contract=off -include src/common/banned.h -Isrc/common $(SAN) $(CPPFLAGS) $(CFLAGS)
LDLIBS   := -lcsv -lz -lm
# In a tool.mk: yes if these libraries are there. To a static program (STATIC=1, `make static`) they are not, nor those in
# WITHOUT.
have = $(if $(STATIC)$(filter $(WITHOUT),$(1)),,$(shell pkg-config --exists $(1) && echo yes))
ifeq ($(V),)
Q := @
say = @printf '  %-6s %s\n' $(1) $(2)
endif

C_TOOLS     := $(patsubst src/%/,%,$(filter-out src/common/ src/xen/,$(sort $(dir $(wildcard src/*/*.c)))))
SHELL_TOOLS := $(patsubst src/%/,%,$(sort $(dir $(wildcard src/*/*.sh))))
TOOLS       := $(C_TOOLS) $(SHELL_TOOLS)
COMMON      := $(patsubst src/%.c,$(B)/%.o,$(wildcard src/common/*.c))
UNITS       := $(patsubst tests/%.c,$(B)/%,$(wildcard tests/unit/*.c))
HELPERS     := $(patsubst tests/%.c,$(B)/%,$(wildcard tests/helpers/*.c))

.DELETE_ON_ERROR:
.PHONY: all static FORCE help demo check check-fast check-san check-beds check-static check-man bench bench-beds evaluation learning-set learning fuzz cover install clean deps deps-beds

all: $(addprefix $(BIN)/,$(TOOLS))

help:
	@echo 'make               build bin/'
	@echo 'make static        wss-trace without shared libraries, for guests and old hosts: build-static/bin/wss-trace'
	@echo 'make demo          the whole pipeline on a real guest: a minute, a table, a picture'
	@echo 'make check         everything that needs no special hardware (installs or names missing packages)'
	@echo 'make check-fast    the same without slow tests'
	@echo 'make check-san     with address and undefined-behaviour sanitizers'
	@echo 'make check-beds    on real hypervisors and guests, under emulation'
	@echo 'make check-static  clang-tidy, cppcheck, shellcheck'
	@echo 'make check-man     manual pages: lint, and options against --help both ways'
	@echo 'make bench         speed and memory, as ratios measured in one run'
	@echo 'make bench-beds    what tracing costs in real hypervisors, under emulation, as ratios'
	@echo 'make evaluation    every method against the truth: docs/evaluation.md, some minutes'
	@echo 'make learning-set  counters and truth of guests under many loads, recorded anew: half an hour; it can be ended and goes on'
	@echo 'make learning      what can be learned of them: share/*.model and docs/learning.md, two minutes'
	@echo 'make fuzz          fuzz the readers for FUZZ_SECONDS (60)'
	@echo 'make cover         line coverage of the tests'
	@echo 'make install       PREFIX=/usr/local DESTDIR='
	@echo 'Settings: V=1 shows commands, YES=1 installs packages without asking, WSS_STRICT=1 makes a skipped test fail'

# ---- tools ----

# In a tool's folder, files THING-*.c beside THING.h are entries of a table `THINGs[]` that is made from their names.
tables_of = $(foreach h,$(wildcard src/$(1)/*.h),$(if $(wildcard $(h:.h=)-*.c),$(basename $(notdir $(h)))))

-include $(wildcard src/*/tool.mk)

define TABLE
$(B)/$(1)/$(2)-table.c: $$(wildcard src/$(1)/$(2)-*.c) FORCE
	@mkdir -p $$(@D)
	@scripts/make-table $(1) $(2) > $$@.tmp && if cmp -s $$@.tmp $$@; then rm $$@.tmp; else mv $$@.tmp $$@; fi
$(B)/$(1)/$(2)-table.o: $(B)/$(1)/$(2)-table.c
	$(call say,CC,$$<)
	$(Q)$$(CC) $$(ALL_CFLAGS) $$(CFLAGS_$(1)) -Isrc/$(1) -MMD -MP -c -o $$@ $$<
endef

define TOOL
$(foreach t,$(call tables_of,$(1)),$(eval $(call TABLE,$(1),$(t))))
$(BIN)/$(1): $$(patsubst src/%.c,$(B)/%.o,$$(filter-out $$(SKIP_$(1)),$$(wildcard src/$(1)/*.c src/$(1)/*/*.c)) $$(SHARED_$(1))) \
	     $(foreach t,$(call tables_of,$(1)),$(B)/$(1)/$(t)-table.o) $$(COMMON)
	@mkdir -p $$(@D)
	$(call say,LD,$$@)
	$(Q)$$(CC) $$(ALL_CFLAGS) $$(LDFLAGS) $$(if $$(SAN),,$$(LDFLAGS_$(1))) -o $$@ $$(filter %.o,$$^) $$(LIBS_$(1)) $$(LDLIBS)
$(B)/$(1)/%.o: CFLAGS += $$(CFLAGS_$(1))
endef
$(foreach t,$(C_TOOLS),$(eval $(call TOOL,$(t))))

define SHELL_TOOL
$(BIN)/$(1): src/$(1)/$(1).sh
	@mkdir -p $$(@D)
	$(call say,SH,$$@)
	$(Q)install -m 755 $$< $$@
endef
$(foreach t,$(SHELL_TOOLS),$(eval $(call SHELL_TOOL,$(t))))

$(B)/%.o: src/%.c
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

# Programs of the tests: each one file, with all of src/common. Those for guests have no shared libraries.
LDFLAGS_disk-read := -static
$(B)/unit/%: tests/unit/%.c $(COMMON)
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(ALL_CFLAGS) -Isrc -MMD -MP -o $@ $< $(filter %.o,$^) $(LDLIBS)
$(B)/helpers/%: tests/helpers/%.c $(COMMON)
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(ALL_CFLAGS) -Isrc -MMD -MP $(if $(SAN),,$(LDFLAGS_$*)) -o $@ $< $(filter %.o,$^) $(LDLIBS)

-include $(shell find $(B) -name '*.d' 2>/dev/null)

# ---- checks ----

deps:
	@scripts/need build test

deps-beds:
	@scripts/need beds learn

check-beds: deps-beds
check check-fast check-san check-beds: deps
	@scripts/check $@

check-static: deps
	@scripts/check-static

check-man: deps
	@$(MAKE) --no-print-directory all $(B)/helpers/record-tables
	@scripts/check-man

# What is found (pkg-config) is found anew by a second make, after the packages are there.
bench: deps
	@scripts/need bench
	@$(MAKE) --no-print-directory all $(HELPERS)
	@scripts/bench

bench-beds: deps deps-beds
	@scripts/need bench
	@$(MAKE) --no-print-directory test-programs
	@scripts/bench --beds

evaluation: all
	@scripts/need build demo
	@tests/evaluation/run

learning-set: all
	@scripts/need build test learn
	@scripts/learn/record -j 2
	@scripts/learn/join build/learning > share/learning-set.csv
	@cp build/learning/about share/learning-set.txt
	@scripts/learn/report

learning: all
	@scripts/learn/report

fuzz: deps
	@scripts/fuzz

cover: deps
	@scripts/need cover
	@scripts/cover

# What `scripts/check` asks for: everything the tests run.
.PHONY: test-programs
test-programs: all $(UNITS) $(HELPERS)

# ---- the rest ----

# One file each, for where there are no libraries; a source that needs one says that it is not there.
static:
	@$(MAKE) --no-print-directory B=build-static BIN=build-static/bin LDFLAGS='-static $(LDFLAGS)' STATIC=1 \
		$(addprefix build-static/bin/,$(STATIC_TOOLS))

demo:
	@scripts/need build demo
	@$(MAKE) --no-print-directory all
	@scripts/demo

install: all $(B)/helpers/record-tables
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/share/man/man1 $(DESTDIR)$(PREFIX)/share/man/man5 $(DESTDIR)$(PREFIX)/share/man/man7
	install $(addprefix $(BIN)/,$(TOOLS)) $(DESTDIR)$(PREFIX)/bin
	for page in man/*.[157]; do scripts/man-page $$page > $(DESTDIR)$(PREFIX)/share/man/man$${page##*.}/$${page##*/}; done

clean:
	rm -rf $(B) build-* $(addprefix $(BIN)/,$(TOOLS))
