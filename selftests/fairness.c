// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a user without privileges can take from others: of a CPU, and of what their instances
 * do. The opponent makes each signal of an eventfd as long as he can, by epoll files or
 * entries of poll() that wait for it, and has requests signal it all the time. Next to him
 * are a bystander that only computes, and an instance of another user. The measure is what
 * the same user could do without the device: write that eventfd in a loop. It wants a machine
 * of its own: vm/alone.sh.
 *
 * EVNOTIFY_FAIRNESS_MS: how long each measurement takes (2000).
 */
#include <grp.h>
#include <stdatomic.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define NO_INSTANCE
#include "evnotify_test.h"

#define USER		1000
#define GROUP		990
#define REQUESTS	64	/* of each file of the opponent */
#define MOST_FILES	128
#define PERIOD_NS	(100 * NSEC_PER_USEC)
#define OTHERS_NS	(10 * NSEC_PER_MSEC)	/* period of the other user's request */
#define CLOSE_NS	(2 * NSEC_PER_SEC)
#define ROUNDS		6	/* a host that is busy elsewhere spoils some of them */

static struct shared {
	atomic_ulong rounds;		/* of the bystander's loop */
	atomic_ulong hole_ns;		/* the longest that it was away */
	atomic_uint ready;
	atomic_bool go;
} *shared;

static int cpu;		/* where the opponent, the bystander and the timers are: the last one */

static const clockid_t clocks[] = { CLOCK_MONOTONIC, CLOCK_BOOTTIME, CLOCK_REALTIME, CLOCK_TAI };

/* --- the bystander ---------------------------------------------------------------------- */

static void compute(void)
{
	__u64 last, now;

	stay_on(cpu);
	for (last = now_ns(CLOCK_MONOTONIC); ; last = now) {
		now = now_ns(CLOCK_MONOTONIC);
		if (now - last > shared->hole_ns)
			shared->hole_ns = now - last;
		shared->rounds++;
	}
}

/* What others get in a while: the bystander's rounds and longest hole, the instance's records */
struct got {
	double rounds;		/* a second */
	double records;		/* a second */
	__u64 hole_ns;
	__u64 close_ns;
};

static struct got measure(int other, __u64 ns)
{
	struct evnotify_event events[64];
	unsigned long rounds = shared->rounds;
	__u64 start = now_ns(CLOCK_MONOTONIC), now;
	struct got got = { .records = 0 };
	int n;

	while ((n = read_some(other, events, 64)) > 0)
		;
	shared->hole_ns = 0;
	do {
		if (readable(other, 100) && read_some(other, events, 1) == 1)
			got.records++;
		now = now_ns(CLOCK_MONOTONIC);
	} while (now < start + ns);
	got.records *= (double)NSEC_PER_SEC / (now - start);
	got.rounds = (shared->rounds - rounds) * (double)NSEC_PER_SEC / (now - start);
	got.hole_ns = shared->hole_ns;
	return got;
}

/* --- the opponent ----------------------------------------------------------------------- */

struct opponent {
	const char *name;
	unsigned int files;
	unsigned int processes;
	unsigned int epolls;	/* of each process */
	unsigned int entries;	/* of poll(), of each process */
};

static bool become_user(void)
{
	gid_t groups[] = { GROUP };

	return !setgroups(1, groups) && !setresgid(USER, USER, USER) &&
	       !setresuid(USER, USER, USER);
}

static void wait_for(int efd, const struct opponent *o)
{
	struct pollfd *entries = calloc(o->entries + 1, sizeof(*entries));
	struct epoll_event event = { .events = EPOLLIN | EPOLLET };
	unsigned int i;
	int ep;

	for (i = 0; i < o->epolls; i++) {
		ep = epoll_create1(EPOLL_CLOEXEC);
		if (ep < 0 || epoll_ctl(ep, EPOLL_CTL_ADD, efd, &event))
			_exit(1);
	}
	for (i = 0; i < o->entries; i++)
		entries[i] = (struct pollfd){ .fd = efd, .events = POLLIN };
	shared->ready++;
	while (o->entries)
		poll(entries, o->entries, -1);
	for (;;)
		pause();
}

static void write_for_ever(int efd)
{
	__u64 one = 1;

	for (;;)
		if (write(efd, &one, sizeof(one)) < 0 && errno == EAGAIN)
			read(efd, &one, sizeof(one));
}

/* Every process of his is in one group, so that one kill() ends them all. */
static void oppose(const struct opponent *o, bool by_writing)
{
	static struct evnotify_request q[REQUESTS];
	int efd, fd;
	unsigned int i, k;

	setpgid(0, 0);
	if (!become_user())
		_exit(1);
	stay_on(cpu);
	efd = eventfd(0, EFD_NONBLOCK);
	for (i = 0; i < o->processes; i++)
		if (!fork_mortal())
			wait_for(efd, o);
	while (!shared->go)
		usleep(1000);
	if (by_writing)
		write_for_ever(efd);
	for (k = 0; k < o->files; k++) {
		fd = open(DEVICE, O_RDWR);
		for (i = 0; i < REQUESTS; i++) {
			q[i] = eventfd_in(PERIOD_NS, o->processes ? efd : eventfd(0, EFD_NONBLOCK));
			q[i].period_ns = PERIOD_NS;
			if (!o->processes)
				q[i].clockid = clocks[i % ARRAY_SIZE(clocks)];
		}
		if (arm_many(fd, q, o->processes ? REQUESTS : 32) < 0)
			_exit(1);
	}
	shared->ready++;
	for (;;)
		pause();
}

static struct got against(struct __test_metadata *_metadata, const struct opponent *o,
			  bool by_writing, int other, __u64 ns)
{
	struct got got = { .records = 0 };
	__u64 start;
	pid_t pid;

	shared->ready = 0;
	shared->go = false;
	pid = fork_mortal();
	if (!pid)
		oppose(o, by_writing);
	EXPECT_TRUE(UNTIL(shared->ready == o->processes));
	shared->go = true;
	EXPECT_TRUE(by_writing || UNTIL(shared->ready == o->processes + 1));
	got = measure(other, ns);
	start = now_ns(CLOCK_MONOTONIC);
	kill(-pid, SIGKILL);
	waitpid(pid, NULL, 0);
	got.close_ns = now_ns(CLOCK_MONOTONIC) - start;
	printf("# %s, %u files, %s: the bystander is left %.0f rounds a second, away for %llu us at most; %.0f records a second of another user; gone after %llu us\n",
	       o->name, o->files, by_writing ? "by writing" : "by requests", got.rounds,
	       got.hole_ns / 1000, got.records, got.close_ns / 1000);
	fflush(stdout);
	return got;
}

FIXTURE(fairness)
{
	struct stat node;
	pid_t bystander;
	int other;
	__u64 ns;
};

FIXTURE_SETUP(fairness)
{
	struct rlimit files = { 8192, 8192 };
	struct evnotify_request q = pending_in(OTHERS_NS, 0);

	self->other = open_device(_metadata, O_RDWR | O_NONBLOCK);
	if (geteuid())
		SKIP(return, "only root can become others");
	cpu = sysconf(_SC_NPROCESSORS_ONLN) - 1;
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &files));
	ASSERT_EQ(0, stat(DEVICE, &self->node));
	ASSERT_EQ(0, chown(DEVICE, 0, GROUP));
	ASSERT_EQ(0, chmod(DEVICE, 0660));
	self->ns = setting("EVNOTIFY_FAIRNESS_MS", 2000) * NSEC_PER_MSEC;
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		      -1, 0);
	ASSERT_NE(MAP_FAILED, shared);
	/* its timer is to run where the opponent's do */
	stay_on(cpu);
	q.period_ns = OTHERS_NS;
	ASSERT_EQ(0, arm(self->other, &q));
	stay_on(0);
	self->bystander = fork_mortal();
	if (!self->bystander)
		compute();
}

FIXTURE_TEARDOWN(fairness)
{
	kill(self->bystander, SIGKILL);
	waitpid(self->bystander, NULL, 0);
	close(self->other);
	EXPECT_EQ(0, chown(DEVICE, self->node.st_uid, self->node.st_gid));
	EXPECT_EQ(0, chmod(DEVICE, self->node.st_mode & 07777));
}

FIXTURE_VARIANT(fairness)
{
	struct opponent o;
};

FIXTURE_VARIANT_ADD(fairness, entries_of_poll)
{
	.o = { "80,000 entries of poll()", 1, 20, 0, 4000 },
};

FIXTURE_VARIANT_ADD(fairness, entries_of_poll_many_files)
{
	.o = { "80,000 entries of poll()", MOST_FILES, 20, 0, 4000 },
};

FIXTURE_VARIANT_ADD(fairness, epolls)
{
	.o = { "3,600 epoll files", 1, 4, 900, 0 },
};

FIXTURE_VARIANT_ADD(fairness, epolls_many_files)
{
	.o = { "3,600 epoll files", MOST_FILES, 4, 900, 0 },
};

/* Nobody waits, and each of four clocks has eight requests: what interrupts alone can do */
FIXTURE_VARIANT_ADD(fairness, four_clocks)
{
	.o = { "four clocks, 8 eventfds each", 1, 0, 0, 0 },
};

/*
 * Rounds, of which the host may spoil some, and one has to meet every bound: a module that
 * does not share meets them in none.
 */
TEST_F_TIMEOUT(fairness, nobody_is_harmed, 900)
{
	const struct opponent *o = &variant->o;
	struct got alone, control, got;
	bool fair = false;
	int round;

	for (round = 0; round < ROUNDS && !fair; round++) {
		alone = measure(self->other, self->ns);
		control = against(_metadata, o, true, self->other, self->ns);
		got = against(_metadata, o, false, self->other, self->ns);
		fair = got.rounds >= control.rounds / 2 &&
		       got.hole_ns <= 2 * control.hole_ns &&
		       got.records >= 0.8 * alone.records &&
		       got.close_ns <= CLOSE_NS;
		printf("# round %d: %.0f %% of what the control leaves, holes of %.0f %%, %.0f %% of the records: %s\n",
		       round, 100 * got.rounds / control.rounds,
		       100.0 * got.hole_ns / control.hole_ns,
		       100 * got.records / alone.records, fair ? "fair" : "not fair");
		fflush(stdout);
	}
	EXPECT_TRUE(fair);
}

TEST_HARNESS_MAIN
