// SPDX-License-Identifier: GPL-2.0-only
/* bench - no kernel event per request: a heap in user space over one timerfd */
#include <errno.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "bench.h"

struct entry {
	uint64_t due;
	unsigned int number;
};

static struct entry *heap;
static unsigned int *heap_place;	/* by number */
static uint64_t *heap_done;
static unsigned int heap_size;
static int heap_fd;

static void heap_open(unsigned int n)
{
	(void)n;
	if (!heap) {
		heap = buffer(max_n, sizeof(*heap));
		heap_place = buffer(max_n, sizeof(*heap_place));
		heap_done = buffer(max_n, sizeof(*heap_done));
	}
	heap_size = 0;
	heap_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (heap_fd < 0)
		die("timerfd_create: %s", strerror(errno));
}

static void heap_put(unsigned int place, struct entry entry)
{
	heap[place] = entry;
	heap_place[entry.number] = place;
}

static void heap_up(unsigned int place, struct entry entry)
{
	while (place && entry.due < heap[(place - 1) / 2].due) {
		heap_put(place, heap[(place - 1) / 2]);
		place = (place - 1) / 2;
	}
	heap_put(place, entry);
}

static void heap_remove(unsigned int place)
{
	struct entry entry = heap[--heap_size];
	unsigned int child;

	if (place == heap_size)
		return;
	while ((child = 2 * place + 1) < heap_size) {
		if (child + 1 < heap_size && heap[child + 1].due < heap[child].due)
			child++;
		if (entry.due <= heap[child].due)
			break;
		heap_put(place, heap[child]);
		place = child;
	}
	heap_up(place, entry);
}

static void heap_settime(void)
{
	struct itimerspec its = {};

	if (heap_size)
		its.it_value = to_timespec(heap[0].due);
	if (timerfd_settime(heap_fd, TFD_TIMER_ABSTIME, &its, NULL))
		die("timerfd_settime: %s", strerror(errno));
}

static void heap_arm(const uint64_t *due, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++) {
		heap_up(heap_size++, (struct entry){ due[i], i });
		if (heap[0].number == i)
			heap_settime();
	}
}

static unsigned int heap_reap(unsigned int n)
{
	unsigned int done = 0;
	uint64_t ticked, now;

	if (read(heap_fd, &ticked, sizeof(ticked)) != sizeof(ticked))
		return 0;
	now = now_ns();
	while (done < n && heap_size && heap[0].due <= now) {
		heap_done[done++] = heap[0].number;
		heap_remove(0);
	}
	heap_settime();
	return done;
}

static unsigned int heap_check(unsigned int n)
{
	return distinct(heap_done, sizeof(*heap_done), n);
}

static void heap_cancel(const unsigned int *which, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++) {
		bool first = !heap_place[which[i]];

		heap_remove(heap_place[which[i]]);
		if (first)
			heap_settime();
	}
}

static void heap_update(const unsigned int *which, const uint64_t *due, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++) {
		bool first = !heap_place[which[i]];

		heap_remove(heap_place[which[i]]);
		heap_up(heap_size++, (struct entry){ due[i], which[i] });
		if (first || !heap_place[which[i]])
			heap_settime();
	}
}

static void heap_close(void)
{
	close(heap_fd);
}

const struct method user_heap = {
	.name = "user heap", .open = heap_open, .close = heap_close,
	.arm = heap_arm, .reap = heap_reap, .check = heap_check,
	.cancel = heap_cancel, .update = heap_update,
};
