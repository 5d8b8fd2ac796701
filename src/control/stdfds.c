/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Descriptors 0 to 2; see stdfds.h. Main thread, before there is another.
 */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "src/control/stdfds.h"

void
stdfds_open(void)
{
	static const int wrong_way[] = {
		[STDIN_FILENO] = O_WRONLY, [STDOUT_FILENO] = O_RDONLY, [STDERR_FILENO] = O_RDONLY};

	/* From 0 on: open(2) takes the lowest number, which is the one that is free. */
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 && errno == EBADF)
			(void)!open("/dev/null", wrong_way[fd]);
}
