# Two programs: delivery, which decides, and mailer, which writes as the user.
local_SRCS := delivery/local/main.c delivery/local/post.c \
    delivery/local/item.c delivery/local/deliver.c \
    delivery/local/delivery.c delivery/local/report.c \
    delivery/local/report_text.c
# What a terminal is shown, which is tested alone.
screen_SRCS := delivery/local/screen.c
# The formats of mailboxes, without the process around them.
mailbox_SRCS := delivery/local/content.c delivery/local/dotlock.c \
    delivery/local/maildir.c delivery/local/mbox.c \
    delivery/local/mbox_find.c delivery/local/place.c \
    delivery/local/result.c delivery/local/together.c
mailer_SRCS := delivery/local/mailer.c delivery/local/mailer_main.c \
    delivery/local/terminal.c $(mailbox_SRCS) $(screen_SRCS)
