// SPDX-License-Identifier: MIT-0
/* Notified by an eventfd. cc event.c $(pkg-config --cflags --libs libevnotify) */
#define _POSIX_C_SOURCE 199309L		/* for CLOCK_MONOTONIC, also in ISO C */
#include <err.h>
#include <evnotify.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

int main(void)
{
	struct evnotify_request req = {
		.due_ns = 500000000,		/* half a second from now */
		.mode = EVNOTIFY_MODE_EVENTFD,
		.clockid = CLOCK_MONOTONIC,
	};
	struct evn *evn = evn_open(NULL, 0);
	uint64_t expirations;

	if (!evn)
		err(1, "/dev/evnotify");
	req.eventfd = eventfd(0, EFD_CLOEXEC);
	if (req.eventfd < 0)
		err(1, "eventfd");
	if (evn_register(evn, &req, 1) < 0)
		err(1, "evn_register");
	printf("request %llu is armed\n", (unsigned long long)req.id);

	if (read(req.eventfd, &expirations, sizeof(expirations)) < 0)
		err(1, "read");
	printf("the event was signalled %llu time(s)\n", (unsigned long long)expirations);
	evn_close(evn);
	return 0;
}
