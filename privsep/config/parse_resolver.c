/* SPDX-License-Identifier: ISC
 *
 * resolver forward ADDRESS [port N], resolver recursive, resolver anchor FILE:
 * where names are looked up, and what is believed.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "privsep/base/err.h"
#include "privsep/config/parse.h"

#define DNS_PORT 53

static bool
forward_address(const char *text, uint16_t port, struct sockaddr_storage *out)
{
	struct sockaddr_in *in4 = (struct sockaddr_in *)out;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)out;

	memset(out, 0, sizeof(*out));
	if (inet_pton(AF_INET, text, &in4->sin_addr) == 1) {
		in4->sin_family = AF_INET;
		in4->sin_port = htons(port);
		return true;
	}
	if (inet_pton(AF_INET6, text, &in6->sin6_addr) != 1)
		return false;
	in6->sin6_family = AF_INET6;
	in6->sin6_port = htons(port);
	return true;
}

static int
parse_forward(struct parse *p)
{
	struct name_service *names = &p->cfg->names;
	struct cfg_pos pos = p->tok.pos;
	uint64_t port = DNS_PORT;
	char *text = NULL;
	int error;

	if (names->nforward == CFG_FORWARDERS_MAX)
		return parse_error(p, "at most %d servers", CFG_FORWARDERS_MAX);
	if ((error = parse_text(p, "the address of a server", &text)) != 0)
		return error;
	if (p->tok.kind == TOK_WORD && span_eq(p->tok.text, span_str("port")) &&
	    (error = parse_next(p)) == 0)
		error = parse_number(p, 1, UINT16_MAX, &port);
	if (error == 0 &&
	    !forward_address(
		text, (uint16_t)port, &names->forward[names->nforward++])) {
		cfg_error_add(p->errs, &pos, "not an IP address: '%s'", text);
		error = -E_SYNTAX;
	}
	free(text);
	return error;
}

/* The records of the file are part of the configuration: what was checked is
 * what will be believed. */
static int
anchor_read(struct parse *p, const struct cfg_pos *pos)
{
	struct name_service *names = &p->cfg->names;
	const struct cfg_file *file;
	char *path;
	int error;

	error = cfg_source_file(
	    p->src, span_str(names->anchor), pos, p->errs, &file);
	if (error != 0 || (error = anchor_check(file, pos, p->errs)) != 0)
		return error;
	if ((path = strdup(file->path)) == NULL)
		return -E_NOMEM;
	free(names->anchor);
	names->anchor = path;
	/* without a NUL, or it would not have passed */
	names->anchor_text = span_dup(file->data);
	return names->anchor_text != NULL ? 0 : -E_NOMEM;
}

static int
parse_anchor(struct parse *p)
{
	struct name_service *names = &p->cfg->names;
	struct cfg_pos pos = p->tok.pos;
	int error;

	if ((error = parse_text(p, "a file, or none", &names->anchor)) != 0)
		return error;
	free(names->anchor_text);
	names->anchor_text = NULL;
	if (strcmp(names->anchor, "none") != 0)
		return anchor_read(p, &pos);
	names->anchor[0] = '\0';
	return 0;
}

int
parse_resolver(struct parse *p, int id)
{
	struct name_service *names = &p->cfg->names;
	int error = 0;

	if (id == KW_RESOLVER_ANCHOR)
		return parse_anchor(p);
	if (id == KW_RESOLVER_FORWARD)
		error = parse_forward(p);
	else
		names->recursive = true;
	if (error == 0 && names->recursive && names->nforward > 0)
		return parse_error(
		    p, "forwarders are not asked by one who is recursive");
	return error;
}
