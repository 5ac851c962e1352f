$(eval $(call unit,delivery,dsn_test,dsn mail base))
# Dot-locks need nothing else of the mailer.
dotlock_SRCS := delivery/local/dotlock.c
$(eval $(call unit,delivery,dotlock_test,dotlock base))
$(eval $(call unit,delivery,screen_test,screen mail base))
together_SRCS := delivery/local/together.c
$(eval $(call unit,delivery,together_test,together base))
mboxfind_SRCS := delivery/local/mbox_find.c
$(eval $(call unit,delivery,mbox_find_test,mboxfind mail base))
