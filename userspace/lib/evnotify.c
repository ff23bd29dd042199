// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * libevnotify: one function per system call; see evnotify.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "evnotify.h"

#define EVN_API __attribute__((visibility("default")))

struct evn {
	int fd;
};

EVN_API struct evn *evn_from_fd(int fd)
{
	struct evnotify_info info;
	struct evn *evn;

	if (ioctl(fd, EVNOTIFY_IOC_INFO, &info) < 0) {
		/* Drivers name a foreign ioctl in several ways; callers need one. */
		if (errno != EBADF)
			errno = ENOTTY;
		return NULL;
	}
	evn = malloc(sizeof(*evn));
	if (evn)
		evn->fd = fd;
	return evn;
}

EVN_API struct evn *evn_open(const char *path, int flags)
{
	struct evn *evn;
	int saved_errno;
	int fd;

	if (flags & ~O_NONBLOCK) {
		errno = EINVAL;
		return NULL;
	}
	fd = open(path ? path : "/dev/evnotify", O_RDWR | O_CLOEXEC | flags);
	if (fd < 0)
		return NULL;
	evn = evn_from_fd(fd);
	if (!evn) {
		saved_errno = errno;
		close(fd);
		errno = saved_errno;
	}
	return evn;
}

EVN_API void evn_close(struct evn *evn)
{
	int saved_errno = errno;

	if (!evn)
		return;
	close(evn->fd);
	free(evn);
	errno = saved_errno;
}

EVN_API int evn_release(struct evn *evn)
{
	int saved_errno = errno;
	int fd = evn->fd;

	free(evn);
	errno = saved_errno;
	return fd;
}

EVN_API int evn_fd(const struct evn *evn)
{
	return evn->fd;
}

EVN_API int evn_info(struct evn *evn, struct evnotify_info *info)
{
	return ioctl(evn->fd, EVNOTIFY_IOC_INFO, info);
}

EVN_API ssize_t evn_register(struct evn *evn, struct evnotify_request *reqs, size_t n)
{
	struct evnotify_register reg = {
		.requests = (uintptr_t)reqs,
		.count = n < UINT32_MAX ? (uint32_t)n : UINT32_MAX,
	};

	if (ioctl(evn->fd, EVNOTIFY_IOC_REGISTER, &reg) < 0)
		return -1;
	return (ssize_t)reg.taken;
}

EVN_API ssize_t evn_write(struct evn *evn, const struct evnotify_request *reqs, size_t n)
{
	ssize_t len;

	/* The length must not wrap. */
	if (n > SSIZE_MAX / sizeof(*reqs))
		n = SSIZE_MAX / sizeof(*reqs);
	len = write(evn->fd, reqs, n * sizeof(*reqs));
	return len < 0 ? -1 : len / (ssize_t)sizeof(*reqs);
}

EVN_API int evn_wait(struct evn *evn, struct evnotify_wait *wait)
{
	return ioctl(evn->fd, EVNOTIFY_IOC_WAIT, wait);
}

static int cancel(struct evn *evn, struct evnotify_cancel *arg)
{
	return ioctl(evn->fd, EVNOTIFY_IOC_CANCEL, arg);
}

EVN_API int evn_cancel(struct evn *evn, uint64_t id)
{
	struct evnotify_cancel arg = { .id = id };

	return cancel(evn, &arg);
}

EVN_API int64_t evn_cancel_all(struct evn *evn)
{
	struct evnotify_cancel arg = { .flags = EVNOTIFY_CANCEL_ALL };

	return cancel(evn, &arg) < 0 ? -1 : (int64_t)arg.cancelled;
}

EVN_API int evn_update(struct evn *evn, const struct evnotify_update *update)
{
	return ioctl(evn->fd, EVNOTIFY_IOC_UPDATE, update);
}

EVN_API ssize_t evn_read(struct evn *evn, struct evnotify_event *events, size_t n)
{
	ssize_t len;

	if (n > SSIZE_MAX / sizeof(*events))
		n = SSIZE_MAX / sizeof(*events);
	len = read(evn->fd, events, n * sizeof(*events));
	return len < 0 ? -1 : len / (ssize_t)sizeof(*events);
}

EVN_API uint32_t evn_version(void)
{
	return EVN_VERSION_CODE;
}

EVN_API const char *evn_version_string(void)
{
	return EVN_VERSION;
}
