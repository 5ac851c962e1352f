/* SPDX-License-Identifier: ISC
 *
 * Reads the files of a configuration from disk, in the master and as root.
 * A file that anybody else could have changed is refused: whoever writes it
 * decides who gets the mail.
 */
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "privsep/base/chk.h"
#include "privsep/base/err.h"
#include "privsep/config/source.h"

#define MAILNAME     SYSCONFDIR "/mailname"
#define MAILNAME_MAX 256

/* Why the file may not be used, or NULL. */
static const char *
disk_refuse(const struct stat *st)
{
	if (!S_ISREG(st->st_mode))
		return "not a regular file";
	if (st->st_uid != 0 && st->st_uid != geteuid())
		return "not owned by root or by the user who runs this";
	if (st->st_mode & (S_IWGRP | S_IWOTH))
		return "writable by its group or by others (chmod go-w)";
	if (st->st_size < 0 || (uint64_t)st->st_size > CFG_FILE_MAX)
		return "larger than 16 MiB";
	return NULL;
}

/* Read up to len octets, all of them unless the file ends earlier. */
static int
disk_read_all(int fd, unsigned char *mem, size_t len, size_t *got)
{
	ssize_t n;

	for (*got = 0; *got < len; *got += (size_t)n) {
		n = read(fd, mem + *got, len - *got);
		if (n < 0 && errno == EINTR)
			n = 0;
		else if (n < 0)
			return err_from_errno(errno);
		else if (n == 0)
			break;
	}
	return 0;
}

static int
disk_read_fd(struct cfg_source *src, int fd, const char *path,
    const struct cfg_pos *pos, struct cfg_errors *errs)
{
	struct stat st;
	const char *why;
	unsigned char *mem;
	size_t got;
	int error;

	if (fstat(fd, &st) != 0)
		return err_from_errno(errno);
	if ((why = disk_refuse(&st)) != NULL) {
		cfg_error_add(errs, pos, "%s: %s", path, why);
		return -E_DENIED;
	}
	if ((mem = chk_malloc((size_t)st.st_size, 1)) == NULL)
		return -E_NOMEM;
	error = disk_read_all(fd, mem, (size_t)st.st_size, &got);
	if (error != 0) {
		free(mem);
		cfg_error_add(errs, pos, "%s: %s", path, err_text(error));
		return error;
	}
	error = cfg_source_record(
	    src, strdup(path), (struct span){ mem, got }, mem);
	if (error == -E_TOOLONG) {
		cfg_error_add(errs, pos,
		    "%s: more than %d files, or than %u MiB in all", path,
		    CFG_FILES_MAX, CFG_SOURCE_MAX >> 20);
	}
	return error;
}

int
cfg_source_read(struct cfg_source *src, const char *path,
    const struct cfg_pos *pos, struct cfg_errors *errs)
{
	int fd, error;

	/* PRIV: the configuration need not be readable by anybody but root;
	 * O_NONBLOCK so that a FIFO is refused and not waited for. */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0) {
		error = errno;
		cfg_error_add(errs, pos, "%s: %s", path, strerror(error));
		return err_from_errno(error);
	}
	error = disk_read_fd(src, fd, path, pos, errs);
	close(fd);
	return error;
}

/* The first line of the mail name file, or else the kernel's name of this
 * host: what the rest of the system goes by. */
static char *
disk_hostname(void)
{
	char name[MAILNAME_MAX] = "";
	size_t len = 0;
	int fd;

	if ((fd = open(MAILNAME, O_RDONLY | O_CLOEXEC | O_NONBLOCK)) >= 0) {
		if (disk_read_all(
			fd, (unsigned char *)name, sizeof(name) - 1, &len) != 0)
			len = 0;
		close(fd);
	}
	name[len] = '\0';
	name[strcspn(name, " \t\r\n")] = '\0';
	if (name[0] == '\0' && gethostname(name, sizeof(name) - 1) != 0)
		return strdup("localhost");
	return strdup(name);
}

/* The directory of the file at path.  It is absolute: a path in there goes to
 * roles that have another idea of where they are. */
static char *
disk_base(const char *path)
{
	const char *slash = strrchr(path, '/');
	char *dir, *base;

	if (slash == NULL)
		dir = strdup(".");
	else if (slash == path)
		dir = strdup("/");
	else
		dir = strndup(path, (size_t)(slash - path));
	if (dir == NULL)
		return NULL;
	/* where there is no such directory there is no file either, and that
	 * is what will be said */
	if ((base = realpath(dir, NULL)) == NULL)
		return dir;
	free(dir);
	return base;
}

int
cfg_source_load_disk(const struct cfg_load *load, struct cfg_source **out,
    struct cfg_errors *errs)
{
	struct cfg_source *src;
	size_t i;
	int error = -E_NOMEM;

	if ((src = calloc(1, sizeof(*src))) == NULL)
		return -E_NOMEM;
	src->disk = true;
	src->base = disk_base(load->path);
	src->hostname =
	    load->hostname != NULL ? strdup(load->hostname) : disk_hostname();
	if (src->base == NULL || src->hostname == NULL)
		goto fail;
	for (i = 0; i < load->ndefines; i++) {
		error = cfg_source_add_define(src, load->defines[i].name,
		    span_str(load->defines[i].value));
		if (error != 0)
			goto fail;
	}
	if ((error = cfg_source_read(src, load->path, NULL, errs)) != 0)
		goto fail;
	*out = src;
	return 0;
fail:
	cfg_source_free(src);
	return error;
}
