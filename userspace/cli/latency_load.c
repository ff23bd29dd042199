// SPDX-License-Identifier: GPL-2.0-only
/*
 * Makes the machine busy, as somebody else would. It ends with the process.
 */
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "latency.h"

/* Of ten spans, one is taken away. */
#define STALL_REST	9
#define BATCH		64

static void *compute(void *arg)
{
	volatile uint64_t turns = 0;

	(void)arg;
	for (;;)
		turns = turns + 1;
	return NULL;
}

/* Takes the CPU away again and again, with a rest drawn from the seed in between. */
static void *stall(void *arg)
{
	const struct latency *lab = arg;
	uint64_t state = ~lab->seed;

	for (;;) {
		uint64_t rest_ns = lab->load_value * STALL_REST / 2 +
				   random_below(&state, lab->load_value * STALL_REST + 1);
		const struct timespec rest = to_timespec(rest_ns);
		uint64_t until_ns;

		clock_nanosleep(CLOCK_MONOTONIC, 0, &rest, NULL);
		until_ns = now_ns(CLOCK_MONOTONIC) + lab->load_value;
		while (now_ns(CLOCK_MONOTONIC) < until_ns)
			;
	}
	return NULL;
}

/* On one CPU, with a real-time priority unless it is 0. */
static int start(void *(*run)(void *), const struct latency *lab, size_t cpu, int prio)
{
	struct sched_param param = { .sched_priority = prio };
	pthread_attr_t attr;
	pthread_t thread;
	cpu_set_t cpus;
	int error;

	CPU_ZERO(&cpus);
	CPU_SET(cpu, &cpus);
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	pthread_attr_setaffinity_np(&attr, sizeof(cpus), &cpus);
	if (prio) {
		pthread_attr_setinheritsched(&attr, PTHREAD_EXPLICIT_SCHED);
		pthread_attr_setschedpolicy(&attr, SCHED_FIFO);
		pthread_attr_setschedparam(&attr, &param);
	}
	error = pthread_create(&thread, &attr, run, (void *)lab);
	pthread_attr_destroy(&attr);
	if (!error)
		return EXIT_OK;
	fail(error == EPERM ? EXIT_NO_PERMISSION : EXIT_FAILED, "--load %s: %s", lab->load_text,
	     strerror(error));
	if (error != EPERM)
		return EXIT_FAILED;
	hint("sudo evnotify latency");
	return EXIT_NO_PERMISSION;
}

static int start_on_each_cpu(const struct latency *lab)
{
	cpu_set_t cpus;
	int status = EXIT_OK;

	sched_getaffinity(0, sizeof(cpus), &cpus);
	for (size_t i = 0; i < CPU_SETSIZE && !status; i++)
		if (CPU_ISSET(i, &cpus))
			status = start(compute, lab, i, 0);
	return status;
}

/* Each of them expires once a second; nobody reads their records, which count. */
static int arm_timers(const struct latency *lab)
{
	struct evnotify_request reqs[BATCH];
	struct evnotify_info info;
	uint64_t state = ~lab->seed;
	uint64_t left = lab->load_value;
	struct evn *evn;
	ssize_t taken;
	int status = device_open(lab->device, 0, &evn, &info);

	while (!status && left) {
		unsigned int n = (unsigned int)MIN(left, (uint64_t)BATCH);

		for (unsigned int i = 0; i < n; i++)
			reqs[i] = (struct evnotify_request){
				.due_ns = random_below(&state, NSEC_PER_SEC),
				.period_ns = NSEC_PER_SEC,
				.clockid = CLOCK_MONOTONIC,
			};
		taken = evn_register(evn, reqs, n);
		if (taken < 0)
			return fail(EXIT_FAILED, "--load %s: cannot arm the requests: %s",
				    lab->load_text, strerror(errno));
		left -= (uint64_t)taken;
	}
	return status;
}

int latency_load(const struct latency *lab)
{
	switch (lab->load) {
	case LOAD_CPU:
		return start_on_each_cpu(lab);
	case LOAD_TIMERS:
		return arm_timers(lab);
	case LOAD_STALL:
		return start(stall, lab, (size_t)lab->cpu, sched_get_priority_max(SCHED_FIFO));
	default:
		return EXIT_OK;
	}
}
