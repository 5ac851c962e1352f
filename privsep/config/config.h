/* SPDX-License-Identifier: ISC
 *
 * The configuration as every role sees it.  The master loads the bytes from
 * disk, parses them, and passes them on in one sealed memfd, from which every
 * other role parses the same again:
 *
 *	master	cfg_source_load_disk, config_parse, cfg_source_to_memfd for
 *		a role that needs all, config_slice_to_memfd for the others
 *	others	cfg_source_from_fd, config_parse
 *
 * A struct config is not changed after config_parse.
 */
#ifndef CONFIG_CONFIG_H
#define CONFIG_CONFIG_H

#include <sys/socket.h>
#include <sys/types.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "privsep/base/buf.h"
#include "privsep/config/table.h"
#include "privsep/config/template.h"

/* ---- where the bytes come from ---- */

struct cfg_source;

#define CFG_FILE_MAX    (16U << 20) /* octets of one file */
#define CFG_SOURCE_MAX  (64U << 20) /* octets of all files */
#define CFG_FILES_MAX   256         /* files of one configuration */
#define CFG_INCLUDE_MAX 16          /* includes within includes */
#define CFG_ERRORS_MAX  20          /* errors that are kept */

/* A macro given with -D; both are borrowed. */
struct cfg_define {
	const char *name;
	const char *value;
};

struct cfg_load {
	const char *path;     /* the main file */
	const char *hostname; /* name of this host, NULL to ask the system */
	const struct cfg_define *defines;
	size_t ndefines;
};

struct cfg_errors;

/*
 * Read the main file from disk and remember the rest of struct cfg_load, all
 * of which is copied.  Includes and file tables are read by config_parse as it
 * meets them, and recorded.  Relative paths are taken from the directory of
 * the main file.  A file must be regular, owned by root or the caller, not
 * writable by group or others, and no larger than CFG_FILE_MAX.
 * Gives *out (cfg_source_free).  0 or an error value, told in errs.
 */
int cfg_source_load_disk(const struct cfg_load *load, struct cfg_source **out,
    struct cfg_errors *errs);

/* The same without a file system, for tests and fuzzers: the main file is
 * text, and every other file must be added with cfg_source_add_file, by its
 * absolute path; relative ones are taken from /etc/bulkhead. */
int cfg_source_from_text(
    struct span text, const char *hostname, struct cfg_source **out);
int cfg_source_add_file(
    struct cfg_source *src, const char *path, struct span content);
int cfg_source_add_define(
    struct cfg_source *src, const char *name, struct span value);

/* A memfd, sealed against every change, with all that was loaded and recorded.
 * Gives *fd, close-on-exec.  0 or an error value. */
int cfg_source_to_memfd(const struct cfg_source *src, int *fd);

/* What cfg_source_to_memfd wrote, mapped; never touches the disk.  Borrows fd,
 * which may be closed afterwards.  Refuses one that is not sealed or is
 * damaged (-E_CORRUPT).  Gives *out (cfg_source_free). */
int cfg_source_from_fd(int fd, struct cfg_source **out);

/* NULL is allowed.  A struct config parsed from it does not need it. */
void cfg_source_free(struct cfg_source *src);

/* ---- errors ---- */

struct cfg_error {
	char *file;      /* as written in the include, or the main file */
	unsigned line;   /* from 1; 0 for an error without a place */
	unsigned column; /* from 1, in octets */
	char *message;   /* without a full stop */
	char *text;      /* the line of the file, NULL when there is none */
};

struct cfg_errors {
	struct cfg_error e[CFG_ERRORS_MAX];
	size_t count; /* kept */
	size_t total; /* found */
};

/* Start with no errors; free what was kept. */
void cfg_errors_init(struct cfg_errors *errs);
void cfg_errors_clear(struct cfg_errors *errs);

/* Append error i as text: file:line:column: message, the line, a caret under
 * the column.  Octets that are not printable ASCII are written as \xHH. */
void cfg_error_render(const struct cfg_error *e, struct buf *out);

/* All of them, and how many more there were. */
void cfg_errors_render(const struct cfg_errors *errs, struct buf *out);

/* ---- settings ---- */

#define CFG_LIST_MAX 32 /* durations of one list */

/* Durations in seconds; n >= 1. */
struct cfg_durations {
	size_t n;
	uint64_t s[CFG_LIST_MAX];
};

/* A field for each row of settings.def (octets, seconds, plain numbers) and
 * of settings_list.def. */
struct settings {
#define SETTING(field, words, type, def, min, max, meaning) uint64_t field;
#include "privsep/config/settings.def"
#undef SETTING
#define SETTING_LIST(field, words, def, min, max, meaning)                     \
	struct cfg_durations field;
#include "privsep/config/settings_list.def"
#undef SETTING_LIST
};

/* ---- listeners ---- */

enum listener_kind {
	LISTEN_ADDRESS,   /* addr, with its port */
	LISTEN_INTERFACE, /* all addresses of interface name, at port */
	LISTEN_SOCKET     /* Unix-domain socket at path name */
};

enum listener_isolation {
	ISOLATION_WORKER,
	ISOLATION_CONNECTION
};

/* To whom a listener answers what it need not. */
enum listener_serve {
	SERVE_NONE,
	SERVE_LOCAL, /* clients that COND_FROM_LOCAL means */
	SERVE_ANY
};

#define LISTEN_SOCKET_PATH "/run/bulkhead/submit.sock"

struct listener {
	unsigned index; /* in config.listeners */
	enum listener_kind kind;
	struct sockaddr_storage addr; /* LISTEN_ADDRESS */
	socklen_t addr_len;
	char *name;     /* interface or path, NULL for LISTEN_ADDRESS */
	int family;     /* of an interface: AF_UNSPEC, AF_INET, AF_INET6 */
	uint16_t port;  /* host order; 0 for LISTEN_SOCKET */
	char *tag;      /* NULL without */
	char *hostname; /* in the greeting and in Received; never NULL */
	enum listener_isolation isolation;
	uint64_t max_sessions; /* on this listener; never 0 */
	bool mask_src;         /* leave the client's address out of Received */
	bool no_dsn;           /* do not announce DSN */
	enum listener_serve vrfy;
	enum listener_serve expn;
	enum listener_serve terminal;  /* SEND, SOML, SAML */
	const struct table *etrn;      /* domains, NULL: not served */
	const struct table *etrn_from; /* to them beside local ones, or NULL */
	bool implied;                  /* not written in the file */
	bool optional; /* of localhost, which may have no IPv6 */
};

/* ---- actions ---- */

enum action_kind {
	ACTION_MAILDIR,
	ACTION_MBOX,
	ACTION_RELAY
};

enum relay_proto {
	RELAY_SMTP,
	RELAY_SMTPS, /* TLS from the first octet (RFC 8314) */
	RELAY_LMTP   /* RFC 2033 */
};

enum relay_tls {
	RELAY_TLS_MAY, /* where it is offered, whoever is there */
	RELAY_TLS_NEVER,
	RELAY_TLS_MUST,  /* whoever is there */
	RELAY_TLS_VERIFY /* with a certificate of the host's name */
};

/* A host to send to: proto://[label@]host[:port]. */
struct relay_host {
	enum relay_proto proto;
	bool tls_given; /* the URL says what follows */
	enum relay_tls tls;
	char *label;   /* key of the auth table, NULL without */
	char *name;    /* a domain, or an address without brackets */
	uint16_t port; /* host order, never 0 */
};

/* What a relay action says beside its name.  Tables are NULL without. */
struct relay {
	struct relay_host *host;      /* NULL: by MX records */
	const struct table *domains;  /* domain to URL, before host and MX */
	const struct table *auth;     /* label to user:password */
	const struct table *src;      /* addresses to send from */
	const struct table *helo_src; /* address to name, before helo */
	char *helo;                   /* NULL: the host's name */
	enum relay_tls tls;
	bool backup;      /* only to hosts that MX records prefer to us */
	char *backup_mx;  /* our name in those, NULL: the host's name */
	bool refuse_8bit; /* do not convert for a host without 8BITMIME */
};

struct action {
	char *name;
	enum action_kind kind;
	struct template *path;        /* NULL for ACTION_RELAY alone */
	struct relay *relay;          /* NULL for every other kind */
	const struct table *alias;    /* NULL without */
	const struct table *moved;    /* who has another address; or NULL */
	bool forward;                 /* mail for those goes there */
	const struct table *userbase; /* NULL: the system's users */
	char *user;     /* deliver as this one; NULL: as recipient */
	uint64_t ttl_s; /* never 0 */
};

/* ---- limits of what is sent, in the order in which they are tried ---- */

/* What a `limit' statement is for. */
enum limit_kind {
	LIMIT_DOMAIN,
	LIMIT_MX, /* a host: connections and rate alone */
	LIMIT_SRC /* an address of ours: the same */
};

/* What one `limit' statement says; 0: nothing. */
struct limit_values {
	uint64_t connections;        /* at once, for the domain, or what it
					is for */
	uint64_t host_connections;   /* at once, to one address of a host */
	uint64_t source_connections; /* at once, from one of our addresses */
	uint64_t mails;              /* over one connection */
	uint64_t rcpts;              /* in one transaction */
	uint64_t rate;               /* messages in rate_s */
	uint64_t rate_s;             /* seconds */
	uint64_t family;             /* 4 or 6: that family alone */
};

struct limit_rule {
	enum limit_kind kind;
	const struct table *whom; /* NULL: every domain */
	struct limit_values set;
};

/* ---- where names are looked up ---- */

#define CFG_FORWARDERS_MAX 8
#define CFG_RESOLV_CONF    "/etc/resolv.conf" /* servers of the system */

/* Take the next line off the text of an anchor: the record in it, without what
 * is around; empty where there is none. */
struct span anchor_line(struct span *rest);

struct name_service {
	bool recursive; /* ask from the root on; not with forwarders */
	struct sockaddr_storage forward[CFG_FORWARDERS_MAX]; /* with port */
	size_t nforward; /* 0: those of the system */
	char *anchor;    /* file of the trust anchor; NULL: that of the system;
			    "": none, and nothing is validated */
	char *anchor_text; /* what is in that file, if there is one */
};

/* ---- rules, in the order in which they are tried ---- */

enum cond_kind {
#define CONDITION(id, group, words, arg, meaning) id,
#include "privsep/config/conditions.def"
#undef CONDITION
	COND__MAX
};

/* One condition: it holds when what it says is true, or false with negate. */
struct cond {
	enum cond_kind kind;
	bool negate;
	const struct table *table; /* NULL for a kind without an argument */
};

/* A rule holds when all its conditions do.  Exactly one of them is a COND_FOR_*
 * and one a COND_FROM_*, written or implied. */
struct rule {
	unsigned index; /* in config.rules, from 0 */
	unsigned line;  /* in the file */
	struct cond *conds;
	size_t nconds;
	const struct action *action; /* NULL: reject */
};

/* ---- the whole ---- */

struct config {
	struct settings set;
	char *hostname;      /* of this host; never NULL */
	char sub_addr_delim; /* between user and detail in a local part */
	struct listener *listeners;
	size_t nlisteners;
	struct table **tables; /* in the order of their names */
	size_t ntables;
	struct action *actions; /* in the order of the file */
	size_t nactions;
	struct limit_rule *limits;
	size_t nlimits;
	struct name_service names;
	struct rule *rules;
	size_t nrules;
	const struct table *local_domains; /* for COND_FOR_LOCAL: localhost and
					      hostname */
	const struct table *local_sources; /* for COND_FROM_LOCAL beside local
					      sockets: loopback */
	struct table **inline_tables;      /* those without a name */
	size_t ninline_tables;
};

/*
 * Parse and check.  Every error of the file is added to errs, up to
 * CFG_ERRORS_MAX.  Gives *out (config_free), which needs neither src nor errs
 * afterwards.  0, -E_SYNTAX when errs has errors, or -E_NOMEM.
 */
int config_parse(
    struct cfg_source *src, struct config **out, struct cfg_errors *errs);

/* NULL is allowed. */
void config_free(struct config *cfg);

/* By name; NULL when there is none.  Borrowed from cfg. */
const struct table *config_table(const struct config *cfg, struct span name);
const struct action *config_action(const struct config *cfg, struct span name);

/* What holds for mail to that domain: of every value the first that a limit
 * for it sets, else that of the relay settings. */
void config_limits(
    const struct config *cfg, struct span domain, struct limit_values *out);

/* What holds for one host, by its name, and for one of our addresses, whatever
 * the domain: connections and rate of the first limit for it that sets them; 0
 * where none does. */
void config_limits_mx(
    const struct config *cfg, struct span host, struct limit_values *out);
void config_limits_src(const struct config *cfg, const struct sockaddr *src,
    struct limit_values *out);

/* Append the configuration with everything implied written out, in a form that
 * parses to the same again. */
void config_print(const struct config *cfg, struct buf *out);

/* Append one rule, and one condition of a rule, in the same form but without
 * the end of the line. */
void config_print_rule(const struct rule *, struct buf *out);
void config_print_cond(const struct cond *, struct buf *out);

/* How much of the configuration a role may see. */
enum cfg_slice {
	CFG_SLICE_SETTINGS,  /* settings and the host's name */
	CFG_SLICE_LISTENERS, /* and the listeners, with the same indexes */
	CFG_SLICE_RELAY      /* those, relay actions, limits, and what tables
				these use, passwords among them */
};

/* Like cfg_source_to_memfd, with that part alone, for a role that is not
 * trusted with rules and tables and does not pay for reading them.  (What it
 * parses to has the implied listener and no rules.) */
int config_slice_to_memfd(
    const struct config *cfg, enum cfg_slice slice, int *fd);

#endif
