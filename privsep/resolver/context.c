/* SPDX-License-Identifier: ISC
 *
 * libunbound on our loop: what it is told before it is confined, and one
 * question after another.  Servers and the trust anchor are read while there
 * are files; a change of them is seen when the process starts anew.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <unbound.h>
#include <unbound-event.h>

#include "privsep/base/chk.h"
#include "privsep/base/err.h"
#include "privsep/base/log.h"
#include "privsep/resolver/resolver.h"

#define DNS_PORT       53
#define ANCHOR_FILE    "/usr/share/dns/root.key"
#define LINE_LEN       4096
#define RCODE_OK       0
#define RCODE_SERVFAIL 2
#define RCODE_NXDOMAIN 3
#define BOGUS          1 /* libunbound's word in the callback */
#define SECURE         2

static struct {
	struct ub_ctx *ctx;
	uint16_t ports[CFG_FORWARDERS_MAX + 2];
	size_t nports;
	const char *anchor;    /* file of the trust anchor */
	const char *complaint; /* what is wrong with it or the rest, or NULL */
} context;

/* A question under way. */
struct question {
	enum dns_type type;
	context_fn *fn;
	void *arg;
	size_t len;
	char name[];
};

/* What holds whatever the configuration says. */
static const struct {
	const char *name;
	const char *value;
} options[] = {
	{ "module-config:", "validator iterator" },
	{ "use-syslog:", "no" },
	{ "do-not-query-localhost:", "no" },
	{ "unblock-lan-zones:", "yes" },
	{ "insecure-lan-zones:", "yes" },
	{ "msg-cache-size:", "8m" },
	{ "rrset-cache-size:", "16m" },
	{ "key-cache-size:", "2m" },
	{ "neg-cache-size:", "1m" },
	{ "outgoing-range:", "1024" },
	{ "num-queries-per-thread:", "2048" },
	{ "edns-buffer-size:", "1232" },
	/* a server that says nothing about some names is not dead for others:
	 * libunbound's waits double, from one question to the next, too, and
	 * at 12 s it thinks so; it is to forget that at once */
	{ "infra-host-ttl:", "2" },
	{ "infra-keep-probing:", "yes" },
	{ "harden-glue:", "yes" },
	{ "harden-below-nxdomain:", "yes" },
	/* so that it says what is wrong with a signature; see debugout */
	{ "val-log-level:", "2" },
	{ "target-fetch-policy:", "0 0 0 0 0" },
};

static void
context_port(uint16_t port)
{
	size_t i;

	for (i = 0; i < context.nports; i++) {
		if (context.ports[i] == port)
			return;
	}
	context.ports[context.nports++] = port;
}

const uint16_t *
context_ports(void)
{
	return context.ports;
}

static int
context_forward(const char *address, uint16_t port)
{
	char text[INET6_ADDRSTRLEN + 8];

	snprintf(text, sizeof(text), "%s@%u", address, port);
	if (ub_ctx_set_fwd(context.ctx, text) != 0)
		return -E_SYNTAX;
	context_port(port);
	return 0;
}

static int
context_forward_sockaddr(const struct sockaddr_storage *ss)
{
	const struct sockaddr_in *in4 = (const struct sockaddr_in *)ss;
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)ss;
	const void *address = ss->ss_family == AF_INET
	    ? (const void *)&in4->sin_addr
	    : &in6->sin6_addr;
	char text[INET6_ADDRSTRLEN];

	inet_ntop(ss->ss_family, address, text, sizeof(text));
	/* the port stands in the same place for both */
	return context_forward(text, ntohs(in4->sin_port));
}

/* The servers of the system; without any the DNS itself is asked. */
static void
context_system_servers(void)
{
	FILE *f = fopen(CFG_RESOLV_CONF, "re");
	char line[LINE_LEN], *words, *word;
	unsigned char octets[16];
	int n = 0;

	while (f != NULL && n < CFG_FORWARDERS_MAX &&
	    fgets(line, sizeof(line), f) != NULL) {
		words = line;
		word = strsep(&words, " \t\n");
		if (strcmp(word, "nameserver") != 0 || words == NULL)
			continue;
		words += strspn(words, " \t");
		word = strsep(&words, " \t\n");
		if ((inet_pton(AF_INET, word, octets) == 1 ||
			inet_pton(AF_INET6, word, octets) == 1) &&
		    context_forward(word, DNS_PORT) == 0)
			n++;
	}
	if (f != NULL)
		fclose(f);
}

/* Line by line, since libunbound would open a file too late. */
static int
context_anchor_add(struct span text)
{
	struct span line;
	char *record;
	int error = 0;

	while (error == 0 && text.len > 0) {
		if ((line = anchor_line(&text)).len == 0)
			continue;
		if ((record = span_dup(line)) == NULL)
			return -E_NOMEM;
		if (ub_ctx_add_ta(context.ctx, record) != 0)
			error = -E_SYNTAX;
		free(record);
	}
	return error;
}

/* That of the system, which somebody else keeps; without it nothing is
 * validated. */
static int
context_anchor_system(void)
{
	FILE *f;
	char line[LINE_LEN];
	int error = 0;

	if ((f = fopen(ANCHOR_FILE, "re")) == NULL) {
		context.complaint = "it cannot be opened; nothing is validated";
		return 0;
	}
	while (error == 0 && fgets(line, sizeof(line), f) != NULL)
		error = context_anchor_add(span_str(line));
	fclose(f);
	return error;
}

static int
context_anchor(const struct name_service *names)
{
	context.anchor = names->anchor != NULL ? names->anchor : ANCHOR_FILE;
	if (names->anchor == NULL)
		return context_anchor_system();
	return names->anchor_text == NULL
	    ? 0
	    : context_anchor_add(span_str(names->anchor_text));
}

/* The answer to the first question, which needs nobody. */
static void
context_first(void *arg, const struct context_answer *answer)
{
	if (answer->status == DNS_TRY_LATER)
		context.complaint = "libunbound refuses it or another setting; "
				    "no name will be found";
}

void
context_complain(void)
{
	if (context.complaint != NULL)
		LOG(EV_WARN, KS("doing", "reading the trust anchor of DNSSEC"),
		    KS("file", context.anchor), KS("why", context.complaint));
}

int
context_prepare(const struct config *cfg)
{
	size_t i;
	int error = 0;

	context.ctx = ub_ctx_create_event(loop_base());
	if (context.ctx == NULL)
		return -E_NOMEM;
	ub_ctx_debuglevel(context.ctx, 0);
	ub_ctx_debugout(context.ctx, NULL);
	for (i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		if (ub_ctx_set_option(
			context.ctx, options[i].name, options[i].value) != 0)
			return -E_SYNTAX;
	}
	for (i = 0; error == 0 && i < cfg->names.nforward; i++)
		error = context_forward_sockaddr(&cfg->names.forward[i]);
	if (error == 0 && cfg->names.nforward == 0 && !cfg->names.recursive)
		context_system_servers();
	context_port(DNS_PORT);
	if (error == 0)
		error = context_anchor(&cfg->names);
	/* the first question has everything made that needs files: a name
	 * that is answered without the network */
	if (error == 0)
		context_ask(
		    span_str("localhost"), DNS_TYPE_A, context_first, NULL);
	return error;
}

/* --- questions ------------------------------------------------------------- */

static void
question_end(struct question *q, const struct context_answer *answer)
{
	q->fn(q->arg, answer);
	free(q);
}

static void
question_failed(struct question *q, enum dns_status status, const char *why)
{
	struct context_answer answer = { .status = status, .why = why };

	question_end(q, &answer);
}

/* What the packet says, read anew. */
static void
question_read(struct question *q, struct span packet, int sec)
{
	static struct dnsmsg msg;
	struct context_answer answer = {
		.status = DNS_OK,
		.security = sec == SECURE ? DNS_SECURE : DNS_INSECURE,
		.msg = &msg,
	};
	struct span name = { (const unsigned char *)q->name, q->len };

	if (dnsmsg_read(packet, name, q->type, &msg) != 0) {
		question_failed(q, DNS_TRY_LATER, "the answer is broken");
		return;
	}
	if (msg.rcode == RCODE_NXDOMAIN)
		answer.status = DNS_NO_NAME;
	else if (msg.rcode != RCODE_OK) {
		question_failed(
		    q, DNS_TRY_LATER, "the name servers cannot say");
		return;
	} else if (msg.n == 0 && msg.unfit > 0 && q->type != DNS_TYPE_PTR) {
		/* RFC 5321 5.1: that is no reason to use the domain's address;
		 * but a client that is called so has no name */
		question_failed(
		    q, DNS_TRY_LATER, "none of its records can be used");
		return;
	} else if (msg.n == 0)
		answer.status = DNS_NO_DATA;
	question_end(q, &answer);
}

static void
question_answered(void *arg, int rcode, void *packet, int len, int sec,
    char *why_bogus, int was_ratelimited)
{
	struct question *q = arg;

	if (sec == BOGUS)
		question_failed(q, DNS_BOGUS,
		    why_bogus != NULL ? why_bogus : "its signatures are bad");
	else if (rcode != RCODE_OK || packet == NULL || len <= 0)
		/* what packet holds then is no answer, but a leftover of what
		 * came last and was not believed */
		question_failed(q, DNS_TRY_LATER,
		    rcode == RCODE_SERVFAIL
			? "no name server answers as it should"
			: "the question was not answered");
	else
		question_read(q, (struct span){ packet, (size_t)len }, sec);
}

void
context_ask(struct span name, enum dns_type type, context_fn *fn, void *arg)
{
	struct context_answer none = {
		.status = DNS_TRY_LATER,
		.why = "out of memory",
	};
	struct question *q;
	int id;

	if (name.len > DNSMSG_NAME_MAX ||
	    (q = chk_calloc(1, sizeof(*q) + name.len + 1)) == NULL) {
		fn(arg, &none);
		return;
	}
	q->type = type;
	q->fn = fn;
	q->arg = arg;
	q->len = name.len;
	memcpy(q->name, name.p, name.len);
	/* the answer may come from within */
	if (ub_resolve_event(context.ctx, q->len == 0 ? "." : q->name,
		(int)type, 1, q, question_answered, &id) != 0)
		question_failed(q, DNS_TRY_LATER, "it could not be asked");
}
