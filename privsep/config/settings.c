/* SPDX-License-Identifier: ISC
 *
 * Settings, their defaults and their units.
 */
#include <stdlib.h>
#include <string.h>

#include "privsep/base/chk.h"
#include "privsep/base/err.h"
#include "privsep/config/settings.h"

#define KIB    1024ULL
#define MIB    (1024ULL * KIB)
#define GIB    (1024ULL * MIB)
#define MINUTE 60ULL
#define HOUR   (60ULL * MINUTE)
#define DAY    (24ULL * HOUR)
#define WEEK   (7ULL * DAY)

static const struct setting_row settings_rows[] = {
#define SETTING(field, words, type, def, min, max, meaning)                    \
	{ offsetof(struct settings, field), words, SETTING_##type, def, min,   \
		max, meaning },
#include "privsep/config/settings.def"
#undef SETTING
};

static const struct setting_list_row settings_lists[] = {
#define SETTING_LIST(field, words, def, min, max, meaning)                     \
	{ offsetof(struct settings, field), words, def, min, max, meaning },
#include "privsep/config/settings_list.def"
#undef SETTING_LIST
};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const struct unit {
	enum setting_type type;
	char letter;
	uint64_t factor;
} settings_units[] = {
	{ SETTING_SIZE, 'G', GIB },
	{ SETTING_SIZE, 'M', MIB },
	{ SETTING_SIZE, 'K', KIB },
	{ SETTING_DURATION, 'w', WEEK },
	{ SETTING_DURATION, 'd', DAY },
	{ SETTING_DURATION, 'h', HOUR },
	{ SETTING_DURATION, 'm', MINUTE },
	{ SETTING_DURATION, 's', 1 },
};

const struct setting_row *
setting_row(size_t i)
{
	return i < COUNT(settings_rows) ? &settings_rows[i] : NULL;
}

const struct setting_list_row *
setting_list_row(size_t i)
{
	return i < COUNT(settings_lists) ? &settings_lists[i] : NULL;
}

uint64_t *
setting_field(struct settings *set, const struct setting_row *row)
{
	return (void *)((unsigned char *)set + row->offset);
}

struct cfg_durations *
setting_list_field(struct settings *set, const struct setting_list_row *row)
{
	return (void *)((unsigned char *)set + row->offset);
}

/* "2m, 5m": our own text, which the unit test shows to be well-formed. */
static void
settings_list_default(const char *text, struct cfg_durations *out)
{
	size_t len;

	while (*text != '\0' && out->n < CFG_LIST_MAX) {
		len = strcspn(text, ",");
		setting_parse(SETTING_DURATION,
		    (struct span){ (const unsigned char *)text, len },
		    &out->s[out->n++]);
		text += len;
		text += strspn(text, ", ");
	}
}

void
settings_defaults(struct settings *set)
{
	size_t i;

	memset(set, 0, sizeof(*set));
	for (i = 0; i < COUNT(settings_rows); i++)
		*setting_field(set, &settings_rows[i]) = settings_rows[i].def;
	for (i = 0; i < COUNT(settings_lists); i++)
		settings_list_default(settings_lists[i].def,
		    setting_list_field(set, &settings_lists[i]));
}

/* Sizes may be written with small letters; for times m is not M. */
static bool
unit_is(const struct unit *u, enum setting_type type, unsigned char letter)
{
	if (u->type != type)
		return false;
	if (type == SETTING_SIZE && letter >= 'a' && letter <= 'z')
		letter = (unsigned char)(letter - 'a' + 'A');
	return (unsigned char)u->letter == letter;
}

static int
unit_find(
    enum setting_type type, struct span rest, uint64_t value, uint64_t *factor)
{
	size_t i;

	/* 0 is the same in every unit; other times must say theirs */
	if (rest.len == 0) {
		*factor = 1;
		return type == SETTING_DURATION && value != 0 ? -E_SYNTAX : 0;
	}
	for (i = 0; i < COUNT(settings_units) && rest.len == 1; i++) {
		if (unit_is(&settings_units[i], type, rest.p[0])) {
			*factor = settings_units[i].factor;
			return 0;
		}
	}
	return -E_SYNTAX;
}

int
setting_parse(enum setting_type type, struct span text, uint64_t *out)
{
	uint64_t value = 0, factor;
	size_t i;
	int error;

	for (i = 0; i < text.len && text.p[i] >= '0' && text.p[i] <= '9'; i++) {
		if (__builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, text.p[i] - '0', &value))
			return -E_TOOLONG;
	}
	if (i == 0)
		return -E_SYNTAX;
	text.p += i;
	text.len -= i;
	if ((error = unit_find(type, text, value, &factor)) != 0)
		return error;
	if (__builtin_mul_overflow(value, factor, &value))
		return -E_TOOLONG;
	*out = value;
	return 0;
}

void
setting_format(enum setting_type type, uint64_t value, struct buf *out)
{
	const struct unit *u;
	size_t i;

	for (i = 0; i < COUNT(settings_units); i++) {
		u = &settings_units[i];
		/* weeks are read but not written: 4d, 7d, 14d are clearer */
		if (u->type != type || value == 0 || u->factor == WEEK ||
		    value % u->factor != 0)
			continue;
		buf_addf(out, "%llu%c", (unsigned long long)(value / u->factor),
		    u->letter);
		return;
	}
	buf_addf(out, "%llu%s", (unsigned long long)value,
	    type == SETTING_DURATION ? "s" : "");
}
