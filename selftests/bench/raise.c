// SPDX-License-Identifier: GPL-2.0-only
/* bench - what raising an event takes of an interrupt handler */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/evnotify.h>

#include "bench.h"
#include "peer/peer.h"

#define LISTENERS	64	/* files that can have a source open */
#define SAMPLES		200

static int files[LISTENERS];

static void wait_for_event(int fd)
{
	static const struct evnotify_request request = {
		.flags = EVNOTIFY_SOURCE,
		.clockid = CLOCK_MONOTONIC,
	};

	if (write(fd, &request, sizeof(request)) != sizeof(request))
		die("write to %s: %s", PEER_SOURCE_DEVICE, strerror(errno));
}

static void get_event(int fd)
{
	struct evnotify_event event;

	if (read(fd, &event, sizeof(event)) != sizeof(event) || event.status || event.count != 1)
		die("read from %s: not the one event that was raised", PEER_SOURCE_DEVICE);
}

/* While a request of each of n files waits. */
static void measure_waiting(int peer, unsigned int n)
{
	static struct samples s;
	unsigned int i, j;
	uint64_t took;

	for (i = 0; i < n; i++) {
		files[i] = open(PEER_SOURCE_DEVICE, O_RDWR | O_CLOEXEC);
		if (files[i] < 0)
			die("open %s, %u times: %s", PEER_SOURCE_DEVICE, i + 1, strerror(errno));
	}
	if (n == LISTENERS && (open(PEER_SOURCE_DEVICE, O_RDWR) >= 0 || errno != EUSERS))
		die("more than %u files can have a source open", LISTENERS);
	for (j = 0; j < SAMPLES; j++) {
		for (i = 0; i < n; i++)
			wait_for_event(files[i]);
		if (ioctl(peer, PEER_RAISE, &took))
			die("PEER_RAISE: %s", strerror(errno));
		for (i = 0; i < n; i++)
			get_event(files[i]);
		sample(&s, took);
	}
	for (i = 0; i < n; i++)
		close(files[i]);
	summary("raise", "source", n, "-", &s);
}

void measure_raise(void)
{
	int peer = open(PEER_DEVICE, O_RDWR | O_CLOEXEC);

	if (peer < 0) {
		progress("raising events: this machine has no %s", PEER_DEVICE);
		return;
	}
	progress("raising events");
	measure_waiting(peer, 0);
	measure_waiting(peer, 1);
	measure_waiting(peer, 10);
	measure_waiting(peer, LISTENERS);
	close(peer);
}
