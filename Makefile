# Bulkhead: one makefile for everything.  Rooms say what they are made of in
# their module.mk; a program's line below says which rooms it links, and that
# list is the map of who can do what.
#
#	make            build into build/
#	make SAN=1      the same with ASan and UBSan into build-san/
#	make help       the other targets

MAKEFLAGS  += --no-builtin-rules
.SUFFIXES:
.DELETE_ON_ERROR:

PREFIX     ?= /usr
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

PKGS       := libseccomp libbsd-overlay libevent_core
WARN       := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
    -Wold-style-definition -Wcast-qual -Wwrite-strings -Wformat=2 -Wvla \
    -Wundef -Wpointer-arith -Wnull-dereference -Wswitch-enum -Wconversion \
    -Wsign-conversion -Wno-unused-parameter -Werror=format-security \
    -Werror=implicit-function-declaration -Werror=int-conversion \
    -Werror=incompatible-pointer-types -Werror=return-type
HARDEN     := -fstack-protector-strong -fstack-clash-protection -fPIE \
    -fno-delete-null-pointer-checks -fno-strict-overflow -fno-strict-aliasing
LDHARDEN   := -pie -Wl,-z,relro,-z,now,-z,noexecstack,-z,separate-code
ifeq ($(shell uname -m),x86_64)
HARDEN     += -fcf-protection=full
else
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

ifeq ($(V),0)
Q          := @
say         = @printf '%8s  %s\n' $(1) $(2)
endif

all: programs

# Rooms: each module.mk sets room_SRCS.
MODULES    := $(sort $(wildcard privsep/*/module.mk smtpd/*/module.mk \
    spool/*/module.mk delivery/*/module.mk))
include $(MODULES)

# Programs: the path under $(O), and the rooms that are linked into it.
PROGRAMS   :=
define program
PROGRAMS   += $(O)/$(1)
$(O)/$(1): $$(foreach r,$(2),$$(patsubst %.c,$(O)/obj/%.o,$$($$(r)_SRCS)))
	$$(call say,LD,$$@)
	@mkdir -p $$(@D)
	$$(Q)$$(CC) $$(CFLAGS) $$(LDFLAGS) -o $$@ $$^ $$(LDLIBS)
endef


programs: $(PROGRAMS)

$(O)/obj/%.o: %.c
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

# Unit tests: every regress/unit/ROOM/NAME_test.c is a program that links the
# real objects of the rooms that regress/unit/ROOM/module.mk names.
ATF_LIBS    = $(shell $(PKG_CONFIG) --libs atf-c)
UNITS      :=
define unit
UNITS      += $(O)/regress/unit/$(1)/$(2)
$(O)/regress/unit/$(1)/$(2): $(O)/obj/regress/unit/$(1)/$(2).o \
    $$(foreach r,$(3),$$(patsubst %.c,$(O)/obj/%.o,$$($$(r)_SRCS)))
	$$(call say,LD,$$@)
	@mkdir -p $$(@D)
	$$(Q)$$(CC) $$(CFLAGS) $$(LDFLAGS) -o $$@ $$^ $$(LDLIBS) $$(ATF_LIBS)
endef
include $(sort $(wildcard regress/unit/*/module.mk))
units: $(UNITS)

clean:
	rm -rf build build-san

-include $(shell find $(O)/obj -name '*.d' 2>/dev/null)

.PHONY: all programs units clean
