/* SPDX-License-Identifier: ISC
 *
 * Stands in for libFuzzer where there is none: runs a fuzz target over the
 * files of its corpus, so that what once broke a parser is tried in every
 * run of the tests.  With arguments, those directories; under kyua, the
 * corpus of the target that the program is named after.
 */
#include <dirent.h>
#include <err.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

/* Exactly as many octets as the file has, so that a sanitizer sees a read
 * past them. */
static void
replay_file(int dir_fd, const char *name)
{
	struct stat st;
	uint8_t *data;
	size_t size;
	int fd;

	if ((fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC)) < 0 ||
	    fstat(fd, &st) != 0)
		err(1, "%s", name);
	size = (size_t)st.st_size;
	if ((data = malloc(size > 0 ? size : 1)) == NULL)
		err(1, NULL);
	if (read(fd, data, size) != st.st_size)
		err(1, "%s", name);
	close(fd);
	LLVMFuzzerTestOneInput(data, size);
	free(data);
}

/* How many files there were. */
static unsigned
replay_dir(const char *path)
{
	struct dirent *de;
	unsigned count = 0;
	DIR *dir;

	if ((dir = opendir(path)) == NULL)
		err(1, "%s", path);
	while ((de = readdir(dir)) != NULL) {
		if (de->d_name[0] == '.')
			continue;
		/* The name of the one that crashes is the last in the log. */
		printf("%s/%s\n", path, de->d_name);
		fflush(stdout);
		replay_file(dirfd(dir), de->d_name);
		count++;
	}
	closedir(dir);
	return count;
}

int
main(int argc, char **argv)
{
	const char *srcdir = getenv("TEST_ENV_srcdir");
	const char *name;
	char path[4096];
	unsigned count = 0;
	int i;

	for (i = 1; i < argc; i++)
		count += replay_dir(argv[i]);
	if (argc < 2) {
		if (srcdir == NULL || (name = strrchr(argv[0], '/')) == NULL ||
		    strncmp(name, "/fuzz_", 6) != 0)
			errx(2, "usage: %s directory...", argv[0]);
		(void)snprintf(path, sizeof(path), "%s/regress/fuzz/corpus/%s",
		    srcdir, name + 6);
		count = replay_dir(path);
	}
	if (count == 0)
		errx(1, "the corpus is empty");
	return 0;
}
