/* SPDX-License-Identifier: ISC
 *
 * What the programs of this directory share: chance, memory, the journal, and
 * emptying a directory.  See disk.h.
 */
#include <sys/stat.h>

#include <dirent.h>
#include <err.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "regress/crash/disk.h"

uint64_t
rnd_next(struct rnd *r)
{
	uint64_t z = r->state += 0x9e3779b97f4a7c15u;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

uint32_t
rnd_below(struct rnd *r, uint32_t n)
{
	return (uint32_t)((rnd_next(r) >> 32) % n);
}

bool
rnd_once_in(struct rnd *r, uint32_t n)
{
	return rnd_below(r, n) == 0;
}

void *
need(size_t n, size_t size)
{
	void *p = calloc(n, size);

	if (p == NULL)
		err(2, "calloc");
	return p;
}

void *
need_more(void *p, size_t n, size_t size)
{
	if ((p = reallocarray(p, n, size)) == NULL)
		err(2, "reallocarray");
	return p;
}

char *
need_name(const char *name)
{
	char *copy = name == NULL ? NULL : strdup(name);

	if (name != NULL && copy == NULL)
		err(2, "strdup");
	return copy;
}

void
journal_add(struct journal *j, const struct op *op)
{
	struct op *to;

	GROW(j->ops, j->len, j->cap);
	to = &j->ops[j->len++];
	*to = *op;
	to->name = need_name(op->name);
	to->name2 = need_name(op->name2);
	if (op->data != NULL) {
		to->data = need(op->len + 1, 1);
		memcpy(to->data, op->data, op->len);
	}
}

void
journal_clear(struct journal *j)
{
	size_t i;

	for (i = 0; i < j->len; i++) {
		free(j->ops[i].name);
		free(j->ops[i].name2);
		free(j->ops[i].data);
	}
	free(j->ops);
	*j = (struct journal){ 0 };
}

static void
dir_remove(int dir_fd, const char *name)
{
	struct dirent *e;
	DIR *stream;
	int fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || (stream = fdopendir(fd)) == NULL)
		err(2, "%s", name);
	while ((e = readdir(stream)) != NULL) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		if (unlinkat(fd, e->d_name, 0) == 0)
			continue;
		dir_remove(fd, e->d_name);
		if (unlinkat(fd, e->d_name, AT_REMOVEDIR) != 0)
			err(2, "%s", e->d_name);
	}
	closedir(stream);
}

void
tree_empty(const char *path)
{
	if (mkdir(path, 0700) == 0)
		return;
	dir_remove(AT_FDCWD, path);
}

void
tree_remove(const char *path)
{
	tree_empty(path);
	rmdir(path);
}

unsigned
number_arg(const char *text)
{
	const char *why;
	long long n = strtonum(text, 1, UINT32_MAX, &why);

	if (why != NULL)
		errx(2, "%s: %s", text, why);
	return (unsigned)n;
}
