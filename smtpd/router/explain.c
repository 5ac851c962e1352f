/* SPDX-License-Identifier: ISC
 *
 * smtpctl explain: what would become of a recipient, and why.  It goes by the
 * same look-up as RCPT, of a client that exists only here; nothing is changed
 * by it, and no mail is sent.  Its rows are told as the look-up comes by; the
 * way to other hosts is asked of the relay, by smtpctl.
 */
#include <arpa/inet.h>
#include <netinet/in.h>

#include <stdlib.h>
#include <string.h>

#include "privsep/base/chk.h"
#include "smtpd/router/router.h"

#define EXPLAIN_MAX      8    /* that wait at the same time */
#define EXPLAIN_ROWS_MAX 1000 /* of one answer */
#define EXPLAIN_TEXT_MAX 1024 /* octets of one field */

struct explain {
	struct lookup lookup; /* first: explain_found() gets this one */
	LIST_ENTRY(explain) entry;
	struct rule_trace trace;
	struct ctl_answer answer;
	struct peer peer; /* of no process, and in no list */
	struct client client;
	struct mail_address rcpt;
	struct mail_address sender;
	uint32_t rows;
	size_t helo_len;
	unsigned char helo[ROUTER_HELO_MAX];
	char tag[CTL_ARG_MAX + 1];
};

/* --- rows -------------------------------------------------------------- */

struct explain_row {
	const char *step;
	unsigned line; /* of the configuration; 0 for none */
	const struct mail_address *address;
	const char *action;
	struct span result;
	struct span what;
};

static void
explain_row(struct explain *x, const struct explain_row *r)
{
	struct buf address;

	if (x->rows++ >= EXPLAIN_ROWS_MAX)
		return;
	buf_init(&address, ADDRESS_PATH_MAX);
	address_format(r->address, &address);
	ctl_row_begin(&x->answer);
	ctl_field_text(&x->answer, "step", span_str(r->step));
	ctl_field_uint(&x->answer, "line", r->line);
	ctl_field_text(&x->answer, "address", buf_span(&address));
	ctl_field_text(
	    &x->answer, "action", span_str(r->action == NULL ? "" : r->action));
	ctl_field_text(&x->answer, "result", r->result);
	ctl_field_text(&x->answer, "what", r->what);
	ctl_row_end(&x->answer);
	buf_clear(&address);
}

/* What was written, as much of it as there is room for. */
static struct span
explain_text(const struct buf *b)
{
	return b->err == 0 ? buf_span(b) : span_str("(too long to be shown)");
}

/* What the client's address is called. */
static void
explain_client(struct explain *x)
{
	static const char *const results[] = {
		[NAME_NONE] = "none",
		[NAME_FOUND] = "found",
		[NAME_ASKED] = "not known",
		[NAME_FAILED] = "cannot be looked up now",
	};
	char peer[SOURCE_TEXT_MAX];
	struct span name;
	enum name_status status = name_status(&x->client.name, &name);

	source_text(&x->client.source, peer);
	explain_row(x,
	    &(struct explain_row){ .step = "rdns",
		.address = &x->rcpt,
		.result = span_str(results[status]),
		.what = status == NAME_FOUND ? name : span_str(peer) });
}

/* How a rule has fared that does not hold. */
static const char *
explain_failed(const struct explain *x, const struct cond *failed)
{
	struct span name;

	return failed->kind == COND_FROM_RDNS &&
		name_status(&x->client.name, &name) == NAME_FAILED
	    ? "not known: "
	    : "no: ";
}

static void
explain_rule(void *arg, const struct mail_address *rcpt, const struct rule *r,
    const struct cond *failed)
{
	struct buf rule, result;

	buf_init(&rule, EXPLAIN_TEXT_MAX);
	buf_init(&result, EXPLAIN_TEXT_MAX);
	config_print_rule(r, &rule);
	buf_add_str(
	    &result, failed == NULL ? "holds" : explain_failed(arg, failed));
	if (failed != NULL)
		config_print_cond(failed, &result);
	explain_row(arg,
	    &(struct explain_row){ .step = "rule",
		.line = r->line,
		.address = rcpt,
		.action = r->action == NULL ? NULL : r->action->name,
		.result = explain_text(&result),
		.what = explain_text(&rule) });
	buf_clear(&rule);
	buf_clear(&result);
}

static void
explain_name(void *arg, const struct mail_address *at, const char *what,
    const struct table *t, struct span value)
{
	struct buf table;

	if (value.len > EXPLAIN_TEXT_MAX)
		value.len = EXPLAIN_TEXT_MAX;
	buf_init(&table, EXPLAIN_TEXT_MAX);
	buf_addf(&table, "<%s>", table_name(t));
	explain_row(arg,
	    &(struct explain_row){ .step = what,
		.address = at,
		.result = span_str(value.len == 0 ? "not there" : "found"),
		.what = value.len == 0 ? explain_text(&table) : value });
	buf_clear(&table);
}

/* How much is sent to the destination of a leaf at once. */
static void
explain_limits(struct explain *x, const struct expand_leaf *leaf)
{
	struct limit_values l;
	struct buf text;

	config_limits(
	    role_config(), (struct span){ leaf->user, leaf->user_len }, &l);
	buf_init(&text, EXPLAIN_TEXT_MAX);
	buf_addf(&text,
	    "connections %llu host-connections %llu source-connections %llu "
	    "mails %llu rcpts %llu",
	    (unsigned long long)l.connections,
	    (unsigned long long)l.host_connections,
	    (unsigned long long)l.source_connections,
	    (unsigned long long)l.mails, (unsigned long long)l.rcpts);
	if (l.rate != 0)
		buf_addf(&text, " rate %llu/%llus", (unsigned long long)l.rate,
		    (unsigned long long)l.rate_s);
	if (l.family != 0)
		buf_addf(&text, " family inet%u", (unsigned)l.family);
	explain_row(x,
	    &(struct explain_row){ .step = "limit",
		.address = &leaf->dest,
		.action = leaf->action->name,
		.what = explain_text(&text) });
	buf_clear(&text);
}

static void
explain_leaf(struct explain *x, size_t i)
{
	static const char *const answers[] = {
		[USER_YES] = "user is there",
		[USER_NO] = "no such user",
		[USER_TRY_LATER] = "cannot be looked up now",
		[USER__MAX] = "was not looked up",
	};
	const struct expand_leaf *leaf = &x->lookup.ex.leaves[i];
	bool relay = leaf->action->kind == ACTION_RELAY;
	struct span user = { leaf->user, leaf->user_len };

	if (leaf->action->user != NULL)
		user = span_str(leaf->action->user);
	explain_row(x,
	    &(struct explain_row){ .step = relay ? "relay" : "mailbox",
		.address = &leaf->dest,
		.action = leaf->action->name,
		.result = span_str(
		    relay ? "sent on" : answers[lookup_user(&x->lookup, i)]),
		.what = user });
	if (relay)
		explain_limits(x, leaf);
}

/* What the client would be told. */
static void
explain_reply(struct explain *x, enum reply reply)
{
	const struct expand *ex = &x->lookup.ex;
	struct buf line, path;

	reply = lookup_told(&x->lookup, reply, true);
	buf_init(&line, REPLY_LINE_MAX);
	buf_init(&path, ADDRESS_PATH_MAX);
	if ((reply_flags((uint16_t)reply) & REPLY_PATHS) != 0) {
		address_format_path(&ex->moved_to, &path);
		reply_format_path(
		    &line, (uint16_t)reply, true, buf_span(&path));
	} else
		reply_format(&line, (uint16_t)reply, NULL);
	if (line.len >= 2)
		line.len -= 2; /* CRLF */
	/* it is the last word, however many rows there are */
	x->rows = 0;
	explain_row(x,
	    &(struct explain_row){ .step = "reply",
		.line = ex->rule == NULL ? 0 : ex->rule->line,
		.address = ex->why == NULL ? &x->rcpt : &ex->at,
		.action = ex->rule == NULL || ex->rule->action == NULL
		    ? NULL
		    : ex->rule->action->name,
		.result = span_str(ex->why == NULL ? "accepted" : ex->why),
		.what = explain_text(&line) });
	buf_clear(&line);
	buf_clear(&path);
}

/* --- the question ------------------------------------------------------ */

static bool
explain_rcpt(struct explain *x, struct span s)
{
	return address_parse(s, ADDRESS_BARE | ADDRESS_UTF8, &x->rcpt) == 0 &&
	    lookup_complete(&x->rcpt) == RP_NONE;
}

static bool
explain_from(struct explain *x, struct span s)
{
	if (span_eq(s, span_str("<>")))
		s.len = 0;
	return address_parse(s, ADDRESS_NULL | ADDRESS_BARE | ADDRESS_UTF8,
		   &x->sender) == 0;
}

static bool
explain_ip(struct explain *x, struct span s)
{
	struct sockaddr_in in4 = { .sin_family = AF_INET };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };
	char text[INET6_ADDRSTRLEN];

	if (s.len == 0 || s.len >= sizeof(text))
		return false;
	memcpy(text, s.p, s.len);
	text[s.len] = '\0';
	if (inet_pton(AF_INET, text, &in4.sin_addr) == 1)
		return source_from_sockaddr((struct sockaddr *)&in4,
			   sizeof(in4), &x->client.source) == 0;
	return inet_pton(AF_INET6, text, &in6.sin6_addr) == 1 &&
	    source_from_sockaddr(
		(struct sockaddr *)&in6, sizeof(in6), &x->client.source) == 0;
}

/* By number: names are smtpctl's to look up. */
static bool
explain_user(struct explain *x, struct span s)
{
	uint64_t uid = 0;
	size_t i;

	for (i = 0; i < s.len && i < 10; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
		uid = uid * 10 + (uint64_t)(s.p[i] - '0');
	}
	if (i == 0 || i < s.len || uid >= UINT32_MAX)
		return false;
	x->client.source =
	    (struct source){ .kind = SOURCE_SOCKET, .uid = (uid_t)uid };
	return true;
}

static bool
explain_helo(struct explain *x, struct span s)
{
	if (s.len > sizeof(x->helo) || helo_parse(s) != 0)
		return false;
	memcpy(x->helo, s.p, s.len);
	x->helo_len = s.len;
	return true;
}

static bool
explain_tag(struct explain *x, struct span s)
{
	if (s.len == 0 || s.len >= sizeof(x->tag))
		return false;
	memcpy(x->tag, s.p, s.len);
	x->tag[s.len] = '\0';
	return true;
}

static const struct {
	const char *word;
	bool (*read)(struct explain *, struct span);
	const char *bad;
} explain_words[] = {
	{ "from", explain_from, "the sender is no address" },
	{ "ip", explain_ip, "expected an IPv4 or IPv6 address after 'ip'" },
	{ "user", explain_user, "expected a user after 'user'" },
	{ "helo", explain_helo, "expected a host name after 'helo'" },
	{ "tag", explain_tag, "expected a word after 'tag'" },
};

/* NULL, or what is wrong. */
static const char *
explain_read(struct explain *x, const struct ctl_request *req)
{
	const size_t n = sizeof(explain_words) / sizeof(explain_words[0]);
	size_t i, w;

	if (req->nargs % 2 != 1)
		return "expected a recipient, and pairs of a word and a value";
	if (!explain_rcpt(x, req->args[0]))
		return "the recipient is no address";
	for (i = 1; i < req->nargs; i += 2) {
		for (w = 0; w < n; w++) {
			if (span_eq(
				req->args[i], span_str(explain_words[w].word)))
				break;
		}
		if (w == n)
			return "the words are from, ip, user, helo and tag";
		if (!explain_words[w].read(x, req->args[i + 1]))
			return explain_words[w].bad;
	}
	return NULL;
}

/* --- its life ---------------------------------------------------------- */

static void
explain_free(struct explain *x)
{
	LIST_REMOVE(x, entry);
	router.nexplains--;
	names_leave(&router.names, &x->client.name);
	lookup_clear(&x->lookup);
	buf_clear(&x->answer.rows);
	free(x);
}

static void
explain_found(struct lookup *l, enum reply reply)
{
	struct explain *x = (struct explain *)l;
	uint32_t left_out;
	size_t i;

	for (i = 0; i < l->ex.nleaves; i++)
		explain_leaf(x, i);
	left_out = x->rows > EXPLAIN_ROWS_MAX ? x->rows - EXPLAIN_ROWS_MAX : 0;
	explain_reply(x, reply);
	ctl_answer_end(&x->answer, CTL_OK,
	    left_out > 0 ? "more steps than are shown" : "");
	explain_free(x);
}

/* All is there that the rules may ask for. */
static void
explain_start(struct explain *x)
{
	enum reply reply;

	if (x->client.name.name != NULL)
		explain_client(x);
	if (lookup_start(&x->lookup, &reply))
		explain_found(&x->lookup, reply);
}

/* The name of the client that does not exist. */
static void
explain_named(struct name_ref *ref)
{
	struct explain *x;

	LIST_FOREACH(x, &router.explains, entry) {
		if (&x->client.name == ref)
			break;
	}
	if (x != NULL)
		explain_start(x);
}

void
explain_ask(struct chan *ch, uint64_t request, const struct ctl_request *req)
{
	const char *bad;
	struct span name;
	struct explain *x;

	if (router.nexplains >= EXPLAIN_MAX ||
	    (x = chk_calloc(1, sizeof(*x))) == NULL) {
		ctl_reply(ch, request, CTL_FAILED, "too much at once");
		return;
	}
	x->client.peer = &x->peer;
	x->client.source.kind = SOURCE_SOCKET;
	if ((bad = explain_read(x, req)) != NULL) {
		ctl_reply(ch, request, CTL_USAGE, bad);
		free(x);
		return;
	}
	LIST_INSERT_HEAD(&router.explains, x, entry);
	router.nexplains++;
	ctl_answer_begin(&x->answer, ch, request);
	lookup_init(&x->lookup, &x->client, &x->rcpt, &x->sender,
	    (struct span){ x->helo, x->helo_len }, explain_found);
	x->trace = (struct rule_trace){
		.arg = x, .rule = explain_rule, .name = explain_name
	};
	x->lookup.q.trace = &x->trace;
	if (x->tag[0] != '\0')
		x->lookup.q.tag = x->tag;
	x->client.name.settled = explain_named;
	if (rules_ask_names(role_config()))
		resolver_names_enter(&x->client.name, &x->client.source);
	if (name_status(&x->client.name, &name) != NAME_ASKED)
		explain_start(x);
}

void
explain_cancel(uint64_t request)
{
	struct explain *x, *next;

	LIST_FOREACH_SAFE(x, &router.explains, entry, next) {
		if (x->answer.id == request)
			explain_free(x);
	}
}

void
explain_lost(void)
{
	struct explain *x;

	while ((x = LIST_FIRST(&router.explains)) != NULL)
		explain_free(x);
}

void
explain_config(void)
{
	struct explain *x;

	while ((x = LIST_FIRST(&router.explains)) != NULL) {
		ctl_reply(x->answer.ch, x->answer.id, CTL_FAILED,
		    "the configuration has changed meanwhile");
		explain_free(x);
	}
}
