// SPDX-License-Identifier: MIT-0
/*
 * sd-event, the loop of systemd: sd_event_add_io().
 *
 * cc sd-event.c $(pkg-config --cflags --libs libevnotify libsystemd); ./a.out /dev/evnotify-sim0
 */
#define _POSIX_C_SOURCE 200809L		/* for CLOCK_MONOTONIC, also in ISO C */
#include <err.h>
#include <errno.h>
#include <evnotify.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <systemd/sd-event.h>
#include <time.h>

#define MS	1000000ULL

static struct evnotify_request reqs[] = {
	{ .user_data = 1, .due_ns = 30 * MS, .clockid = CLOCK_MONOTONIC },
	{ .user_data = 2, .due_ns = 10 * MS, .clockid = CLOCK_MONOTONIC },
	{ .user_data = 3, .due_ns = 20 * MS, .clockid = CLOCK_MONOTONIC },
	{ .user_data = 4, .due_ns = 3600000 * MS, .clockid = CLOCK_MONOTONIC },
	{ .user_data = 5, .flags = EVNOTIFY_SOURCE | EVNOTIFY_REPEAT, .clockid = CLOCK_MONOTONIC },
};

/* Prints what a record tells. After request 1, nobody wants request 4 any more. */
static void told(struct evn *evn, const struct evnotify_event *ev)
{
	printf("request %d: ", (int)ev->user_data);
	if (ev->flags & EVNOTIFY_EVENT_DATA)
		printf("event %llu\n", (unsigned long long)ev->data);
	else
		puts(!ev->status ? "done" :
		     ev->status == -ECANCELED ? "cancelled" : "the source is gone");
	if (ev->user_data == 1 && evn_cancel(evn, reqs[3].id) < 0)
		err(1, "evn_cancel");
}

/* Takes what is there. False: the source is gone, and there will be no more. */
static bool take(struct evn *evn)
{
	struct evnotify_event ev[64];
	ssize_t n = evn_read(evn, ev, 64);

	if (n < 0 && errno != EAGAIN && errno != ENODEV)
		err(1, "evn_read");
	for (ssize_t i = 0; i < n; i++)
		told(evn, &ev[i]);
	return n > 0 || errno == EAGAIN;
}

static int ready(sd_event_source *source, int fd, uint32_t events, void *evn)
{
	(void)fd;
	(void)events;
	return take(evn) ? 0 : sd_event_exit(sd_event_source_get_event(source), 0);
}

int main(int argc, char **argv)
{
	sd_event *loop = NULL;
	struct evn *evn;
	int ret;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc != 2)
		errx(2, "usage: %s NODE", argv[0]);
	evn = evn_open(argv[1], O_NONBLOCK);
	if (!evn)
		err(1, "%s", argv[1]);
	if (evn_register(evn, reqs, 5) != 5)
		err(1, "evn_register");

	ret = sd_event_new(&loop);
	if (ret >= 0)
		ret = sd_event_add_io(loop, NULL, evn_fd(evn), EPOLLIN, ready, evn);
	if (ret >= 0)
		ret = sd_event_loop(loop);
	if (ret < 0)
		errx(1, "sd-event: error %d", -ret);
	sd_event_unref(loop);	/* and with it the source, before its descriptor */
	evn_close(evn);
	return 0;
}
