// SPDX-License-Identifier: MIT-0
/*
 * Each way of being told, once: the first test to run, and the shortest complete client of
 * the device, on its header and libc alone. TAP.
 *
 *	event [DEVICE]		(default: /dev/evnotify)
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include <linux/evnotify.h>

static int failed;

static void check(int ok, const char *what)
{
	static int number;

	printf("%sok %d %s\n", ok ? "" : "not ", ++number, what);
	failed |= !ok;
}

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000ULL + now.tv_nsec;
}

int main(int argc, char **argv)
{
	const char *device = argc > 1 ? argv[1] : "/dev/evnotify";
	struct evnotify_request req = { .due_ns = 100000000, .clockid = CLOCK_MONOTONIC };
	struct evnotify_wait wait = { .request = req };
	struct evnotify_register reg = { .requests = (uintptr_t)&req, .count = 1 };
	struct evnotify_cancel cancel = { .id = 0 };
	struct evnotify_event event;
	struct pollfd pfd = { .fd = open(device, O_RDWR | O_CLOEXEC), .events = POLLIN };
	uint64_t signals, start_ns;

	setvbuf(stdout, NULL, _IOLBF, 0);
	puts("TAP version 13");
	if (pfd.fd < 0) {
		printf("1..0 # SKIP %s: %s; load the module, be root\n", device, strerror(errno));
		return 4;
	}
	puts("1..9");
	alarm(60);	/* who is never told fails, and does not hang */

	/* An event object: the driver signals an eventfd of ours. */
	req.mode = EVNOTIFY_MODE_EVENTFD;
	req.eventfd = eventfd(0, EFD_CLOEXEC);
	check(!ioctl(pfd.fd, EVNOTIFY_IOC_REGISTER, &reg), "an eventfd is registered");
	check(read(req.eventfd, &signals, 8) == 8 && signals == 1, "it is signalled, once");

	/* A pending request, synchronous: the call returns when it completes. */
	start_ns = now_ns();
	check(!ioctl(pfd.fd, EVNOTIFY_IOC_WAIT, &wait), "a pending request is waited for");
	check(wait.event.status == 0 && now_ns() - start_ns >= req.due_ns, "it is not early");

	/* A pending request, asynchronous: poll says when, read says what. */
	req.mode = EVNOTIFY_MODE_PENDING;
	req.eventfd = 0;
	req.user_data = 42;
	check(!ioctl(pfd.fd, EVNOTIFY_IOC_REGISTER, &reg), "a pending request is armed");
	check(poll(&pfd, 1, 30000) == 1 && pfd.revents == POLLIN, "poll says that it is complete");
	check(read(pfd.fd, &event, sizeof(event)) == sizeof(event) && event.status == 0 &&
	      event.id == req.id && event.user_data == 42, "read gives its event");

	/* A cancelled one: its event says so, unless it had happened before. */
	req.due_ns = 3600000000000;	/* an hour: it has not */
	ioctl(pfd.fd, EVNOTIFY_IOC_REGISTER, &reg);
	cancel.id = req.id;
	check(!ioctl(pfd.fd, EVNOTIFY_IOC_CANCEL, &cancel), "a pending request is cancelled");
	check(read(pfd.fd, &event, sizeof(event)) == sizeof(event) && event.id == req.id &&
	      event.status == -ECANCELED, "its event says so");
	return failed;
}
