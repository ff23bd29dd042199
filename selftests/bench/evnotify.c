// SPDX-License-Identifier: GPL-2.0-only
/* bench - evnotify, in each of its modes, and the literal port in module/samples/event.c */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/evnotify.h>

#include "bench.h"

static struct evnotify_request requests[BATCH];
static struct evnotify_event *events;
static uint64_t *ids;
static int fd, efd;
static bool efd_each;	/* each request has an eventfd of its own, in each_fds */
static uint64_t signalled;

static int open_device(void)
{
	return open(device, O_RDWR | O_NONBLOCK | O_CLOEXEC);
}

static int open_efd(void)
{
	return eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
}

/* What all requests of an arm() of n have in common. */
static void prepare(unsigned int n, uint32_t mode)
{
	unsigned int i;

	n = n < BATCH ? n : BATCH;
	if (!events) {
		events = buffer(max_n, sizeof(*events));
		ids = buffer(max_n, sizeof(*ids));
	}
	memset(requests, 0, n * sizeof(*requests));
	for (i = 0; i < n; i++) {
		requests[i].mode = mode;
		requests[i].flags = EVNOTIFY_ABSTIME;
		requests[i].clockid = CLOCK_MONOTONIC;
		if (mode == EVNOTIFY_MODE_EVENTFD)
			requests[i].eventfd = efd;
	}
}

static void open_mode(unsigned int n, uint32_t mode)
{
	fd = open_device();
	if (fd < 0)
		die("open %s: %s; is the module loaded?", device, strerror(errno));
	prepare(n, mode);
}

static void open_pending(unsigned int n)
{
	open_mode(n, EVNOTIFY_MODE_PENDING);
}

static void open_eventfd(unsigned int n)
{
	efd = open_efd();
	if (efd < 0)
		die("eventfd: %s", strerror(errno));
	open_mode(n, EVNOTIFY_MODE_EVENTFD);
}

static void open_each_events(unsigned int n, uint32_t events)
{
	efd_each = true;
	each_open(n, events, open_efd);
	open_mode(n, EVNOTIFY_MODE_EVENTFD);
}

static void open_each(unsigned int n)
{
	open_each_events(n, EPOLLIN);
}

static void open_each_et(unsigned int n)
{
	open_each_events(n, EPOLLIN | EPOLLET);
}

static void open_files(unsigned int n)
{
	each_open(n, EPOLLIN, open_device);
	prepare(n, EVNOTIFY_MODE_PENDING);
}

/* Its requests are those of the engine, one to a call. */
static void open_literal(unsigned int n)
{
	fd = open(LITERAL_PORT, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		die("open %s: %s", LITERAL_PORT, strerror(errno));
	prepare(n, EVNOTIFY_MODE_PENDING);
}

static bool literal_supported(void)
{
	return !access(LITERAL_PORT, R_OK | W_OK);
}

static void close_pending(void)
{
	close(fd);
}

static void close_eventfd(void)
{
	close(fd);
	close(efd);
}

static void close_each(void)
{
	close(fd);
	each_close();
	efd_each = false;
}

static unsigned int fill(const uint64_t *due, unsigned int from, unsigned int n)
{
	unsigned int i;

	if (n - from < BATCH)
		n -= from;
	else
		n = BATCH;
	for (i = 0; i < n; i++) {
		requests[i].user_data = from + i;
		requests[i].due_ns = due[from + i];
		if (efd_each)
			requests[i].eventfd = each_fds[from + i];
	}
	return n;
}

static void arm_64(const uint64_t *due, unsigned int n)
{
	unsigned int done = 0;
	ssize_t len;

	while (done < n) {
		len = fill(due, done, n) * sizeof(*requests);
		if (write(fd, requests, len) != len)
			die("write to %s: %s; armed %u of %u", device, strerror(errno), done, n);
		done += len / sizeof(*requests);
	}
}

static void register_batch(const uint64_t *due, unsigned int n, unsigned int batch)
{
	struct evnotify_register args = { .requests = (uintptr_t)requests };
	unsigned int done = 0, i;

	while (done < n) {
		if (batch == 1) {
			requests[0].user_data = done;
			requests[0].due_ns = due[done];
			args.count = 1;
		} else {
			args.count = fill(due, done, n);
		}
		if (ioctl(fd, EVNOTIFY_IOC_REGISTER, &args) || args.taken != args.count)
			die("REGISTER: %s; armed %u of %u", strerror(errno), done, n);
		for (i = 0; i < args.count; i++)
			ids[done++] = requests[i].id;
	}
}

static void arm_1(const uint64_t *due, unsigned int n)
{
	register_batch(due, n, 1);
}

static void arm_ids(const uint64_t *due, unsigned int n)
{
	register_batch(due, n, BATCH);
}

static void arm_files(const uint64_t *due, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++) {
		requests[0].due_ns = due[i];
		if (write(each_fds[i], requests, sizeof(*requests)) != sizeof(*requests))
			die("write to %s: %s; armed %u of %u", device, strerror(errno), i, n);
	}
}

static unsigned int reap_by(unsigned int n, unsigned int batch)
{
	unsigned int done = 0;
	ssize_t len;

	while (done < n) {
		if (batch > n - done)
			batch = n - done;
		len = read(fd, &events[done], batch * sizeof(*events));
		if (len <= 0)
			break;
		done += len / sizeof(*events);
	}
	return done;
}

static unsigned int reap_64(unsigned int n)
{
	return reap_by(n, BATCH);
}

static unsigned int reap_1(unsigned int n)
{
	return reap_by(n, 1);
}

/* An eventfd counts: one read tells of all. */
static unsigned int reap_eventfd(unsigned int n)
{
	(void)n;
	signalled = 0;
	if (read(efd, &signalled, sizeof(signalled)) < 0)
		return 0;
	return signalled;
}

static unsigned int reap_each(unsigned int n)
{
	return each_reap(n, sizeof(uint64_t));
}

static unsigned int reap_each_et(unsigned int n)
{
	return each_reap(n, 0);
}

static unsigned int reap_files(unsigned int n)
{
	return each_reap(n, sizeof(*events));
}

static unsigned int check_events(unsigned int n)
{
	return distinct(&events->user_data, sizeof(*events), n);
}

static unsigned int check_eventfd(unsigned int n)
{
	(void)n;
	return signalled;
}

static void cancel(const unsigned int *which, unsigned int n)
{
	struct evnotify_cancel args = {};
	unsigned int i;

	for (i = 0; i < n; i++) {
		args.id = ids[which[i]];
		if (ioctl(fd, EVNOTIFY_IOC_CANCEL, &args))
			die("CANCEL: %s", strerror(errno));
	}
}

static void update(const unsigned int *which, const uint64_t *due, unsigned int n)
{
	struct evnotify_update args = { .flags = EVNOTIFY_ABSTIME };
	unsigned int i;

	for (i = 0; i < n; i++) {
		args.id = ids[which[i]];
		args.due_ns = due[i];
		if (ioctl(fd, EVNOTIFY_IOC_UPDATE, &args))
			die("UPDATE: %s", strerror(errno));
	}
}

static bool repeat(unsigned int n, uint64_t first, uint64_t period)
{
	uint64_t *due = buffer(n, sizeof(*due));
	unsigned int i;

	for (i = 0; i < BATCH; i++)
		requests[i].period_ns = period;
	for (i = 0; i < n; i++)
		due[i] = first;
	arm_64(due, n);
	free(due);
	return true;
}

const struct method evnotify_64 = {
	.name = "evnotify/64", .open = open_pending, .close = close_pending,
	.arm = arm_64, .reap = reap_64, .check = check_events,
	.arm_ids = arm_ids, .cancel = cancel, .told = true, .update = update, .repeat = repeat,
};

const struct method evnotify_1 = {
	.name = "evnotify/1", .open = open_pending, .close = close_pending,
	.arm = arm_1, .reap = reap_1, .check = check_events,
	.cancel = cancel, .told = true,
};

const struct method evnotify_eventfd = {
	.name = "evnotify/eventfd", .open = open_eventfd, .close = close_eventfd,
	.arm = arm_64, .reap = reap_eventfd, .check = check_eventfd,
	.arm_ids = arm_ids, .cancel = cancel,
};

const struct method evnotify_each = {
	.name = "evnotify/each", .open = open_each, .close = close_each,
	.arm = arm_64, .reap = reap_each, .check = each_check,
};

const struct method evnotify_each_et = {
	.name = "evnotify/each ET", .open = open_each_et, .close = close_each,
	.arm = arm_64, .reap = reap_each_et, .check = each_check,
};

const struct method evnotify_files = {
	.name = "evnotify/files", .open = open_files, .close = each_close,
	.arm = arm_files, .reap = reap_files, .check = each_check, .most = 10000,
};

const struct method literal_port = {
	.name = "literal port", .open = open_literal, .close = close_pending,
	.arm = arm_1, .reap = reap_1, .check = check_events,
	.cancel = cancel, .told = true, .supported = literal_supported,
};
