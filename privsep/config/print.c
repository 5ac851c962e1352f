/* SPDX-License-Identifier: ISC
 *
 * The configuration as text again, with everything implied written out.
 */
#include <sys/socket.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include "privsep/config/relay.h"
#include "privsep/config/rules.h"
#include "privsep/config/settings.h"
#include "privsep/config/source.h"
#include "privsep/config/table_int.h"

static void
print_string(struct buf *out, struct span s)
{
	size_t i;

	buf_add(out, "\"", 1);
	for (i = 0; i < s.len; i++) {
		if (s.p[i] == '"' || s.p[i] == '\\')
			buf_add(out, "\\", 1);
		buf_add(out, &s.p[i], 1);
	}
	buf_add(out, "\"", 1);
}

static void
print_word(struct buf *out, const char *words, const char *s)
{
	if (s == NULL)
		return;
	buf_addf(out, " %s ", words);
	print_string(out, span_str(s));
}

static void
print_resolver(struct buf *out, const struct name_service *names)
{
	const struct sockaddr_in6 *in6;
	const struct sockaddr_in *in4;
	char text[INET6_ADDRSTRLEN];
	size_t i;

	if (names->recursive)
		buf_add_str(out, "resolver recursive\n");
	for (i = 0; i < names->nforward; i++) {
		in4 = (const struct sockaddr_in *)&names->forward[i];
		in6 = (const struct sockaddr_in6 *)&names->forward[i];
		inet_ntop(in4->sin_family,
		    in4->sin_family == AF_INET ? (const void *)&in4->sin_addr
					       : &in6->sin6_addr,
		    text, sizeof(text));
		/* the port stands in the same place for both */
		buf_addf(out, "resolver forward %s port %u\n", text,
		    ntohs(in4->sin_port));
	}
	if (names->anchor == NULL)
		return;
	buf_add_str(out, "resolver anchor ");
	print_string(
	    out, span_str(names->anchor[0] == '\0' ? "none" : names->anchor));
	buf_add_str(out, "\n");
}

void
config_print_settings(const struct config *cfg, struct buf *out)
{
	struct settings set = cfg->set;
	const struct setting_row *row;
	const struct setting_list_row *list;
	const struct cfg_durations *d;
	size_t i, j;

	buf_add_str(out, "hostname ");
	print_string(out, span_str(cfg->hostname));
	buf_addf(out, "\nsmtp sub-addr-delim \"%c\"\n", cfg->sub_addr_delim);
	for (i = 0; (row = setting_row(i)) != NULL; i++) {
		buf_addf(out, "%s ", row->words);
		setting_format(row->type, *setting_field(&set, row), out);
		buf_add_str(out, "\n");
	}
	for (i = 0; (list = setting_list_row(i)) != NULL; i++) {
		d = setting_list_field(&set, list);
		buf_addf(out, "%s", list->words);
		for (j = 0; j < d->n; j++) {
			buf_add_str(out, j > 0 ? ", " : " ");
			setting_format(SETTING_DURATION, d->s[j], out);
		}
		buf_add_str(out, "\n");
	}
	print_resolver(out, &cfg->names);
}

static void
print_entries(struct buf *out, const struct table *t)
{
	struct span key, value;
	size_t i;

	buf_add_str(out, "{ ");
	for (i = 0; i < table_count(t); i++) {
		table_entry(t, i, &key, &value);
		buf_add_str(out, i > 0 ? ", " : "");
		print_string(out, key);
		if (table_kind(t) != TABLE_MAPPING)
			continue;
		buf_add_str(out, " = ");
		print_string(out, value);
	}
	buf_add_str(out, " }");
}

void
config_print_table(const struct table *t, struct buf *out)
{
	struct buf path;

	buf_add_str(out, "table ");
	print_string(out, span_str(table_name(t)));
	buf_add_str(out, " ");
	if (table_path(t) == NULL) {
		print_entries(out, t);
	} else {
		buf_init(&path, CFG_FILE_MAX);
		buf_addf(&path, "file:%s", table_path(t));
		print_string(out, buf_span(&path));
		buf_clear(&path);
	}
	buf_add_str(out, "\n");
}

static void
print_address(struct buf *out, const struct listener *l)
{
	char text[INET6_ADDRSTRLEN] = "";
	const struct sockaddr_in *in4 = (const void *)&l->addr;
	const struct sockaddr_in6 *in6 = (const void *)&l->addr;

	if (l->addr.ss_family == AF_INET)
		inet_ntop(AF_INET, &in4->sin_addr, text, sizeof(text));
	else
		inet_ntop(AF_INET6, &in6->sin6_addr, text, sizeof(text));
	buf_add_str(out, text);
}

static void
print_table_ref(struct buf *out, const struct table *t)
{
	struct span key, value;

	if (t->name != NULL) {
		buf_addf(out, " <%s>", table_name(t));
	} else if (table_count(t) == 1) {
		table_entry(t, 0, &key, &value);
		buf_add_str(out, " ");
		print_string(out, key);
	} else {
		buf_add_str(out, " ");
		print_entries(out, t);
	}
}

static void
print_serve(struct buf *out, const char *words, enum listener_serve serve)
{
	if (serve != SERVE_NONE)
		buf_addf(out, " %s %s", words,
		    serve == SERVE_LOCAL ? "local" : "any");
}

static void
print_etrn(struct buf *out, const struct listener *l)
{
	if (l->etrn != NULL) {
		buf_add_str(out, " etrn");
		print_table_ref(out, l->etrn);
	}
	if (l->etrn_from != NULL) {
		buf_add_str(out, " etrn-from");
		print_table_ref(out, l->etrn_from);
	}
}

static void
print_listener(struct buf *out, const struct listener *l, bool tables)
{
	buf_add_str(out, "listen on ");
	if (l->kind == LISTEN_ADDRESS) {
		print_address(out, l);
	} else {
		buf_add_str(out, l->kind == LISTEN_SOCKET ? "socket " : "");
		print_string(out, span_str(l->name));
	}
	if (l->family != AF_UNSPEC)
		buf_add_str(out, l->family == AF_INET ? " inet4" : " inet6");
	if (l->kind != LISTEN_SOCKET)
		buf_addf(out, " port %u", l->port);
	print_word(out, "tag", l->tag);
	print_word(out, "hostname", l->hostname);
	buf_addf(out, " isolation %s max-sessions %llu",
	    l->isolation == ISOLATION_WORKER ? "worker" : "connection",
	    (unsigned long long)l->max_sessions);
	buf_add_str(out, l->mask_src ? " mask-src" : "");
	buf_add_str(out, l->no_dsn ? " no-dsn" : "");
	print_serve(out, "vrfy", l->vrfy);
	print_serve(out, "expn", l->expn);
	print_serve(out, "terminal", l->terminal);
	if (tables)
		print_etrn(out, l);
	buf_add_str(out, "\n");
}

void
config_print_listeners(const struct config *cfg, struct buf *out)
{
	size_t i;

	for (i = 0; i < cfg->nlisteners; i++)
		print_listener(out, &cfg->listeners[i], false);
}

static void
print_table_option(struct buf *out, const char *words, const struct table *t)
{
	if (t == NULL)
		return;
	buf_addf(out, " %s", words);
	print_table_ref(out, t);
}

static void
print_relay(struct buf *out, const struct relay *r)
{
	struct buf url;

	buf_add_str(out, " relay");
	print_table_option(out, "domain", r->domains);
	if (r->host != NULL) {
		buf_init(&url, CFG_FILE_MAX);
		relay_host_format(r->host, &url);
		buf_add_str(out, " host ");
		print_string(out, buf_span(&url));
		buf_clear(&url);
	}
	print_table_option(out, "auth", r->auth);
	print_table_option(out, "src", r->src);
	print_table_option(out, "helo-src", r->helo_src);
	print_word(out, "helo", r->helo);
	if (r->tls == RELAY_TLS_VERIFY || r->tls == RELAY_TLS_MUST)
		buf_addf(out, " tls%s",
		    r->tls == RELAY_TLS_MUST ? " no-verify" : "");
	buf_add_str(out, r->backup ? " backup" : "");
	print_word(out, "mx", r->backup_mx);
	buf_addf(out, " 8bit %s", r->refuse_8bit ? "refuse" : "convert");
}

void
config_print_action(const struct action *a, struct buf *out)
{
	buf_add_str(out, "action ");
	print_string(out, span_str(a->name));
	if (a->kind == ACTION_RELAY) {
		print_relay(out, a->relay);
	} else {
		buf_add_str(
		    out, a->kind == ACTION_MBOX ? " mbox " : " maildir ");
		print_string(out, template_text(a->path));
	}
	print_table_option(out, "alias", a->alias);
	print_table_option(out, "moved", a->moved);
	buf_add_str(out, a->forward ? " forward" : "");
	print_table_option(out, "userbase", a->userbase);
	print_word(out, "user", a->user);
	buf_add_str(out, " ttl ");
	setting_format(SETTING_DURATION, a->ttl_s, out);
	buf_add_str(out, "\n");
}

static void
print_value(struct buf *out, const char *words, uint64_t value)
{
	if (value != 0)
		buf_addf(out, " %s %llu", words, (unsigned long long)value);
}

void
config_print_limits(const struct config *cfg, struct buf *out)
{
	static const char *const words[] = {
		[LIMIT_DOMAIN] = "for domain",
		[LIMIT_MX] = "for mx",
		[LIMIT_SRC] = "for src",
	};
	const struct limit_rule *l;
	size_t i;

	for (i = 0; i < cfg->nlimits; i++) {
		l = &cfg->limits[i];
		buf_add_str(out, "limit");
		print_table_option(out, words[l->kind], l->whom);
		print_value(out, "connections", l->set.connections);
		print_value(out, "host-connections", l->set.host_connections);
		print_value(
		    out, "source-connections", l->set.source_connections);
		print_value(out, "mails", l->set.mails);
		print_value(out, "rcpts", l->set.rcpts);
		if (l->set.rate != 0) {
			print_value(out, "rate", l->set.rate);
			buf_add_str(out, "/");
			setting_format(SETTING_DURATION, l->set.rate_s, out);
		}
		if (l->set.family != 0)
			buf_addf(
			    out, " family inet%u", (unsigned)l->set.family);
		buf_add_str(out, "\n");
	}
}

void
config_print_cond(const struct cond *c, struct buf *out)
{
	buf_addf(out, "%s%s", c->negate ? "!" : "", cond_row(c->kind)->words);
	if (c->table != NULL)
		print_table_ref(out, c->table);
}

void
config_print_rule(const struct rule *r, struct buf *out)
{
	size_t i;

	buf_add_str(out, "match");
	for (i = 0; i < r->nconds; i++) {
		buf_add_str(out, " ");
		config_print_cond(&r->conds[i], out);
	}
	if (r->action != NULL)
		print_word(out, "action", r->action->name);
	else
		buf_add_str(out, " reject");
}

void
config_print(const struct config *cfg, struct buf *out)
{
	size_t i;

	config_print_settings(cfg, out);
	for (i = 0; i < cfg->ntables; i++)
		config_print_table(cfg->tables[i], out);
	for (i = 0; i < cfg->nlisteners; i++)
		print_listener(out, &cfg->listeners[i], true);
	for (i = 0; i < cfg->nactions; i++)
		config_print_action(&cfg->actions[i], out);
	config_print_limits(cfg, out);
	for (i = 0; i < cfg->nrules; i++) {
		config_print_rule(&cfg->rules[i], out);
		buf_add_str(out, "\n");
	}
}
