// SPDX-License-Identifier: GPL-2.0-only
/*
 * Mode eventfd: each request signals an eventfd of its own. An eventfd carries
 * a count and nothing else, so the due time is reckoned here and the kernel's
 * two times are unknown. That a source has gone is said by the device alone.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "cli.h"

struct signalled {
	struct run *run;
	struct pollfd *fds;	/* input's, then one for each request, then the device */
	uint64_t *due_ns;	/* of the next expiration */
	uint64_t *expirations;	/* still to come; UINT64_MAX: no end */
	unsigned int left;	/* requests that will still expire */
};

static int open_eventfds(struct signalled *s)
{
	for (unsigned int i = 0; i < s->run->n; i++) {
		int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

		if (fd < 0) {
			fail(EXIT_FAILED, "cannot make eventfd %u: %s", i + 1, strerror(errno));
			hint("ulimit -n raises the limit; mode pending needs one for all requests");
			return EXIT_FAILED;
		}
		s->fds[INPUT_FDS + i] = (struct pollfd){ .fd = fd, .events = POLLIN };
		s->run->reqs[i].eventfd = fd;
	}
	return EXIT_OK;
}

static void reckon(struct signalled *s)
{
	for (unsigned int i = 0; i < s->run->n; i++) {
		const struct evnotify_request *req = &s->run->reqs[i];

		if (req->flags & EVNOTIFY_SOURCE) {
			s->expirations[i] = UINT64_MAX;
			continue;
		}
		s->due_ns[i] = req->due_ns;
		if (!(req->flags & EVNOTIFY_ABSTIME))
			s->due_ns[i] += now_ns(req->clockid);
		s->expirations[i] = !req->period_ns ? 1 : req->count ? req->count : UINT64_MAX;
	}
}

/* Reports what eventfd @i counted; 0 is reported too if @status says why. */
static int take_count(struct signalled *s, unsigned int i, int status)
{
	const struct evnotify_request *req = &s->run->reqs[i];
	struct evnotify_event ev = { .user_data = req->user_data, .id = req->id };
	struct pollfd *pfd = &s->fds[INPUT_FDS + i];
	uint64_t count = 0;

	if (read(pfd->fd, &count, sizeof(count)) < 0 && errno != EAGAIN)
		return fail(EXIT_FAILED, "cannot read an eventfd: %s", strerror(errno));
	if (!count && !status)
		return EXIT_OK;
	if (count)
		s->due_ns[i] += (count - 1) * req->period_ns;
	if (s->expirations[i] != UINT64_MAX)
		s->expirations[i] -= count;
	ev.due_ns = s->due_ns[i];
	ev.count = (uint32_t)MIN(count, UINT32_MAX);
	ev.status = s->expirations[i] ? status : 0;
	ev.flags = s->expirations[i] && !status ? EVNOTIFY_EVENT_MORE : 0;
	s->due_ns[i] += req->period_ns;
	if (!(ev.flags & EVNOTIFY_EVENT_MORE)) {
		s->left--;
		close(pfd->fd);
		pfd->fd = -1;
	}
	return run_report(s->run, &ev, "eventfd", req->clockid, now_ns(req->clockid));
}

/* One pass over every request that has not ended. */
static int take_counts(struct signalled *s, int status)
{
	int ret = EXIT_OK;

	for (unsigned int i = 0; i < s->run->n && !ret; i++)
		if (s->fds[INPUT_FDS + i].fd >= 0 && (status || s->fds[INPUT_FDS + i].revents))
			ret = take_count(s, i, status);
	return ret;
}

static int loop(struct signalled *s)
{
	const struct pollfd *device = &s->fds[INPUT_FDS + s->run->n];
	bool stop;
	int ret;

	while (s->left) {
		stop = input_wait(s->run->input, s->fds, INPUT_FDS + s->run->n + 1);
		if (stop || device->revents & POLLHUP) {
			/* No eventfd is signalled after this: the rest is final. */
			evn_cancel_all(s->run->evn);
			ret = take_counts(s, stop ? -ECANCELED : -ENODEV);
			return !ret && stop ? RUN_STOPPED : ret;
		}
		ret = take_counts(s, 0);
		if (ret)
			return ret;
	}
	return EXIT_OK;
}

int run_eventfd(struct run *run)
{
	struct signalled s = {
		.run = run,
		.fds = calloc(INPUT_FDS + run->n + 1, sizeof(*s.fds)),
		.due_ns = calloc(run->n, sizeof(*s.due_ns)),
		.expirations = calloc(run->n, sizeof(*s.expirations)),
		.left = run->n,
	};
	int ret;

	if (!s.fds || !s.due_ns || !s.expirations) {
		ret = fail(EXIT_FAILED, "%u requests: %s", run->n, strerror(ENOMEM));
		goto free_arrays;
	}
	for (unsigned int i = 0; i < run->n; i++)
		s.fds[INPUT_FDS + i].fd = -1;
	s.fds[INPUT_FDS + run->n] = (struct pollfd){ .fd = evn_fd(run->evn) };
	ret = open_eventfds(&s);
	if (!ret) {
		reckon(&s);
		ret = run_arm(run);
	}
	if (!ret) {
		run_armed(run);
		ret = loop(&s);
	}
	for (unsigned int i = 0; i < run->n; i++)
		if (s.fds[INPUT_FDS + i].fd >= 0)
			close(s.fds[INPUT_FDS + i].fd);
free_arrays:
	free(s.fds);
	free(s.due_ns);
	free(s.expirations);
	return ret;
}
