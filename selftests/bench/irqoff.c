// SPDX-License-Identifier: GPL-2.0-only
/*
 * bench - how long interrupts are off: probes, which are requests of a second file, are late by
 * that.  What they are late by on an idle CPU is subtracted.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <linux/evnotify.h>

#include "bench.h"

#define PROBES		3000
#define APART_NS	37000	/* not a divisor of anything that a load does */
#define LOAD		20000	/* requests of the load */
#define FAR_NS		(3600 * NSEC_PER_SEC)
#define BURST		50000	/* requests of a peer's burst */
#define EPOLLS		1000	/* that watch one descriptor */
#define KEPT		100000	/* requests that are dropped at once */
#define KEPT_BYTES	(KEPT * 128ULL)	/* what they take at most */

static struct evnotify_request probes[PROBES], reqs[LOAD];
static struct evnotify_event events[PROBES], taken[BATCH];
static int loaded;
/* When the probes begin, if not at once, and when they end. */
static uint64_t start, end;
/* The load was under way from then to then: only these probes count. */
static uint64_t busy_from, busy_until;

static void arm(struct evnotify_request *r, unsigned int n)
{
	struct evnotify_register reg;

	while (n) {
		reg = (struct evnotify_register){ .requests = (uintptr_t)r, .count = n };
		if (ioctl(loaded, EVNOTIFY_IOC_REGISTER, &reg))
			die("REGISTER: %s", strerror(errno));
		r += reg.taken;
		n -= reg.taken;
	}
}

static void cancel_all(void)
{
	struct evnotify_cancel args = { .flags = EVNOTIFY_CANCEL_ALL };

	if (ioctl(loaded, EVNOTIFY_IOC_CANCEL, &args))
		die("CANCEL: %s", strerror(errno));
	while (read(loaded, taken, sizeof(taken)) > 0)
		;
}

/* Requests that are due in an hour, in an order */
enum { ASCENDING, DESCENDING, RANDOM };

static void fill(unsigned int n, int order, uint64_t first)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		reqs[i] = (struct evnotify_request){
			.clockid = CLOCK_MONOTONIC,
			.flags = EVNOTIFY_ABSTIME,
			.due_ns = first + 1000 * (order == ASCENDING ? i : order == DESCENDING ?
						  n - i : random_u64() % n),
		};
}

static bool again(void)
{
	return now_ns() < end;
}

/* From the due time to the last completion */
static void burst(void)
{
	unsigned int got = 0;
	ssize_t n;

	sleep_until(end);
	busy_from = reqs[0].due_ns;
	busy_until = 0;
	while ((n = read(loaded, taken, sizeof(taken))) > 0)
		for (got = 0; got < n / sizeof(*taken); got++)
			/* those on CLOCK_MONOTONIC */
			if (taken[got].due_ns == busy_from && taken[got].completed_ns > busy_until)
				busy_until = taken[got].completed_ns;
}

static void write_in(int order)
{
	unsigned int i;

	fill(LOAD, order, now_ns() + FAR_NS);
	for (i = 0; i + BATCH <= LOAD && again(); i += BATCH)
		if (write(loaded, reqs + i, BATCH * sizeof(*reqs)) != BATCH * sizeof(*reqs))
			die("write: %s", strerror(errno));
	busy_until = now_ns();
	sleep_until(end);
}

static void write_ascending(void) { write_in(ASCENDING); }
static void write_descending(void) { write_in(DESCENDING); }
static void write_random(void) { write_in(RANDOM); }

static void read_many(void)
{
	while (again() && read(loaded, taken, sizeof(taken)) > 0)
		;
	busy_until = now_ns();
	sleep_until(end);
}

static void update_all(void)
{
	struct evnotify_update args = { .due_ns = FAR_NS };
	unsigned int i;

	for (i = 0; again(); i = (i + 7919) % LOAD) {
		args.id = reqs[i].id;
		args.due_ns = FAR_NS + random_u64() % FAR_NS;
		if (ioctl(loaded, EVNOTIFY_IOC_UPDATE, &args))
			die("UPDATE: %s", strerror(errno));
	}
}

static void cancel_one_by_one(void)
{
	struct evnotify_cancel args = {};
	unsigned int i;

	for (i = 0; i < LOAD && again(); i++) {
		args.id = reqs[i].id;
		if (ioctl(loaded, EVNOTIFY_IOC_CANCEL, &args))
			die("CANCEL: %s", strerror(errno));
	}
	busy_until = now_ns();
	sleep_until(end);
}

static void cancel_and_sleep(void)
{
	cancel_all();
	busy_until = now_ns();
	sleep_until(end);
}

static void arm_far(void)
{
	fill(LOAD, RANDOM, now_ns() + FAR_NS);
	arm(reqs, LOAD);
}

static void arm_ready(void)
{
	int unread = 0;

	fill(LOAD, ASCENDING, 1);
	arm(reqs, LOAD);
	while (unread < (int)(LOAD * sizeof(*events)))
		if (ioctl(loaded, FIONREAD, &unread))
			die("FIONREAD: %s", strerror(errno));
}

/* All due in the middle of the probes, on so many clocks */
static void arm_burst(unsigned int clocks)
{
	static const clockid_t all[] = {
		CLOCK_MONOTONIC, CLOCK_BOOTTIME, CLOCK_REALTIME, CLOCK_TAI,
	};
	struct timespec ts;
	unsigned int i;

	for (i = 0; i < LOAD; i++) {
		clock_gettime(all[i % clocks], &ts);
		reqs[i] = (struct evnotify_request){
			.clockid = all[i % clocks],
			.flags = EVNOTIFY_ABSTIME,
			.due_ns = ts.tv_sec * NSEC_PER_SEC + ts.tv_nsec + 100000000,
		};
	}
	/* one instant for each clock */
	for (i = clocks; i < LOAD; i++)
		reqs[i].due_ns = reqs[i % clocks].due_ns;
	arm(reqs, LOAD);
}

static void arm_one_clock(void) { arm_burst(1); }
static void arm_four_clocks(void) { arm_burst(4); }

/* --- what the kernel takes, whoever asks for it ------------------------------------------ */

static int epolls[EPOLLS], watched = -1;
static void *mapped;

static void nothing(void)
{
	sleep_until(end);
}

static void watch(int fd)
{
	struct epoll_event event = { .events = EPOLLIN };
	unsigned int i;

	for (i = 0; i < EPOLLS; i++) {
		epolls[i] = epoll_create1(EPOLL_CLOEXEC);
		if (epolls[i] < 0 || epoll_ctl(epolls[i], EPOLL_CTL_ADD, fd, &event))
			die("epoll %u: %s", i, strerror(errno));
	}
}

static void watch_evnotify(void)
{
	watch(loaded);
	reqs[0] = (struct evnotify_request){ .clockid = CLOCK_MONOTONIC, .due_ns = 50000000 };
	arm(reqs, 1);
}

static void watch_timerfd(void)
{
	struct itimerspec its = { .it_value = to_timespec(50000000) };

	watched = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
	watch(watched);
	if (timerfd_settime(watched, 0, &its, NULL))
		die("timerfd_settime: %s", strerror(errno));
}

static void watched_until_end(void)
{
	unsigned int i;

	sleep_until(end);
	for (i = 0; i < EPOLLS; i++)
		close(epolls[i]);
	if (watched >= 0)
		close(watched);
	watched = -1;
}

static void arm_kept(void)
{
	unsigned int i;

	for (i = 0; i < KEPT; i += LOAD)
		arm_far();
}

static void drop_kept(void)
{
	close(loaded);
	loaded = open(device, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	sleep_until(end);
}

/* Page by page, as the device's records are */
static void map_as_many(void)
{
	mapped = mmap(NULL, KEPT_BYTES, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (mapped == MAP_FAILED)
		die("mmap: %s", strerror(errno));
}

static void unmap(void)
{
	munmap(mapped, KEPT_BYTES);
	sleep_until(end);
}

/* ----------------------------------------------------------------------------------------- */

static const struct load {
	const char *figure, *name;
	void (*prepare)(void);
	void (*run)(void);
} loads[] = {
	{ "irqs_off", "idle", NULL, nothing },
	{ "irqs_off", "write of 64, ascending", NULL, write_ascending },
	{ "irqs_off", "write of 64, random", NULL, write_random },
	{ "irqs_off", "write of 64, descending", NULL, write_descending },
	{ "irqs_off", "read of 64", arm_ready, read_many },
	{ "irqs_off", "UPDATE", arm_far, update_all },
	{ "irqs_off", "CANCEL of one", arm_far, cancel_one_by_one },
	{ "irqs_off", "CANCEL of all", arm_far, cancel_and_sleep },
	{ "irqs_off", "burst, one clock", arm_one_clock, burst },
	{ "irqs_off", "burst, four clocks", arm_four_clocks, burst },
	{ "irqs_off_kernel", "evnotify, 1000 epolls watch it", watch_evnotify, watched_until_end },
	{ "irqs_off_kernel", "timerfd, 1000 epolls watch it", watch_timerfd, watched_until_end },
	{ "irqs_off_kernel", "close with 100000 pending", arm_kept, drop_kept },
	{ "irqs_off_kernel", "munmap of as many bytes", map_as_many, unmap },
};

/* Prints by how much the probes were late that met what run() did. */
static void probe(const char *figure, const char *name, unsigned int requests, void (*run)(void))
{
	static uint64_t late[PROBES];
	static uint64_t idle_p50;
	int fd = open(device, O_RDWR | O_CLOEXEC);
	unsigned int i, got = 0, nr = 0;
	ssize_t n;

	if (fd < 0)
		die("%s: %s", device, strerror(errno));
	if (!start)
		start = now_ns() + 10000000;
	end = start + PROBES * APART_NS;
	for (i = 0; i < PROBES; i++)
		probes[i] = (struct evnotify_request){
			.clockid = CLOCK_MONOTONIC,
			.flags = EVNOTIFY_ABSTIME,
			.due_ns = start + i * (uint64_t)APART_NS,
		};
	if (write(fd, probes, sizeof(probes)) != sizeof(probes))
		die("write: %s", strerror(errno));
	sleep_until(start);
	busy_from = start;
	busy_until = end;
	run();
	while (got < PROBES) {
		n = read(fd, events + got, (PROBES - got) * sizeof(*events));
		if (n <= 0)
			die("read: %s", strerror(errno));
		got += n / sizeof(*events);
	}
	for (i = 0; i < PROBES; i++)
		if (events[i].due_ns >= busy_from && events[i].due_ns < busy_until)
			late[nr++] = events[i].expired_ns - events[i].due_ns;
	if (!nr)
		die("no probe met the load \"%s\"", name);
	qsort(late, nr, sizeof(*late), cmp_u64);
	if (!idle_p50)
		idle_p50 = late[nr / 2];
	for (i = 0; i < nr; i++)
		late[i] -= late[i] < idle_p50 ? late[i] : idle_p50;
	result(figure, name, requests, "-", late[nr * 99 / 100], late[nr / 2], late[nr - 1]);
	close(fd);
	start = 0;
}

static void measure_load(const struct load *load)
{
	loaded = open(device, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (loaded < 0)
		die("%s: %s", device, strerror(errno));
	if (load->prepare)
		load->prepare();
	probe(load->figure, load->name, 1, load->run);
	cancel_all();
	close(loaded);
}

/* A burst of a method, due a while after the probes have begun. */
static void measure_burst(const struct method *m, unsigned int n)
{
	uint64_t *due = buffer(n, sizeof(*due));
	unsigned int i;

	if (m->supported && !m->supported())
		return;
	m->open(n);
	start = now_ns() + 50000000 + n * 5000ULL;
	for (i = 0; i < n; i++)
		due[i] = start + 20000000;
	m->arm(due, n);
	probe("irqs_off_burst", m->name, n, nothing);
	if (m->reap(n) != n)
		die("LOST: %s: not all of a burst of %u completed in time", m->name, n);
	m->close();
	free(due);
}

void measure_irqs_off(void)
{
	static const struct method *const bursts[] = {
		&evnotify_64, &evnotify_eventfd, &timerfd_epoll, &uring, &posix_timer, &bpf_timer,
	};
	unsigned int i;

	if (max_n < BURST)
		max_n = BURST;
	for (i = 0; i < sizeof(loads) / sizeof(*loads); i++) {
		progress("interrupts off: %s", loads[i].name);
		measure_load(&loads[i]);
	}
	for (i = 0; i < sizeof(bursts) / sizeof(*bursts); i++) {
		progress("interrupts off: burst, %s", bursts[i]->name);
		measure_burst(bursts[i], BURST);
	}
	measure_burst(&evnotify_files, EPOLLS);
	measure_burst(&timerfd_epoll, EPOLLS);
}
