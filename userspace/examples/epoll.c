// SPDX-License-Identifier: MIT-0
/*
 * Many requests on one descriptor, taken by an epoll loop. Exits with 1 if one
 * is lost, doubled or early.
 *
 * cc epoll.c $(pkg-config --cflags --libs libevnotify); ./a.out [REQUESTS]
 */
#define _POSIX_C_SOURCE 199309L		/* for CLOCK_MONOTONIC, also in ISO C */
#include <err.h>
#include <errno.h>
#include <evnotify.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <time.h>

#define SPREAD_NS	1000000000ULL

/* Arms n requests whose due times are spread evenly over a second. */
static void arm(struct evn *evn, size_t n)
{
	struct evnotify_request *reqs = (struct evnotify_request *)calloc(n, sizeof(*reqs));
	size_t done = 0;

	if (!reqs)
		err(1, "%zu requests", n);
	for (size_t i = 0; i < n; i++) {
		reqs[i].user_data = i;
		reqs[i].clockid = CLOCK_MONOTONIC;
		reqs[i].due_ns = SPREAD_NS / n * (i + 1);
	}
	while (done < n) {
		ssize_t taken = evn_register(evn, reqs + done, n - done);

		if (taken < 0)
			err(1, "request %zu", done);
		done += (size_t)taken;
	}
	free(reqs);
}

/* Takes every record that is ready; returns how many. */
static unsigned int drain(struct evn *evn, bool *seen, unsigned int n)
{
	struct evnotify_event ev[64];
	unsigned int taken = 0;
	ssize_t got;

	while ((got = evn_read(evn, ev, 64)) > 0) {
		for (ssize_t i = 0; i < got; i++) {
			unsigned long long data = ev[i].user_data;

			if (data >= n || seen[data])
				errx(1, "request %llu came twice", data);
			if (ev[i].status || ev[i].expired_ns < ev[i].due_ns)
				errx(1, "request %llu came early", data);
			seen[data] = true;
		}
		taken += (unsigned int)got;
	}
	if (errno != EAGAIN)
		err(1, "evn_read");
	return taken;
}

int main(int argc, char **argv)
{
	unsigned long n = argc > 1 ? strtoul(argv[1], NULL, 10) : 300;
	struct epoll_event want = { .events = EPOLLIN }, got;
	struct evn *evn = evn_open(NULL, O_NONBLOCK);
	unsigned int left = (unsigned int)n;
	unsigned int wakeups = 0;
	bool *seen;
	int ep;

	if (n < 1 || n > 1000000)
		errx(2, "usage: %s [REQUESTS, 1 to 1000000]", argv[0]);
	if (!evn)
		err(1, "/dev/evnotify");
	seen = (bool *)calloc(n, sizeof(*seen));
	ep = epoll_create1(EPOLL_CLOEXEC);
	if (!seen || ep < 0 || epoll_ctl(ep, EPOLL_CTL_ADD, evn_fd(evn), &want) < 0)
		err(1, "epoll");

	arm(evn, left);
	for (; left; wakeups++) {
		int ready = epoll_wait(ep, &got, 1, 10000);

		if (ready < 0 && errno != EINTR)
			err(1, "epoll_wait");
		if (ready == 0)
			errx(1, "%u of %lu requests are lost", left, n);
		left -= drain(evn, seen, (unsigned int)n);
	}
	printf("%lu requests completed, each once, in %u wake-ups\n", n, wakeups);
	free(seen);
	evn_close(evn);
	return 0;
}
