// SPDX-License-Identifier: GPL-2.0-only
/*
 * How long interrupts are off while the device is used: probes, which are requests of a second
 * file, are late by that. What they are late by on an idle CPU is subtracted.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/evnotify.h>

#include "bench.h"

#define PROBES		3000
#define APART_NS	37000	/* not a divisor of anything that a load does */
#define LOAD		20000	/* requests of the load */
#define FAR_NS		(3600 * NSEC_PER_SEC)

static struct evnotify_request probes[PROBES], reqs[LOAD];
static struct evnotify_event events[PROBES], taken[BATCH];
static int loaded;
static uint64_t end;
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

static void idle(void)
{
	sleep_until(end);
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

static const struct load {
	const char *name;
	void (*prepare)(void);
	void (*run)(void);
} loads[] = {
	{ "idle", NULL, idle },
	{ "write of 64, ascending", NULL, write_ascending },
	{ "write of 64, random", NULL, write_random },
	{ "write of 64, descending", NULL, write_descending },
	{ "read of 64", arm_ready, read_many },
	{ "UPDATE", arm_far, update_all },
	{ "CANCEL of one", arm_far, cancel_one_by_one },
	{ "CANCEL of all", arm_far, cancel_and_sleep },
	{ "burst, one clock", arm_one_clock, burst },
	{ "burst, four clocks", arm_four_clocks, burst },
};

/* Bursts are due 100 ms after they are armed, so the probes begin before and end after. */
static void measure_load(const struct load *load)
{
	static uint64_t late[PROBES];
	static uint64_t idle_p50;
	int fd = open(device, O_RDWR | O_CLOEXEC);
	unsigned int i, got = 0, nr = 0;
	uint64_t start;
	ssize_t n;

	loaded = open(device, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 || loaded < 0)
		die("%s: %s", device, strerror(errno));
	if (load->prepare)
		load->prepare();
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
	load->run();
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
		die("no probe met the load \"%s\"", load->name);
	qsort(late, nr, sizeof(*late), cmp_u64);
	if (!idle_p50)
		idle_p50 = late[nr / 2];
	for (i = 0; i < nr; i++)
		late[i] -= late[i] < idle_p50 ? late[i] : idle_p50;
	result("irqs_off", load->name, 1, "-", late[nr * 99 / 100], late[nr / 2], late[nr - 1]);
	cancel_all();
	close(fd);
	close(loaded);
}

void measure_irqs_off(void)
{
	unsigned int i;

	for (i = 0; i < sizeof(loads) / sizeof(*loads); i++) {
		progress("interrupts off: %s", loads[i].name);
		measure_load(&loads[i]);
	}
}
