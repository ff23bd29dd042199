// SPDX-License-Identifier: GPL-2.0-only
/* bench - do two files on two CPUs get in each other's way? */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/evnotify.h>

#include "bench.h"

#define ROUNDS	15
#define ROUND_NS	300000000ULL

/* Shared between the processes: when to start, and what each has done. */
static struct {
	uint64_t start;
	uint64_t loops[2];
} *shared;

/* A file, a batch of far requests, close: no timer hardware. */
static void loop_evnotify(void)
{
	static struct evnotify_request requests[BATCH];
	int i, fd = open(device, O_RDWR);

	for (i = 0; i < BATCH; i++) {
		requests[i].due_ns = 1000 * NSEC_PER_SEC;
		requests[i].clockid = CLOCK_MONOTONIC;
	}
	if (write(fd, requests, sizeof(requests)) != sizeof(requests))
		die("two CPUs: %s: %s", device, strerror(errno));
	close(fd);
}

static void loop_getppid(void)
{
	int i;

	for (i = 0; i < BATCH; i++)
		syscall(SYS_getppid);
}

static void run(unsigned int cpu, void (*loop)(void))
{
	uint64_t loops = 0, end = shared->start + ROUND_NS;
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		die("two CPUs: there is no CPU %u", cpu);
	while (now_ns() < shared->start)
		;
	for (; now_ns() < end; loops++)
		loop();
	shared->loops[cpu] = loops;
}

/* Loops that CPU 0 and, if both, CPU 1 do in a round. */
static uint64_t round_of(void (*loop)(void), bool both)
{
	pid_t pid = 0;
	int status = 0;

	shared->start = now_ns() + 20000000;
	shared->loops[1] = 0;
	if (both) {
		pid = fork();
		if (!pid) {
			run(1, loop);
			_exit(0);
		}
	}
	run(0, loop);
	if (pid && (waitpid(pid, &status, 0) != pid || status))
		die("two CPUs: the second process failed");
	return shared->loops[0] + shared->loops[1];
}

/* The throughput of two over that of one; the best round of each counts. */
static void measure(const char *name, void (*loop)(void))
{
	uint64_t one, two, one_max = 0, two_max = 0;
	double low = 1e9, high = 0, ratio;
	int i;

	for (i = 0; i < ROUNDS; i++) {
		one = round_of(loop, false);
		two = round_of(loop, true);
		one_max = one > one_max ? one : one_max;
		two_max = two > two_max ? two : two_max;
		ratio = (double)two / one;
		low = ratio < low ? ratio : low;
		high = ratio > high ? ratio : high;
	}
	printf("cpus\t%s\t2\t-\t%.2f\t%.2f\t%.2f\n", name, (double)two_max / one_max, low, high);
}

void measure_cpus(void)
{
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		      -1, 0);
	if (shared == MAP_FAILED)
		die("mmap: %s", strerror(errno));
	measure("getppid", loop_getppid);
	measure("evnotify arm+close", loop_evnotify);
}
