// SPDX-License-Identifier: MIT-0
/*
 * GLib: g_unix_fd_add(), in the main loop of GTK and many a daemon.
 *
 * cc glib.c $(pkg-config --cflags --libs libevnotify glib-2.0); ./a.out /dev/evnotify-sim0
 */
#define _POSIX_C_SOURCE 200809L		/* for CLOCK_MONOTONIC, also in ISO C */
#include <err.h>
#include <errno.h>
#include <evnotify.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <stdbool.h>
#include <stdio.h>
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

struct job {
	struct evn *evn;
	GMainLoop *loop;
};

static gboolean ready(gint fd, GIOCondition condition, gpointer data)
{
	struct job *job = data;

	(void)fd;
	(void)condition;
	if (take(job->evn))
		return G_SOURCE_CONTINUE;
	g_main_loop_quit(job->loop);
	return G_SOURCE_REMOVE;
}

int main(int argc, char **argv)
{
	struct evn *evn;
	struct job job;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc != 2)
		errx(2, "usage: %s NODE", argv[0]);
	evn = evn_open(argv[1], O_NONBLOCK);
	if (!evn)
		err(1, "%s", argv[1]);
	if (evn_register(evn, reqs, 5) != 5)
		err(1, "evn_register");

	job = (struct job){ evn, g_main_loop_new(NULL, FALSE) };
	g_unix_fd_add(evn_fd(evn), G_IO_IN, ready, &job);
	g_main_loop_run(job.loop);
	g_main_loop_unref(job.loop);
	evn_close(evn);
	return 0;
}
