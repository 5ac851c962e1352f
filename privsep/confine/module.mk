confine_SRCS := $(addprefix privsep/confine/,roles.c confine.c caps.c \
    namespaces.c master.c landlock.c verify.c filter.c filter_none.c \
    policy_base.c policy_master.c policy_session.c policy_router.c \
    policy_spool.c policy_scheduler.c policy_delivery.c policy_mailer.c \
    policy_relay.c policy_resolver.c policy_control.c)
