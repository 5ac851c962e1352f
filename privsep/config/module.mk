config_SRCS := privsep/config/anchor.c privsep/config/check.c \
    privsep/config/check_listen.c privsep/config/check_relay.c privsep/config/check_table.c \
    privsep/config/config.c \
    privsep/config/errors.c privsep/config/lex.c privsep/config/parse.c \
    privsep/config/parse_action.c privsep/config/parse_limit.c \
    privsep/config/parse_listen.c \
    privsep/config/parse_match.c privsep/config/parse_relay.c privsep/config/parse_resolver.c \
    privsep/config/parse_setting.c \
    privsep/config/parse_table.c privsep/config/print.c privsep/config/relay.c \
    privsep/config/relay_host.c \
    privsep/config/settings.c privsep/config/slice.c privsep/config/source.c \
    privsep/config/source_disk.c privsep/config/source_seal.c \
    privsep/config/suggest.c privsep/config/table.c \
    privsep/config/table_file.c privsep/config/table_match.c \
    privsep/config/template.c privsep/config/userbase.c privsep/config/words.c
