/* SPDX-License-Identifier: ISC
 *
 * The files of a configuration by their path.  Only a source that the master
 * loads ever touches the disk (source_disk.c); every other one knows all its
 * files from the start.
 */
#include <stdlib.h>
#include <string.h>

#include "privsep/base/chk.h"
#include "privsep/base/err.h"
#include "privsep/config/source.h"

int
cfg_source_record(
    struct cfg_source *src, char *path, struct span data, unsigned char *mem)
{
	struct cfg_file *file;
	int error = -E_NOMEM;

	if (path == NULL)
		goto fail;
	error = -E_TOOLONG;
	if (src->nfiles == CFG_FILES_MAX || data.len > CFG_FILE_MAX ||
	    data.len > CFG_SOURCE_MAX - src->octets)
		goto fail;
	error = -E_NOMEM;
	if ((file = calloc(1, sizeof(*file))) == NULL)
		goto fail;
	*file = (struct cfg_file){ .path = path, .data = data, .mem = mem };
	src->files[src->nfiles++] = file;
	src->octets += data.len;
	return 0;
fail:
	free(path);
	free(mem);
	return error;
}

void
cfg_source_free(struct cfg_source *src)
{
	size_t i;

	if (src == NULL)
		return;
	for (i = 0; i < src->nfiles; i++) {
		free(src->files[i]->path);
		free(src->files[i]->mem);
		free(src->files[i]);
	}
	for (i = 0; i < src->ndefines; i++) {
		free(src->defines[i].name);
		free(src->defines[i].value);
	}
	free(src->defines);
	free(src->base);
	free(src->hostname);
	cfg_source_unmap(src);
	free(src);
}

int
cfg_source_from_text(
    struct span text, const char *hostname, struct cfg_source **out)
{
	struct cfg_source *src;
	int error = -E_NOMEM;

	if ((src = calloc(1, sizeof(*src))) == NULL)
		return -E_NOMEM;
	src->base = strdup("/etc/bulkhead");
	src->hostname = strdup(hostname);
	if (src->base == NULL || src->hostname == NULL)
		goto fail;
	if ((error = cfg_source_add_file(src, "smtpd.conf", text)) != 0)
		goto fail;
	*out = src;
	return 0;
fail:
	cfg_source_free(src);
	return error;
}

int
cfg_source_add_file(
    struct cfg_source *src, const char *path, struct span content)
{
	unsigned char *mem;

	if ((mem = chk_malloc(content.len, 1)) == NULL)
		return -E_NOMEM;
	if (content.len > 0)
		memcpy(mem, content.p, content.len);
	return cfg_source_record(
	    src, strdup(path), (struct span){ mem, content.len }, mem);
}

int
cfg_source_add_define(
    struct cfg_source *src, const char *name, struct span value)
{
	struct cfg_macro *grown, m;

	grown = chk_realloc(src->defines, src->ndefines + 1, sizeof(*grown));
	if (grown == NULL)
		return -E_NOMEM;
	src->defines = grown;
	m.name = strdup(name);
	m.value = span_dup(value);
	if (m.name == NULL || m.value == NULL) {
		free(m.name);
		free(m.value);
		return -E_NOMEM;
	}
	src->defines[src->ndefines++] = m;
	return 0;
}

/* The path under which a file is recorded. */
static char *
source_path(const struct cfg_source *src, struct span path)
{
	struct buf b;
	char *full;

	if (path.len > 0 && path.p[0] == '/')
		return span_dup(path);
	buf_init(&b, CFG_FILE_MAX);
	buf_add_str(&b, src->base);
	buf_add_str(&b, "/");
	buf_add(&b, path.p, path.len);
	full = b.err == 0 ? span_dup(buf_span(&b)) : NULL;
	buf_clear(&b);
	return full;
}

int
cfg_source_file(struct cfg_source *src, struct span path,
    const struct cfg_pos *pos, struct cfg_errors *errs,
    const struct cfg_file **out)
{
	char *full;
	size_t i;
	int error = 0;

	if ((full = source_path(src, path)) == NULL)
		return -E_NOMEM;
	for (i = 0; i < src->nfiles; i++) {
		if (strcmp(src->files[i]->path, full) == 0)
			break;
	}
	if (i == src->nfiles && src->disk) {
		error = cfg_source_read(src, full, pos, errs);
	} else if (i == src->nfiles) {
		cfg_error_add(errs, pos, "%s: no such file", full);
		error = -E_NOENT;
	}
	if (error == 0)
		*out = src->files[i];
	free(full);
	return error;
}
