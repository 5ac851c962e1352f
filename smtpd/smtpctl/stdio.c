/* SPDX-License-Identifier: ISC
 *
 * Standard input, output and error, which may be closed or full.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sysexits.h>

#include "smtpd/smtpctl/smtpctl.h"

void
stdio_open(void)
{
	int fd;

	for (fd = 0; fd <= 2; fd++) {
		if (fcntl(fd, F_GETFD) >= 0 || errno != EBADF)
			continue;
		/* those below are open, so that this one is the first free */
		if (open("/dev/null", O_RDWR) != fd)
			err(EX_OSERR, "/dev/null");
	}
}

int
stdio_end(int status)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return status;
	warnx("standard output could not be written");
	return status == EX_OK ? EX_IOERR : status;
}
