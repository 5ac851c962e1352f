store_SRCS := spool/store/commit.c spool/store/compact.c \
    spool/store/content.c spool/store/crc32c.c spool/store/index.c \
    spool/store/io.c spool/store/quarantine.c spool/store/read.c \
    spool/store/record.c spool/store/recover.c spool/store/room.c \
    spool/store/scan.c spool/store/segment.c spool/store/store.c \
    spool/store/tx.c
