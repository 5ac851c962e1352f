# Bulkhead: one makefile for everything.  Rooms say what they are made of in
# their module.mk; a program's line below says which rooms it links, and that
# list is the map of who can do what.
#
#	make            build into build/
#	make SAN=1      the same with ASan and UBSan into build-san/
#	make CC=clang   the same with clang (give it an O= of its own)
#	make help       the other targets

MAKEFLAGS  += --no-builtin-rules
.SUFFIXES:
.DELETE_ON_ERROR:

PREFIX     ?= /usr/local
SYSCONFDIR ?= /etc
CC         ?= gcc
ifeq ($(origin CC),default)
CC         := gcc
endif
PKG_CONFIG ?= pkg-config
V          ?= 0
O          := build
ifdef SAN
O          := build-san
endif

VERSION    := 0.1

PKGS       := libseccomp libbsd-overlay libevent_core libidn2 libssl libcrypto libunbound
WARN       := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
    -Wold-style-definition -Wcast-qual -Wwrite-strings -Wformat=2 -Wvla \
    -Walloca -Wundef -Wpointer-arith -Wnull-dereference -Wswitch-enum \
    -Wconversion -Wsign-conversion -Wno-unused-parameter \
    -Werror=format-security -Werror=implicit-function-declaration \
    -Werror=int-conversion -Werror=incompatible-pointer-types \
    -Werror=return-type
HARDEN     := -fstack-protector-strong -fstack-clash-protection -fPIE \
    -fno-delete-null-pointer-checks -fno-strict-overflow -fno-strict-aliasing
LDHARDEN   := -pie -Wl,-z,relro,-z,now,-z,noexecstack,-z,separate-code \
    -Wl,--as-needed
MACHINE    := $(shell uname -m)
ifeq ($(MACHINE),x86_64)
HARDEN     += -fcf-protection=full
else ifeq ($(MACHINE),aarch64)
HARDEN     += -mbranch-protection=standard
endif
# What only one of the two compilers knows.
ifneq ($(findstring clang,$(shell $(CC) --version 2>/dev/null)),)
WARN       += -Wno-format-nonliteral
else
HARDEN     += -ftrivial-auto-var-init=zero
WARN       += -Wduplicated-cond -Wlogical-op
endif
ifdef SAN
HARDEN     += -fsanitize=address,undefined -fno-sanitize-recover=undefined \
    -fno-omit-frame-pointer
LDHARDEN   += -fsanitize=address,undefined
DEFS       += -DBULKHEAD_SANITIZE
else ifdef FUZZ
HARDEN     += -fsanitize=fuzzer-no-link,address -fno-omit-frame-pointer
DEFS       += -DBULKHEAD_SANITIZE
else
HARDEN     += -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3
endif

OPT        ?= -O2 -g
DEFS       += -D_GNU_SOURCE -DBULKHEAD_VERSION='"$(VERSION)"' \
    -DSYSCONFDIR='"$(SYSCONFDIR)"'
CPPFLAGS   += -I. $(DEFS) $(shell $(PKG_CONFIG) --cflags $(PKGS) 2>/dev/null)
CFLAGS     += -std=c11 $(OPT) $(WARN) $(HARDEN) $(WERROR)
LDFLAGS    += $(LDHARDEN)
LDLIBS     += $(shell $(PKG_CONFIG) --libs $(PKGS) 2>/dev/null)
ATF_LIBS    = $(shell $(PKG_CONFIG) --libs atf-c)

ifeq ($(V),0)
Q          := @
say         = @printf '%8s  %s\n' $(1) $(2)
endif

all: programs links

# Rooms: each module.mk sets room_SRCS.
MODULES    := $(sort $(wildcard privsep/*/module.mk smtpd/*/module.mk \
    spool/*/module.mk delivery/*/module.mk))
include $(MODULES)

# $(call objects,ROOMS): their object files; library: without any main().
objects     = $(foreach r,$(1),$(patsubst %.c,$(O)/obj/%.o,$($(r)_SRCS)))
library     = $(filter-out %/main.o %_main.o,$(objects))

# Programs: the path under $(O), and the rooms that are linked into it.
PROGRAMS   :=
define program
PROGRAMS   += $(O)/$(1)
$(O)/$(1): $$(call objects,$(2))
	$$(call say,LD,$$@)
	@mkdir -p $$(@D)
	$$(Q)$$(CC) $$(CFLAGS) $$(LDFLAGS) -o $$@ $$^ $$(LDLIBS)
endef
ROLE       := ipc confine config mail base
LIBEXEC    := libexec/bulkhead
$(eval $(call program,sbin/smtpd,master $(ROLE)))
$(eval $(call program,$(LIBEXEC)/session,session $(ROLE)))
$(eval $(call program,$(LIBEXEC)/router,router idna $(ROLE)))
$(eval $(call program,$(LIBEXEC)/spool,writer store $(ROLE)))
$(eval $(call program,$(LIBEXEC)/scheduler,scheduler $(ROLE)))
$(eval $(call program,$(LIBEXEC)/delivery,local parcel dsn $(ROLE)))
$(eval $(call program,$(LIBEXEC)/mailer,mailer $(ROLE)))
$(eval $(call program,$(LIBEXEC)/relay,relay parcel idna $(ROLE)))
$(eval $(call program,$(LIBEXEC)/resolver,resolver $(ROLE)))
$(eval $(call program,$(LIBEXEC)/control,control $(ROLE)))
$(eval $(call program,sbin/smtpctl,smtpctl $(ROLE)))
$(eval $(call program,sbin/sendmail,sendmail $(ROLE)))
LINKS      := mailq newaliases

programs: $(PROGRAMS)
links: $(LINKS:%=$(O)/bin/%)
$(LINKS:%=$(O)/bin/%):
	@mkdir -p $(@D) && ln -sf ../sbin/sendmail $@

$(O)/obj/%.o: %.c
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

# Unit tests: every regress/unit/ROOM/NAME_test.c is a program that links the
# real objects of the rooms that regress/unit/ROOM/module.mk names.
UNITS      :=
define unit
UNITS      += $(O)/regress/unit/$(1)/$(2)
$(O)/regress/unit/$(1)/$(2): $(O)/obj/regress/unit/$(1)/$(2).o \
    $$(call library,$(3))
	$$(call say,LD,$$@)
	@mkdir -p $$(@D)
	$$(Q)$$(CC) $$(CFLAGS) $$(LDFLAGS) -o $$@ $$^ $$(LDLIBS) $$(ATF_LIBS)
endef

# Programs that shell tests use: $(call tool,DIR,NAME,ROOMS) makes
# $(O)/regress/DIR/NAME of regress/DIR/NAME.c.
TOOLS      :=
define tool
TOOLS      += $(O)/regress/$(1)/$(2)
harness-$(1): $(O)/regress/$(1)/$(2)
$(O)/regress/$(1)/$(2): $(O)/obj/regress/$(1)/$(2).o $$(call library,$(3))
	$$(call say,LD,$$@)
	@mkdir -p $$(@D)
	$$(Q)$$(CC) $$(CFLAGS) $$(LDFLAGS) -o $$@ $$^ $$(LDLIBS)
endef

# Fuzz targets: $(call fuzzer,NAME,ROOMS) for regress/fuzz/fuzz_NAME.c, with
# its corpus in regress/fuzz/corpus/NAME.  "make fuzz" links them with
# libFuzzer; every other build links them with replay_main.c, which runs the
# corpus as a test.
REPLAYS    :=
FUZZERS    :=
ifdef FUZZ
FUZZ_MAIN  :=
FUZZ_LINK  := -fsanitize=fuzzer,address
else
FUZZ_MAIN  := $(O)/obj/regress/fuzz/replay_main.o
FUZZ_LINK  :=
endif
define fuzzer
FUZZERS    += $(1)
REPLAYS    += $(O)/regress/fuzz/fuzz_$(1)
$(O)/regress/fuzz/fuzz_$(1): $(O)/obj/regress/fuzz/fuzz_$(1).o $(FUZZ_MAIN) \
    $$(call library,$(2))
	$$(call say,LD,$$@)
	@mkdir -p $$(@D)
	$$(Q)$$(CC) $$(CFLAGS) $$(LDFLAGS) $(FUZZ_LINK) -o $$@ $$^ $$(LDLIBS)
endef
include $(sort $(wildcard regress/*/module.mk regress/unit/*/module.mk))
units: $(UNITS)

# Shell tests lose their .sh.  Their first line becomes one that gives every
# test case its own network, mounts and process numbers: ports are free,
# nothing outlives the case, however it ends.
ISOLATE    := \#! /usr/bin/env -S unshare --net --pid --fork --kill-child \
    --mount-proc atf-sh
SHELL_SRCS := $(sort $(wildcard regress/*/*_test.sh))
SHELLS     := $(SHELL_SRCS:%.sh=$(O)/%)
HARNESS    := $(patsubst %,$(O)/%,$(wildcard regress/lib/*))
KILLS      := $(O)/regress/crash/kills
$(SHELLS) $(KILLS): $(O)/%: %.sh Makefile
	@mkdir -p $(@D)
	$(Q)sed '1s|.*|$(ISOLATE)|' $< >$@ && chmod 755 $@
$(HARNESS): $(O)/%: %
	@mkdir -p $(@D)
	$(Q)cp -p $< $@
# What the shell tests of a directory need beside themselves.
harness-%: all $(HARNESS)
	@:

TESTS       = $(UNITS) $(SHELLS) $(REPLAYS)
tests: $(TESTS) $(TOOLS) $(HARNESS)

check: deps
	+@$(MAKE) --no-print-directory WERROR=-Werror check-run
check-run: all tests peers
	+@regress/lib/suite.sh $(CURDIR) $(abspath $(O)) $(TESTS)
check-san:
	+@$(MAKE) SAN=1 check

# Other mail servers, which the tests and the bench speak with.
PEERS      := $(O)/peers/ready
peers: $(PEERS)
$(PEERS): regress/lib/peers.sh
	$(Q)$< $(abspath $(O)) && touch $@

# A process that has been taken over, and the proof that the tests would
# notice: each guard that they are there for is taken out once.
traitor: all tests
	+@regress/lib/suite.sh $(CURDIR) $(abspath $(O)) \
	    $(filter %/confine/traitor_test %/confine/turncoat_test \
	    %/confine/turncoat_relay_test,$(TESTS))
mutants: all tests
	+@regress/lib/mutants.sh $(CURDIR) $(abspath $(O)) $(MUTANTS)

# deps may bring pkg-config and the like: what follows is a make of its own.
demo: deps
	+@$(MAKE) --no-print-directory demo-run
demo-run: all
	@regress/demo.sh $(abspath $(O))

bench: deps
	+@$(MAKE) --no-print-directory bench-run
bench-run: all peers
	@regress/bench/run $(abspath $(O)) $(BENCH_FLAGS)

# The long form of regress/crash; CRASH_SEED repeats a run.
CRASH_STATES ?= 10000
CRASH_KILLS  ?= 200
CRASH_SEED   ?=
crash: deps
	+@$(MAKE) --no-print-directory crash-run
crash-run: all tests $(KILLS)
	$(O)/regress/crash/powercut -n $(CRASH_STATES) $(CRASH_SEED:%=-s %)
	$(O)/regress/crash/mailcut -n $(CRASH_STATES) $(CRASH_SEED:%=-s %)
	$(O)/regress/crash/mailfault
	@mkdir -p $(O)/crash && cd $(O)/crash && rm -rf kills && mkdir kills && \
	    cd kills && $(abspath $(KILLS)) -s $(abspath $(O)/regress/crash) \
	    -v kills=$(CRASH_KILLS) $(CRASH_SEED:%=-v seed=%) random

FUZZ_SECONDS ?= 60
FUZZ_OUT   := build-fuzz
fuzz:
	+@$(MAKE) CC=clang FUZZ=1 O=$(FUZZ_OUT) fuzz-run
fuzz-run: $(REPLAYS)
	@printf '%s\n' $(FUZZERS) | xargs -P "$$(nproc)" -n 1 \
	    regress/fuzz/fuzz.sh $(O) $(FUZZ_SECONDS)

# What reads the sources instead of running them.
C_SRCS     := $(sort $(wildcard privsep/*/*.c smtpd/*/*.c spool/*/*.c \
    delivery/*/*.c))
TEST_SRCS  := $(sort $(wildcard regress/*/*.c regress/unit/*/*.c))
C_HDRS     := $(sort $(wildcard privsep/*/*.h smtpd/*/*.h spool/*/*.h \
    delivery/*/*.h regress/*/*.h regress/unit/*/*.h))
MANUALS    := $(sort $(wildcard man/*.[1578]))
CLANG_FORMAT ?= clang-format-14
CLANG_TIDY ?= clang-tidy-14
LINTS      := man-check fmt-check sizes layers cppcheck tidy analyze
lint: $(LINTS)

man-check:
	$(if $(MANUALS),mandoc -Tlint -W warning $(MANUALS))
fmt-check:
	@$(CLANG_FORMAT) --dry-run -Werror $(C_SRCS) $(C_HDRS) $(TEST_SRCS)
sizes:
	@regress/lint/sizes.py regress/lint/sizes.allow $(C_SRCS) $(C_HDRS)
layers: all
	@regress/lint/layers.py regress/lint/layers.allow $(O)
cppcheck:
	cppcheck -q --std=c11 --error-exitcode=1 --inline-suppr \
	    --enable=warning,performance,portability --library=bsd \
	    --suppress=missingInclude --suppress=missingIncludeSystem \
	    -I. -I/usr/include/bsd -DLIBBSD_OVERLAY -D__$(MACHINE)__=1 \
	    $(DEFS) $(C_SRCS)
# A process for each file: clang-tidy 14 carries the state of one over to the
# next.
tidy:
	@printf '%s\n' $(C_SRCS) | xargs -P 2 -n 1 sh -c '$(CLANG_TIDY) --quiet \
	    "$$@" -- $(subst ','\'',$(CPPFLAGS)) -std=c11 2>/dev/null' tidy
# gcc 12 cannot follow an object into the lists and trees of <sys/queue.h> and
# <sys/tree.h> and out again; what leaks or is used after free, check-san sees.
ANALYZE    := -fanalyzer -Wno-analyzer-malloc-leak -Wno-analyzer-use-after-free
analyze:
	+@$(MAKE) O=build-analyze OPT='-O2 -g $(ANALYZE)' WERROR=-Werror programs

# Everything that building and testing needs on Debian 12.
DEB_PACKAGES := gcc make pkg-config libseccomp-dev libbsd-dev libevent-dev \
    libssl-dev openssl libidn2-dev libunbound-dev dns-root-data \
    libatf-dev atf-sh kyua swaks msmtp curl python3 mandoc \
    cppcheck clang clang-tidy clang-format libclang-rt-14-dev iproute2 \
    strace procps binutils util-linux nsd unbound ldnsutils
deps:
	@command -v dpkg-query >/dev/null || { \
	    echo "not Debian: $(DEB_PACKAGES) or the like are needed"; exit 0; }; \
	missing=$$(for p in $(DEB_PACKAGES); do \
	    dpkg-query -W -f='$${db:Status-Status}\n' $$p 2>/dev/null | \
	    grep -qx installed || echo $$p; done); \
	if [ -z "$$missing" ]; then :; \
	elif [ "$$(id -u)" != 0 ]; then \
	    echo "as root: apt-get install" $$missing; exit 1; \
	else apt-get -q update && DEBIAN_FRONTEND=noninteractive \
	    apt-get -q -y install --no-install-recommends $$missing; fi

# Installing: nothing is set-uid or set-gid.
BINDIR      = $(DESTDIR)$(PREFIX)/bin
SBINDIR     = $(DESTDIR)$(PREFIX)/sbin
LIBEXECDIR  = $(DESTDIR)$(PREFIX)/libexec/bulkhead
MANDIR      = $(DESTDIR)$(PREFIX)/share/man
DOCDIR      = $(DESTDIR)$(PREFIX)/share/doc/bulkhead
CONFDIR     = $(DESTDIR)$(SYSCONFDIR)/bulkhead
SYSUSERSDIR = $(DESTDIR)$(PREFIX)/lib/sysusers.d
UNITDIR     = $(DESTDIR)$(PREFIX)/lib/systemd/system
SAMPLE     := privsep/config/smtpd.conf.sample
fill        = sed -e 's|@PREFIX@|$(PREFIX)|g' -e 's|@SYSCONFDIR@|$(SYSCONFDIR)|g'

install: all
	+@$(MAKE) --no-print-directory install-files
install-files:
	install -d $(SBINDIR) $(BINDIR) $(LIBEXECDIR) $(DOCDIR) $(CONFDIR) \
	    $(SYSUSERSDIR) $(UNITDIR)
	install -m 755 $(filter $(O)/sbin/%,$(PROGRAMS)) $(SBINDIR)
	install -m 755 $(filter $(O)/$(LIBEXEC)/%,$(PROGRAMS)) $(LIBEXECDIR)
	for l in $(LINKS); do ln -sf ../sbin/sendmail $(BINDIR)/$$l; done
	$(foreach m,$(MANUALS),install -D -m 644 $(m) \
	    $(MANDIR)/man$(subst .,,$(suffix $(m)))/$(notdir $(m)) &&) :
	install -m 644 LICENSE $(wildcard README.md) $(DOCDIR)
	$(fill) privsep/master/bulkhead.sysusers >$(SYSUSERSDIR)/bulkhead.conf
	$(fill) privsep/master/bulkhead.service >$(UNITDIR)/bulkhead.service
	chmod 644 $(SYSUSERSDIR)/bulkhead.conf $(UNITDIR)/bulkhead.service
	[ ! -f $(SAMPLE) ] || install -m 644 $(SAMPLE) $(DOCDIR)
	[ ! -f $(SAMPLE) ] || [ -e $(CONFDIR)/smtpd.conf ] || \
	    install -m 644 $(SAMPLE) $(CONFDIR)/smtpd.conf

# The configuration and the queue stay.
uninstall:
	rm -f $(patsubst $(O)/%,$(DESTDIR)$(PREFIX)/%,$(PROGRAMS)) \
	    $(LINKS:%=$(BINDIR)/%) $(UNITDIR)/bulkhead.service \
	    $(SYSUSERSDIR)/bulkhead.conf \
	    $(foreach m,$(MANUALS),$(MANDIR)/man$(subst \
	    .,,$(suffix $(m)))/$(notdir $(m)))
	rm -rf $(LIBEXECDIR) $(DOCDIR)

clean:
	rm -rf build build-san build-analyze $(FUZZ_OUT)

help:
	@echo 'all          build into $(O)/ (default); SAN=1: with sanitizers'
	@echo 'deps         install what building and testing needs (Debian)'
	@echo 'demo         start a server in a directory and send mail to it'
	@echo 'units tests  build the unit tests; build all tests'
	@echo 'check        build and run the tests (as root); last line: totals'
	@echo 'check-san    the same on a build with sanitizers'
	@echo 'traitor      a process of each kind that has been taken over'
	@echo 'mutants      take each guard out and see a test turn red; MUTANTS='
	@echo 'crash        power cuts, failing calls and kills, the long form'
	@echo 'fuzz         run the fuzz targets, FUZZ_SECONDS=$(FUZZ_SECONDS) each'
	@echo 'bench        measure throughput'
	@echo 'lint         $(LINTS)'
	@echo 'install      to DESTDIR, PREFIX=$(PREFIX), SYSCONFDIR=$(SYSCONFDIR)'
	@echo 'uninstall    remove what install put there, not configuration'
	@echo 'clean        remove build directories'

-include $(shell find $(O)/obj -name '*.d' 2>/dev/null)

.PHONY: all peers programs links units tests check check-run check-san demo demo-run \
    crash crash-run \
    bench bench-run \
    fuzz fuzz-run lint $(LINTS) deps install install-files \
    uninstall clean help
