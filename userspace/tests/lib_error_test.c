// SPDX-License-Identifier: GPL-2.0-only
/*
 * libevnotify without a device: how its calls fail.
 */
#include <evnotify.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "tap.h"

static bool open_fails(const char *path, int flags, int error)
{
	struct evn *evn;

	errno = 0;
	evn = evn_open(path, flags);
	if (evn)
		evn_close(evn);
	return !evn && errno == error;
}

int main(void)
{
	char version[32];
	int before = dup(STDOUT_FILENO);
	int fd;

	close(before);
	check(open_fails("/nonexistent", 0, ENOENT), "no such node: ENOENT");
	check(open_fails("/dev/null", 0, ENOTTY), "another device: ENOTTY");
	check(open_fails("/dev/null", O_NONBLOCK, ENOTTY), "O_NONBLOCK is a flag");
	check(open_fails("/dev/null", O_APPEND, EINVAL), "another flag: EINVAL");
	check(open_fails("/dev/null", O_CLOEXEC, EINVAL), "O_CLOEXEC goes without saying: EINVAL");

	fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	check(fd == before, "no failed open left a descriptor behind");
	check(!evn_from_fd(fd) && errno == ENOTTY, "a descriptor of another device: ENOTTY");
	check(fcntl(fd, F_GETFD) >= 0, "a descriptor that is refused stays open");
	close(fd);
	check(!evn_from_fd(-1) && errno == EBADF, "no descriptor: EBADF");

	errno = EILSEQ;
	evn_close(NULL);
	check(errno == EILSEQ, "closing NULL does nothing");

	snprintf(version, sizeof(version), "%u.%u.%u", evn_version() >> 16,
		 evn_version() >> 8 & 0xff, evn_version() & 0xff);
	check(strcmp(version, evn_version_string()) == 0, "both forms of the version agree");
	return tap_done();
}
