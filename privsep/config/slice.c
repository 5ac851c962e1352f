/* SPDX-License-Identifier: ISC
 *
 * The part of the configuration that a role may see, printed anew: what is not
 * in it cannot leak from that role.
 */
#include <string.h>

#include "privsep/base/err.h"
#include "privsep/config/source.h"
#include "privsep/config/table_int.h"

static bool
slice_uses(const struct config *cfg, const struct table *t)
{
	const struct relay *r;
	size_t i;

	for (i = 0; i < cfg->nactions; i++) {
		r = cfg->actions[i].relay;
		if (r != NULL &&
		    (t == r->domains || t == r->auth || t == r->src ||
			t == r->helo_src))
			return true;
	}
	for (i = 0; i < cfg->nlimits; i++) {
		if (t == cfg->limits[i].whom)
			return true;
	}
	return false;
}

/* The entries of a file table in a form that table_read reads to the same. */
static int
slice_add_file(struct cfg_source *src, const struct table *t)
{
	struct span key, value;
	struct buf text;
	size_t i;
	int error;

	buf_init(&text, CFG_FILE_MAX);
	for (i = 0; i < table_count(t); i++) {
		table_entry(t, i, &key, &value);
		buf_add(&text, key.p, key.len);
		if (value.len > 0) {
			buf_add_str(&text, " : ");
			buf_add(&text, value.p, value.len);
		}
		buf_add_str(&text, "\n");
	}
	error = text.err;
	if (error == 0)
		error =
		    cfg_source_add_file(src, table_path(t), buf_span(&text));
	explicit_bzero(text.data, text.cap);
	buf_clear(&text);
	return error;
}

static void
slice_print_relay(const struct config *cfg, struct buf *out)
{
	size_t i;

	for (i = 0; i < cfg->ntables; i++) {
		if (slice_uses(cfg, cfg->tables[i]))
			config_print_table(cfg->tables[i], out);
	}
	for (i = 0; i < cfg->nactions; i++) {
		if (cfg->actions[i].kind == ACTION_RELAY)
			config_print_action(&cfg->actions[i], out);
	}
	config_print_limits(cfg, out);
}

static int
slice_add_files(const struct config *cfg, struct cfg_source *src)
{
	const struct table *t;
	size_t i;
	int error = 0;

	for (i = 0; i < cfg->ntables && error == 0; i++) {
		t = cfg->tables[i];
		if (table_path(t) != NULL && slice_uses(cfg, t))
			error = slice_add_file(src, t);
	}
	return error;
}

int
config_slice_to_memfd(const struct config *cfg, enum cfg_slice slice, int *fd)
{
	struct cfg_source *src = NULL;
	struct buf text;
	int error;

	buf_init(&text, CFG_FILE_MAX);
	config_print_settings(cfg, &text);
	if (slice != CFG_SLICE_SETTINGS)
		config_print_listeners(cfg, &text);
	if (slice == CFG_SLICE_RELAY)
		slice_print_relay(cfg, &text);
	error = text.err;
	if (error == 0)
		error =
		    cfg_source_from_text(buf_span(&text), cfg->hostname, &src);
	if (error == 0 && cfg->names.anchor_text != NULL)
		error = cfg_source_add_file(
		    src, cfg->names.anchor, span_str(cfg->names.anchor_text));
	if (error == 0 && slice == CFG_SLICE_RELAY)
		error = slice_add_files(cfg, src);
	if (error == 0)
		error = cfg_source_to_memfd(src, fd);
	cfg_source_free(src);
	buf_clear(&text);
	return error;
}
