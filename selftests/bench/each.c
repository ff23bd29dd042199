// SPDX-License-Identifier: GPL-2.0-only
/* bench - a descriptor for each request, made once, all in one epoll */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "bench.h"

#define AT_ONCE	1024	/* events of one epoll_wait() */

int *each_fds;

static struct epoll_event *events;
static unsigned int nr_fds;
static int epfd = -1;

/* events: 0 if the caller watches the descriptors himself */
void each_open(unsigned int n, uint32_t watched, int (*make)(void))
{
	struct epoll_event event = { .events = watched };

	if (!each_fds) {
		each_fds = buffer(max_n, sizeof(*each_fds));
		events = buffer(max_n, sizeof(*events));
		epfd = epoll_create1(EPOLL_CLOEXEC);
	}
	for (nr_fds = 0; nr_fds < n; nr_fds++) {
		each_fds[nr_fds] = make();
		event.data.u64 = nr_fds;
		if (each_fds[nr_fds] < 0 ||
		    (watched && epoll_ctl(epfd, EPOLL_CTL_ADD, each_fds[nr_fds], &event)))
			die("descriptor %u: %s", nr_fds, strerror(errno));
	}
}

/* Collects at most n events; reads a record from each descriptor, unless its size is 0. */
unsigned int each_reap(unsigned int n, size_t record)
{
	unsigned char data[BATCH];
	unsigned int done = 0;
	int got, i;

	while (done < n) {
		got = epoll_wait(epfd, &events[done], n - done < AT_ONCE ? n - done : AT_ONCE, 0);
		if (got <= 0)
			break;
		for (i = 0; record && i < got; i++)
			if (read(each_fds[events[done + i].data.u64], data, record) !=
			    (ssize_t)record)
				die("read from a descriptor: %s", strerror(errno));
		done += got;
	}
	return done;
}

unsigned int each_check(unsigned int n)
{
	unsigned int i;
	uint64_t *numbers = buffer(n, sizeof(*numbers));

	for (i = 0; i < n; i++)		/* struct epoll_event is packed */
		numbers[i] = events[i].data.u64;
	n = distinct(numbers, sizeof(*numbers), n);
	free(numbers);
	return n;
}

void each_close(void)
{
	while (nr_fds)
		close(each_fds[--nr_fds]);
}
