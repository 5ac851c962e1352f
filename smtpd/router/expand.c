/* SPDX-License-Identifier: ISC
 *
 * Expansion of aliases: a walk over the graph that they form, depth first
 * and without recursion.  A name is visited once, so that what doubles at
 * every level costs no more than its names; a name below itself is a loop.
 * It is all or nothing: a recipient of which a part cannot be reached is not
 * accepted.  Programs, files and includes are no targets here.  Somebody who
 * has moved is an alias of his new address, or else ends the walk.
 */
#include <sys/tree.h>

#include <stdlib.h>
#include <string.h>

#include "privsep/base/chk.h"
#include "privsep/base/err.h"
#include "smtpd/mail/alias.h"
#include "smtpd/router/expand.h"
#include "smtpd/idna/idna.h"

enum node_state {
	NODE_OPEN, /* on the path that is being walked */
	NODE_DONE
};

struct node {
	RB_ENTRY(node) entry;
	const struct action *action;
	enum node_state state;
	bool leaf;
	struct mail_address addr;
};

RB_HEAD(node_tree, node);

/* One name on the path, and what is left of its alias. */
struct step {
	struct node *node;
	struct span rest;
};

struct walk {
	const struct config *cfg;
	const struct rule_query *q;
	struct expand *out;
	struct node_tree nodes;
	size_t nnodes;
	struct step path[EXPAND_DEPTH_MAX + 1];
	size_t depth;
	size_t leaves_cap;
};

static unsigned char
ascii_lower(unsigned char c)
{
	return c >= 'A' && c <= 'Z' ? (unsigned char)(c - 'A' + 'a') : c;
}

static int
fold_cmp(struct span a, struct span b)
{
	size_t i;
	int d;

	if (a.len != b.len)
		return a.len < b.len ? -1 : 1;
	for (i = 0; i < a.len; i++) {
		d = ascii_lower(a.p[i]) - ascii_lower(b.p[i]);
		if (d != 0)
			return d;
	}
	return 0;
}

static int
node_cmp(struct node *a, struct node *b)
{
	int d;

	if (a->action != b->action)
		return a->action < b->action ? -1 : 1;
	d = fold_cmp(address_local(&a->addr), address_local(&b->addr));
	if (d != 0)
		return d;
	return fold_cmp(address_domain(&a->addr), address_domain(&b->addr));
}

RB_GENERATE_INTERNAL(
    node_tree, node, entry, node_cmp, __attribute__((__unused__)) static)

static enum reply
walk_fail(struct walk *w, enum reply reply, const char *why,
    const struct mail_address *at)
{
	w->out->why = why;
	w->out->at = *at;
	return reply;
}

struct span
expand_user(const struct config *cfg, struct span local)
{
	const unsigned char *at;

	if (cfg->sub_addr_delim == '\0' || local.len < 2)
		return local;
	/* a local part that begins with the delimiter has no detail */
	at = memchr(local.p + 1, cfg->sub_addr_delim, local.len - 1);
	if (at != NULL)
		local.len = (size_t)(at - local.p);
	return local;
}

/* What an alias or moved table has for a local part: as it is, or else for
 * its user. */
static bool
name_find(const struct config *cfg, const struct table *t, struct span local,
    struct span *value)
{
	return t != NULL &&
	    (table_lookup(t, local, value) == 0 ||
		table_lookup(t, expand_user(cfg, local), value) == 0);
}

static bool
walk_find(struct walk *w, const char *what, const struct table *t,
    const struct mail_address *at, struct span *value)
{
	const struct rule_trace *trace = w->q->trace;
	bool found = name_find(w->cfg, t, address_local(at), value);

	if (t != NULL && trace != NULL)
		trace->name(trace->arg, at, what, t,
		    found ? *value : (struct span){ 0 });
	return found;
}

/* Where mail for it goes, when the action sends it on. */
static bool
leaf_destination(struct expand_leaf *leaf)
{
	const struct relay *relay = leaf->action->relay;
	size_t len;

	if (relay->host != NULL && relay->domains == NULL)
		return true;
	if (idna_domain(address_domain(&leaf->dest), leaf->user,
		sizeof(leaf->user), &len) != 0)
		return false;
	leaf->user_len = (uint8_t)len;
	return true;
}

static void
leaf_user(const struct config *cfg, struct expand_leaf *leaf)
{
	struct span user = expand_user(cfg, address_local(&leaf->dest));
	size_t i;

	leaf->user_len = (uint8_t)user.len;
	for (i = 0; i < user.len; i++)
		leaf->user[i] = ascii_lower(user.p[i]);
}

static enum reply
walk_leaf(struct walk *w, struct node *n)
{
	struct expand *out = w->out;
	struct expand_leaf *leaf, *grown;

	if (n->leaf)
		return RP_RCPT_OK;
	if (out->nleaves >= w->cfg->set.expand_max_results)
		return walk_fail(w, RP_SYSTEM, "too many recipients", &n->addr);
	if (out->nleaves == w->leaves_cap) {
		w->leaves_cap = w->leaves_cap == 0 ? 1 : w->leaves_cap * 2;
		grown = chk_realloc(out->leaves, w->leaves_cap, sizeof(*grown));
		if (grown == NULL)
			return walk_fail(
			    w, RP_TRY_LATER, "out of memory", &n->addr);
		out->leaves = grown;
	}
	n->leaf = true;
	leaf = &out->leaves[out->nleaves++];
	*leaf = (struct expand_leaf){
		.dest = n->addr, .action = n->action, .aliased = w->depth > 0
	};
	if (n->action->kind != ACTION_RELAY)
		leaf_user(w->cfg, leaf);
	else if (!leaf_destination(leaf))
		return walk_fail(w, w->depth > 0 ? RP_SYSTEM : RP_BAD_RCPT,
		    "no name of the DNS", &n->addr);
	return RP_RCPT_OK;
}

/* Step onto a name that was not visited yet.  value is its alias. */
static enum reply
walk_enter(struct walk *w, struct node *n, struct span value)
{
	if (w->depth >= w->cfg->set.expand_max_depth ||
	    w->depth >= EXPAND_DEPTH_MAX)
		return walk_fail(
		    w, RP_SYSTEM, "aliases of aliases too deep", &n->addr);
	n->state = NODE_OPEN;
	w->path[w->depth++] = (struct step){ n, value };
	return RP_RCPT_OK;
}

/* What stands in a table for n.  An address without a domain is in that of
 * the name that leads to it; *bare says so. */
static enum reply
walk_parse(struct walk *w, const struct node *n, struct span text,
    struct mail_address *out, bool *bare)
{
	struct mail_address addr;

	if (address_parse(text, ADDRESS_BARE | ADDRESS_UTF8, &addr) != 0)
		return walk_fail(
		    w, RP_SYSTEM, "its table says no address", &n->addr);
	*out = addr;
	*bare = addr.domain_len == 0;
	if (*bare &&
	    address_make(address_local(&addr), address_domain(&n->addr),
		ADDRESS_UTF8, out) != 0)
		return walk_fail(w, RP_SYSTEM,
		    "its table says too long an address", &n->addr);
	return RP_RCPT_OK;
}

/* RFC 5321 3.4: step onto the new address, or say it. */
static enum reply
walk_moved(struct walk *w, struct node *n, struct span value)
{
	struct mail_address to;
	bool bare;
	enum reply reply = walk_parse(w, n, value, &to, &bare);

	if (reply != RP_RCPT_OK)
		return reply;
	if (w->depth == 0) {
		w->out->moved = true;
		w->out->moved_to = to;
	}
	if (n->action->forward)
		return walk_enter(w, n, value);
	if (w->depth == 0)
		return walk_fail(w, RP_MOVED, "has moved", &n->addr);
	return walk_fail(
	    w, RP_SYSTEM, "target of an alias has moved", &n->addr);
}

/* Visit a name under an action: an alias is stepped onto, another name is a
 * mailbox. */
static enum reply
walk_visit(struct walk *w, const struct action *action,
    const struct mail_address *addr)
{
	struct node want = { .action = action, .addr = *addr };
	struct node *n = RB_FIND(node_tree, &w->nodes, &want);
	struct span value;

	if (n != NULL && n->state == NODE_DONE)
		return RP_RCPT_OK;
	if (n != NULL) {
		/* a name in its own alias is the mailbox of that name */
		if (n == w->path[w->depth - 1].node)
			return walk_leaf(w, n);
		return walk_fail(w, RP_SYSTEM, "alias loop", addr);
	}
	if (w->nnodes >= 2 * w->cfg->set.expand_max_results + EXPAND_DEPTH_MAX)
		return walk_fail(w, RP_SYSTEM, "too many aliases", addr);
	if ((n = chk_calloc(1, sizeof(*n))) == NULL)
		return walk_fail(w, RP_TRY_LATER, "out of memory", addr);
	n->action = action;
	n->addr = *addr;
	n->state = NODE_DONE;
	RB_INSERT(node_tree, &w->nodes, n);
	w->nnodes++;
	if (walk_find(w, "moved", action->moved, addr, &value))
		return walk_moved(w, n, value);
	if (walk_find(w, "alias", action->alias, addr, &value))
		return walk_enter(w, n, value);
	return walk_leaf(w, n);
}

/* An address with a domain goes by the rules, as one that we send to. */
static enum reply
walk_address(struct walk *w, const struct mail_address *addr)
{
	static const struct source ours = { .kind = SOURCE_OURS };
	struct rule_query q = *w->q;
	const struct rule *rule;
	bool open;

	q.source = &ours;
	q.name_status = NAME_NONE;
	q.rcpt = addr;
	rule = rules_match(w->cfg, &q, &open);
	if (rule == NULL || rule->action == NULL)
		return walk_fail(
		    w, RP_SYSTEM, "target of an alias is refused", addr);
	return walk_visit(w, rule->action, addr);
}

static enum reply
walk_target(struct walk *w, const struct node *n, struct span target)
{
	struct mail_address addr;
	enum reply reply;
	bool bare;

	if (alias_is_forbidden(target))
		return walk_fail(w, RP_SYSTEM,
		    "programs, files and includes are no targets", &n->addr);
	reply = walk_parse(w, n, target, &addr, &bare);
	if (reply != RP_RCPT_OK)
		return reply;
	return bare ? walk_visit(w, n->action, &addr) : walk_address(w, &addr);
}

/* Go on until every name has been visited. */
static enum reply
walk_run(struct walk *w)
{
	enum reply reply = RP_RCPT_OK;
	struct step *top;
	struct span target;

	while (w->depth > 0 && reply == RP_RCPT_OK) {
		top = &w->path[w->depth - 1];
		if (top->rest.len == 0) {
			top->node->state = NODE_DONE;
			w->depth--;
			continue;
		}
		target = alias_next(&top->rest);
		if (target.len > 0)
			reply = walk_target(w, top->node, target);
	}
	if (reply == RP_RCPT_OK && w->out->nleaves == 0)
		reply = walk_fail(
		    w, RP_SYSTEM, "alias without a target", w->q->rcpt);
	return reply;
}

/* The first name: what the client said. */
static enum reply
walk_first(struct walk *w, bool as_root)
{
	bool open;
	const struct rule *rule = rules_match(w->cfg, w->q, &open);
	const struct mail_address *rcpt = w->q->rcpt;
	struct mail_address root;
	struct span value;

	w->out->rule = rule;
	if (open)
		return walk_fail(w, RP_DNS_TRY_LATER,
		    "name of the client is not known", rcpt);
	if (rule == NULL && !source_is_local(w->q->source, w->cfg) &&
	    !rules_domain_is_ours(w->cfg, rcpt))
		return walk_fail(w, RP_RELAY_DENIED, "relay denied", rcpt);
	if (rule == NULL)
		return walk_fail(w, RP_REJECTED, "no rule", rcpt);
	if (rule->action == NULL)
		return walk_fail(w, RP_REJECTED, "reject rule", rcpt);
	if (!as_root)
		return walk_visit(w, rule->action, rcpt);
	if (address_make(span_str("root"), address_domain(rcpt), ADDRESS_UTF8,
		&root) != 0 ||
	    !walk_find(w, "alias", rule->action->alias, &root, &value))
		return walk_fail(w, RP_USER_UNKNOWN, "unknown user", rcpt);
	return walk_visit(w, rule->action, &root);
}

enum reply
expand_run(const struct config *cfg, const struct rule_query *q, bool as_root,
    struct expand *out)
{
	struct walk w = { .cfg = cfg, .q = q, .out = out };
	struct node *n, *next;
	enum reply reply;

	*out = (struct expand){ 0 };
	RB_INIT(&w.nodes);
	reply = walk_first(&w, as_root);
	if (reply == RP_RCPT_OK)
		reply = walk_run(&w);
	RB_FOREACH_SAFE(n, node_tree, &w.nodes, next) {
		RB_REMOVE(node_tree, &w.nodes, n);
		free(n);
	}
	return reply;
}

void
expand_clear(struct expand *ex)
{
	free(ex->leaves);
	ex->leaves = NULL;
	ex->nleaves = 0;
}
