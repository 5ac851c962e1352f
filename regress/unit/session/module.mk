# The session's own objects between a router, a spool and a master that
# fake.c plays.
sessionfake_SRCS := regress/unit/session/fake.c
session_UNIT := sessioncore sessionfake mail base
$(eval $(call unit,session,matrix_test,$(session_UNIT)))
$(eval $(call unit,session,dialogue_test,$(session_UNIT)))
$(eval $(call unit,session,peers_test,$(session_UNIT)))
$(eval $(call unit,session,smuggling_test,$(session_UNIT)))
$(eval $(call unit,session,process_test,$(session_UNIT)))
