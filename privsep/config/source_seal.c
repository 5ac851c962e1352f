/* SPDX-License-Identifier: ISC
 *
 * The container that carries a configuration to the roles: a sealed memfd.
 * The reader trusts the master but not the bytes: every length is checked, as
 * everywhere.
 */
#include <sys/mman.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "privsep/base/err.h"
#include "privsep/config/source.h"

#define SEAL_MAGIC 0x42484331U /* "BHC1" */
#define SEAL_SLACK (1U << 20)  /* for everything but the files */
#define SEAL_MAX   (CFG_SOURCE_MAX + SEAL_SLACK)
#define SEAL_NAME  65536 /* octets of a path, a name or a value */
#define SEALS      (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

/* magic, base, hostname, count and pairs of macros, count and pairs of files:
 * integers of 32 bits, strings with their length. */
static int
seal_encode(const struct cfg_source *src, struct buf *b)
{
	size_t i;

	buf_put_u32(b, SEAL_MAGIC);
	buf_put_span(b, span_str(src->base));
	buf_put_span(b, span_str(src->hostname));
	buf_put_u32(b, (uint32_t)src->ndefines);
	for (i = 0; i < src->ndefines; i++) {
		buf_put_span(b, span_str(src->defines[i].name));
		buf_put_span(b, span_str(src->defines[i].value));
	}
	buf_put_u32(b, (uint32_t)src->nfiles);
	for (i = 0; i < src->nfiles; i++) {
		buf_put_span(b, span_str(src->files[i]->path));
		buf_put_span(b, src->files[i]->data);
	}
	return b->err;
}

static int
seal_write(int fd, struct span s)
{
	ssize_t n;

	while (s.len > 0) {
		n = write(fd, s.p, s.len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_from_errno(errno);
		s.p += n;
		s.len -= (size_t)n;
	}
	return 0;
}

int
cfg_source_to_memfd(const struct cfg_source *src, int *out)
{
	struct buf b;
	int fd, error;

	buf_init(&b, SEAL_MAX);
	if ((error = seal_encode(src, &b)) != 0)
		goto out;
	fd = memfd_create("bulkhead-config", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0) {
		error = err_from_errno(errno);
		goto out;
	}
	if ((error = seal_write(fd, buf_span(&b))) == 0 &&
	    fcntl(fd, F_ADD_SEALS, SEALS) != 0)
		error = err_from_errno(errno);
	if (error == 0)
		*out = fd;
	else
		close(fd);
out:
	buf_clear(&b);
	return error;
}

static int
seal_decode_defines(struct cfg_source *src, struct rd *r)
{
	struct span name, value;
	uint32_t n;
	char *text;
	int error = 0;

	for (n = rd_u32(r); n > 0 && !r->bad && error == 0; n--) {
		name = rd_span(r, SEAL_NAME);
		value = rd_span(r, SEAL_NAME);
		if ((text = span_dup(name)) == NULL)
			return -E_CORRUPT;
		error = cfg_source_add_define(src, text, value);
		free(text);
	}
	return error;
}

static int
seal_decode(struct cfg_source *src, struct span s)
{
	struct rd r = rd_init(s);
	struct span path, data;
	uint32_t n;
	int error;

	if (rd_u32(&r) != SEAL_MAGIC)
		return -E_CORRUPT;
	src->base = span_dup(rd_span(&r, SEAL_NAME));
	src->hostname = span_dup(rd_span(&r, SEAL_NAME));
	if (src->base == NULL || src->hostname == NULL)
		return -E_CORRUPT;
	if ((error = seal_decode_defines(src, &r)) != 0)
		return error;
	for (n = rd_u32(&r); n > 0 && !r.bad && error == 0; n--) {
		path = rd_span(&r, SEAL_NAME);
		data = rd_span(&r, CFG_FILE_MAX);
		if (!r.bad)
			error =
			    cfg_source_record(src, span_dup(path), data, NULL);
	}
	if (error == 0 && (!rd_done(&r) || src->nfiles == 0))
		error = -E_CORRUPT;
	return error;
}

int
cfg_source_from_fd(int fd, struct cfg_source **out)
{
	struct cfg_source *src;
	struct stat st;
	int error = -E_CORRUPT;

	if ((fcntl(fd, F_GET_SEALS) & SEALS) != SEALS || fstat(fd, &st) != 0 ||
	    st.st_size <= 0 || (uint64_t)st.st_size > SEAL_MAX)
		return -E_CORRUPT;
	if ((src = calloc(1, sizeof(*src))) == NULL)
		return -E_NOMEM;
	src->map_len = (size_t)st.st_size;
	src->map = mmap(NULL, src->map_len, PROT_READ, MAP_PRIVATE, fd, 0);
	if (src->map == MAP_FAILED) {
		src->map = NULL;
		error = -E_NOMEM;
		goto fail;
	}
	if ((error = seal_decode(
		 src, (struct span){ src->map, src->map_len })) != 0)
		goto fail;
	*out = src;
	return 0;
fail:
	cfg_source_free(src);
	return error;
}

void
cfg_source_unmap(struct cfg_source *src)
{
	if (src->map != NULL)
		munmap(src->map, src->map_len);
	src->map = NULL;
}
