/* SPDX-License-Identifier: ISC
 *
 * The parsed configuration: looking things up in it, and freeing it.
 */
#include <stdlib.h>

#include "privsep/config/parse.h"
#include "privsep/config/rules.h"
#include "privsep/config/table_int.h"

static const struct cond_row config_conditions[] = {
#define CONDITION(id, group, words, arg, meaning)                              \
	[id] = { COND_##group, words, ARG_##arg },
#include "privsep/config/conditions.def"
#undef CONDITION
};

const struct cond_row *
cond_row(enum cond_kind kind)
{
	return &config_conditions[kind];
}

void
config_free(struct config *cfg)
{
	size_t i;

	if (cfg == NULL)
		return;
	for (i = 0; i < cfg->nlisteners; i++)
		listener_clear(&cfg->listeners[i]);
	for (i = 0; i < cfg->nactions; i++)
		action_clear(&cfg->actions[i]);
	for (i = 0; i < cfg->nrules; i++)
		free(cfg->rules[i].conds);
	free(cfg->limits);
	free(cfg->names.anchor);
	free(cfg->names.anchor_text);
	for (i = 0; i < cfg->ntables; i++)
		table_free(cfg->tables[i]);
	for (i = 0; i < cfg->ninline_tables; i++)
		table_free(cfg->inline_tables[i]);
	free(cfg->listeners);
	free(cfg->actions);
	free(cfg->rules);
	free(cfg->tables);
	free(cfg->inline_tables);
	free(cfg->hostname);
	free(cfg);
}

const struct table *
config_table(const struct config *cfg, struct span name)
{
	size_t i;

	for (i = 0; i < cfg->ntables; i++) {
		if (span_eq(span_str(cfg->tables[i]->name), name))
			return cfg->tables[i];
	}
	return NULL;
}

const struct action *
config_action(const struct config *cfg, struct span name)
{
	size_t i;

	for (i = 0; i < cfg->nactions; i++) {
		if (span_eq(span_str(cfg->actions[i].name), name))
			return &cfg->actions[i];
	}
	return NULL;
}
