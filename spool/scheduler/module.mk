# What decides and what talks to other processes: the first is tested alone.
sched_core_SRCS := spool/scheduler/dispatch.c spool/scheduler/heap.c \
    spool/scheduler/note.c \
    spool/scheduler/queue.c spool/scheduler/retry.c spool/scheduler/step.c
scheduler_SRCS := $(sched_core_SRCS) spool/scheduler/assign.c \
    spool/scheduler/ctl.c spool/scheduler/envelope.c spool/scheduler/flush.c \
    spool/scheduler/hoststats.c spool/scheduler/load.c \
    spool/scheduler/main.c spool/scheduler/order.c spool/scheduler/outcome.c \
    spool/scheduler/relays.c spool/scheduler/scheduler.c \
    spool/scheduler/strays.c
