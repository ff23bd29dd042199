// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <libgen.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "cli.h"

#define NODE_TIMEOUT_NS	(5 * NSEC_PER_SEC)

/* Where every failure to get at the device leads. */
void hint_doctor(const char *path)
{
	bool is_usual = strcmp(path, DEVICE_PATH) == 0;

	hint("'evnotify doctor%s%s' says what is wrong, and what to do",
	     is_usual ? "" : " --device ", is_usual ? "" : path);
}

static int cannot_open(const char *path, int error)
{
	switch (error) {
	case ENOENT:
	case ENODEV:
	case ENXIO:
		return fail(EXIT_NO_DEVICE, "cannot open %s: %s", path, strerror(error));
	case EACCES:
	case EPERM:
		return fail(EXIT_NO_PERMISSION, "cannot open %s: %s", path, strerror(error));
	case ENOTTY:
	case EISDIR:
		return fail(EXIT_NO_DEVICE, "%s is not the device of evnotify", path);
	default:
		return fail(EXIT_FAILED, "cannot open %s: %s", path, strerror(error));
	}
}

static int check_info(struct evn *evn, const char *path, struct evnotify_info *info)
{
	if (evn_info(evn, info) < 0)
		return fail(EXIT_FAILED, "cannot ask %s what it is: %s", path, strerror(errno));
	if (info->abi_version < EVNOTIFY_ABI_VERSION)
		return fail(EXIT_VERSION,
			    "the module has interface version %u, this command needs %u",
			    info->abi_version, EVNOTIFY_ABI_VERSION);
	return EXIT_OK;
}

/* Opens the device and makes sure that its module fits; says so if not. */
int device_open(const char *path, int flags, struct evn **evn, struct evnotify_info *info)
{
	int status;

	*evn = evn_open(path, flags);
	status = *evn ? check_info(*evn, path, info) : cannot_open(path, errno);
	if (!status)
		return EXIT_OK;
	hint_doctor(path);
	if (*evn)
		evn_close(*evn);
	return status;
}

/*
 * Waits until a node is there, and permits what access(2) has in @mode: the kernel
 * makes it, but /dev may be another's to fill, and udev's to give away. Sets errno.
 */
bool device_await(const char *node, int mode)
{
	uint64_t deadline = now_ns(CLOCK_MONOTONIC) + NODE_TIMEOUT_NS;
	struct pollfd pfd = { .fd = inotify_init1(IN_CLOEXEC), .events = POLLIN };
	char events[4096];
	char dir[PATH_MAX];
	uint64_t now;
	int error;

	snprintf(dir, sizeof(dir), "%s", node);
	inotify_add_watch(pfd.fd, dirname(dir), IN_CREATE | IN_MOVED_TO | IN_ATTRIB);
	for (;;) {
		error = access(node, mode) < 0 ? errno : 0;
		now = now_ns(CLOCK_MONOTONIC);
		if (!error || now >= deadline)
			break;
		if (poll(&pfd, 1, (int)((deadline - now) / NSEC_PER_MSEC) + 1) > 0 &&
		    read(pfd.fd, events, sizeof(events)) < 0)
			break;
	}
	close(pfd.fd);
	errno = error;
	return !error;
}
