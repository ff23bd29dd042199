// SPDX-License-Identifier: GPL-2.0-only
/*
 * Measures. The paths take turns in blocks, in an order drawn from the seed, so that
 * what changes on the machine meanwhile hits all of them alike.
 *
 * Within a block due times are absolute: what is told late makes nothing later that
 * comes after it, and a delay that covers several due times is counted for each of
 * them. A tool that sets the next timer when it was told counts it once.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <linux/evnotify_sim.h>

#include "latency.h"

#define BLOCK		100
#define BLOCK_NS	NSEC_PER_SEC	/* no block is much longer than that */
#define DRIVER_BLOCK	10
/* Not counted: they find cold caches, as the path was opened just before. */
#define WARM_UP		3
/* From there to the first due time. */
#define LEAD_NS		(3 * NSEC_PER_MSEC)

#define TIMER(called, opened, requested, waited, closed, ...)				\
	{ .path = { .name = called, .open = opened, .request = requested,		\
		    .wait = waited, .close = closed, __VA_ARGS__ },			\
	  .kind = KIND_TIMER, .has_record = true }

#define EVENTFD(called, opened, requested, waited, of)					\
	{ .path = { .name = called, .open = opened, .request = requested,		\
		    .wait = waited, .close = path_close_fds },				\
	  .kind = of }

#define SOURCE(called, opened, requested, waited, closed, ...)				\
	{ .path = { .name = called, .open = opened, .request = requested,		\
		    .wait = waited, .close = closed, __VA_ARGS__ },			\
	  .kind = KIND_SOURCE, .has_record = true }

#define BASELINE(called, opened, requested, waited, closed, ...)			\
	{ .path = { .name = called, .open = opened, .request = requested,		\
		    .wait = waited, .close = closed, __VA_ARGS__ },			\
	  .kind = KIND_BASELINE }

static void request_event(struct waiter *w, uint64_t due, uint64_t period)
{
	(void)due;
	(void)period;
	device_request_event(w);
}

struct latency_path latency_paths[] = {
	TIMER("wait", device_open_plain, NULL, device_wait, path_close_fds),
	TIMER("read", device_open_plain, device_request, device_read, path_close_fds),
	TIMER("epoll", device_open_epoll, device_request, device_epoll_read, path_close_fds),
	TIMER("epoll-et", device_open_epoll_et, device_request, device_epoll_read, path_close_fds),
	EVENTFD("eventfd", device_open_eventfd, device_request, path_read_eventfd, KIND_TIMER),
	EVENTFD("eventfd-epoll", device_open_eventfd_epoll, device_request,
		path_epoll_read_eventfd, KIND_TIMER),
	TIMER("sigio", device_open_sigio, device_request, device_sigio_read, path_close_fds),
	TIMER("uring-read", device_open_ring, device_request, device_ring_read,
	      path_close_ring_fds, .supported = path_has_rings),
	TIMER("uring-multishot", device_open_multishot, device_request, device_multishot,
	      device_close_multishot, .supported = path_has_multishot),
	SOURCE("source-wait", device_open_plain, NULL, device_wait_source, path_close_fds),
	SOURCE("source-read", device_open_plain, request_event, device_read, path_close_fds),
	SOURCE("source-epoll", device_open_epoll, request_event, device_epoll_read,
	       path_close_fds),
	SOURCE("source-epoll-et", device_open_epoll_et, request_event, device_epoll_read,
	       path_close_fds),
	EVENTFD("source-eventfd", device_open_eventfd, request_event, path_read_eventfd,
		KIND_SOURCE),
	EVENTFD("source-eventfd-epoll", device_open_eventfd_epoll, request_event,
		path_epoll_read_eventfd, KIND_SOURCE),
	SOURCE("source-sigio", device_open_sigio, request_event, device_sigio_read,
	       path_close_fds),
	SOURCE("source-uring-read", device_open_ring, request_event, device_ring_read,
	       path_close_ring_fds, .supported = path_has_rings),
	SOURCE("source-uring-multishot", device_open_multishot, request_event, device_multishot,
	       device_close_multishot, .supported = path_has_multishot),
	BASELINE("timerfd", path_timerfd_open, path_timerfd_request, path_timerfd_read,
		 path_close_fds),
	BASELINE("nanosleep", path_nothing, NULL, nanosleep_wait, path_nothing),
	BASELINE("eventfd-thread", writer_open, writer_request, path_read_eventfd, writer_close),
	BASELINE("uring-timeout", uring_timeout_open, uring_timeout_request, uring_timeout_wait,
		 path_close_ring, .supported = path_has_rings),
	{ .path = { .name = NULL } },
};

void path_failed(const char *what)
{
	int error = errno;

	exit(fail(EXIT_FAILED, "cannot go on measuring: %s: %s", what, strerror(error)));
}

/* A number from 0 to @n - 1; the same ones for the same state, on any machine. */
uint64_t random_below(uint64_t *state, uint64_t n)
{
	uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return (z ^ (z >> 31)) % n;
}

/* One block. */

struct block {
	struct latency *lab;
	unsigned int n;
	struct latency_sample samples[WARM_UP + BLOCK];
};

/* Raises an event at each due time of a block. */
static void *player_main(void *arg)
{
	const struct block *block = arg;
	struct evnotify_sim_step steps[WARM_UP + BLOCK];
	uint64_t from = now_ns(CLOCK_MONOTONIC);
	ssize_t size = (ssize_t)(block->n * sizeof(*steps));

	for (unsigned int i = 0; i < block->n; i++) {
		uint64_t due = block->samples[i].due_ns;

		steps[i].delay_ns = due - MIN(from, due);
		steps[i].data = due;
		from = MAX(from, due);
	}
	path_check(write(block->lab->sim_fd, steps, (size_t)size) == size, "evnotify-sim");
	return NULL;
}

static bool stops(const struct latency *lab)
{
	return __atomic_load_n(&lab->stop, __ATOMIC_ACQUIRE);
}

/* Takes up to @n samples, after the first ones that do not count; returns how many it took. */
static unsigned int take(struct latency *lab, const struct latency_path *path,
			 struct block *block)
{
	bool has_due = path->kind != KIND_SOURCE || lab->is_sim;
	struct waiter w = WAITER(path->kind == KIND_SOURCE ? lab->source : lab->device);
	pthread_t player;
	unsigned int i;

	path->path.open(&w);
	if (path->kind == KIND_SOURCE && lab->is_sim) {
		errno = pthread_create(&player, NULL, player_main, block);
		path_check(!errno, "a thread");
	}
	for (i = 0; i < block->n && !stops(lab); i++) {
		struct latency_sample *s = &block->samples[i];
		uint64_t due = has_due ? s->due_ns : 0;

		if (path->path.request)
			path->path.request(&w, due, 0);
		path->path.wait(&w, due);
		s->seen_ns = now_ns(CLOCK_MONOTONIC);
		if (!path->has_record)
			continue;
		errno = -w.call.event.status;
		path_check(!errno, path->path.name);
		s->expired_ns = w.call.event.expired_ns;
		s->completed_ns = w.call.event.completed_ns;
		if (!has_due)
			s->due_ns = 0;
	}
	if (path->kind == KIND_SOURCE && lab->is_sim)
		pthread_join(player, NULL);
	path->path.close(&w);
	return i;
}

/* Results. */

static bool is_early(const struct latency_sample *s, bool has_record)
{
	uint64_t told = has_record ? s->expired_ns : s->seen_ns;

	return told < s->due_ns || s->seen_ns < told || (has_record && s->completed_ns < told) ||
	       (has_record && s->seen_ns < s->completed_ns);
}

static void count(struct latency *lab, struct latency_path *path, const struct latency_sample *s)
{
	uint64_t from = s->due_ns ? s->due_ns : s->expired_ns;
	uint64_t total;

	if (is_early(s, path->has_record)) {
		path->early++;
		return;
	}
	total = s->seen_ns - from;
	if (!path->delays.total.samples || total > path->delays.total.max_ns)
		path->worst = *s;
	delays_add(&path->delays, s->due_ns, s->expired_ns, s->completed_ns, s->seen_ns);
	path->missed += s->due_ns && total >= lab->period_ns;
	if (lab->raw)
		fprintf(lab->raw, "%s\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu64 "\n",
			path->path.name, s->due_ns, s->expired_ns, s->completed_ns, s->seen_ns);
}

static void measure_block(struct latency *lab, struct latency_path *path, struct block *block,
			  uint64_t *state)
{
	bool is_driver = path->kind == KIND_SOURCE && !lab->is_sim;
	uint64_t left = lab->samples - path->delays.total.samples - path->early;
	uint64_t n = is_driver ? DRIVER_BLOCK : MIN(BLOCK_NS / lab->period_ns, (uint64_t)BLOCK);
	unsigned int warm_up = is_driver ? 0 : WARM_UP;
	uint64_t begin_ns = now_ns(CLOCK_MONOTONIC) + MAX(LEAD_NS, MIN(lab->period_ns, BLOCK_NS));
	unsigned int taken;

	block->lab = lab;
	block->n = (unsigned int)MIN(MAX(n, UINT64_C(1)), left) + warm_up;
	memset(block->samples, 0, sizeof(block->samples));
	for (unsigned int i = 0; i < block->n; i++)
		block->samples[i].due_ns = begin_ns + i * lab->period_ns +
					   random_below(state, lab->jitter_ns + 1);
	taken = take(lab, path, block);
	pthread_mutex_lock(&lab->lock);
	for (unsigned int i = warm_up; i < taken; i++)
		count(lab, path, &block->samples[i]);
	pthread_mutex_unlock(&lab->lock);
}

static bool is_complete(const struct latency *lab, const struct latency_path *path)
{
	return path->delays.total.samples + path->early >= lab->samples;
}

static void *measure(void *arg)
{
	static struct block block;
	struct latency *lab = arg;
	struct latency_path *order[64];
	uint64_t state = lab->seed;
	size_t n, rest;

	/* A sleep may end so much later, or the kernel adds 50 us to it. */
	prctl(PR_SET_TIMERSLACK, 1);
	do {
		n = 0;
		for (struct latency_path *p = latency_paths; p->path.name; p++)
			if (p->is_chosen && !is_complete(lab, p))
				order[n++] = p;
		for (rest = n; rest > 0 && !stops(lab); rest--) {
			size_t i = (size_t)random_below(&state, rest);
			struct latency_path *path = order[i];

			order[i] = order[rest - 1];
			measure_block(lab, path, &block, &state);
		}
	} while (n && !stops(lab));
	lab->end_ns = now_ns(CLOCK_MONOTONIC);
	eventfd_write(lab->done_fd, 1);
	return NULL;
}

/* The thread that measures, with the CPU and the priority that were asked for. */
int latency_start(struct latency *lab, pthread_t *thread)
{
	struct sched_param param = { .sched_priority = lab->prio };
	pthread_attr_t attr;
	cpu_set_t cpus;
	int error;

	pthread_attr_init(&attr);
	if (lab->prio) {
		pthread_attr_setinheritsched(&attr, PTHREAD_EXPLICIT_SCHED);
		pthread_attr_setschedpolicy(&attr, SCHED_FIFO);
		pthread_attr_setschedparam(&attr, &param);
	}
	if (lab->cpu >= 0) {
		CPU_ZERO(&cpus);
		CPU_SET((size_t)lab->cpu, &cpus);
		pthread_attr_setaffinity_np(&attr, sizeof(cpus), &cpus);
	}
	lab->start_ns = now_ns(CLOCK_MONOTONIC);
	error = pthread_create(thread, &attr, measure, lab);
	pthread_attr_destroy(&attr);
	if (error == EPERM && lab->prio) {
		fail(EXIT_NO_PERMISSION, "--prio: %s", strerror(error));
		hint("sudo evnotify latency");
		return EXIT_NO_PERMISSION;
	}
	return error ? fail(EXIT_FAILED, "cannot start a thread: %s", strerror(error)) : EXIT_OK;
}
