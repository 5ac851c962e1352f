# What the programs of this directory share is a room of its own.
crash_SRCS := regress/crash/calls.c regress/crash/common.c \
    regress/crash/disk.c
truth_SRCS := regress/crash/truth.c
$(eval $(call tool,crash,powercut,truth crash store base))
