# What the programs of this directory share are rooms of their own.
crash_SRCS := regress/crash/calls.c regress/crash/common.c \
    regress/crash/disk.c regress/crash/disk_build.c
load_SRCS := regress/crash/load.c regress/crash/truth.c
box_SRCS := regress/crash/box.c
$(eval $(call tool,crash,powercut,load crash store base))
$(eval $(call tool,crash,mailcut,box crash mailbox config mail base))
$(eval $(call tool,crash,mailfault,box crash mailbox config mail base))
