/* SPDX-License-Identifier: ISC
 *
 * Inside the room: the tables of settings as data, and their units.
 */
#ifndef CONFIG_SETTINGS_H
#define CONFIG_SETTINGS_H

#include "privsep/config/config.h"

enum setting_type {
	SETTING_NUMBER,
	SETTING_SIZE,
	SETTING_DURATION
};

struct setting_row {
	size_t offset; /* in struct settings */
	const char *words;
	enum setting_type type;
	uint64_t def, min, max;
	const char *meaning;
};

struct setting_list_row {
	size_t offset;
	const char *words;
	const char *def;
	uint64_t min, max;
	const char *meaning;
};

/* Row i, or NULL past the last. */
const struct setting_row *setting_row(size_t i);
const struct setting_list_row *setting_list_row(size_t i);

/* The field of a row. */
uint64_t *setting_field(struct settings *set, const struct setting_row *row);
struct cfg_durations *setting_list_field(
    struct settings *set, const struct setting_list_row *row);

/* Every field its default. */
void settings_defaults(struct settings *set);

/* "10", "10M", "10m": a number and at most one letter of a unit.  0,
 * -E_SYNTAX for what is no such thing, or -E_TOOLONG for an overflow. */
int setting_parse(enum setting_type type, struct span text, uint64_t *out);

/* The same the other way round, with the largest unit that is exact. */
void setting_format(enum setting_type type, uint64_t value, struct buf *out);

#endif
