// SPDX-License-Identifier: GPL-2.0-only
/*
 * Torture: processes and threads do to the device, at random and all at once, whatever a
 * process can do to it, with 1 ns periods, at the limits of memory and of requests, while
 * they are killed, the clock is set and somebody tries to unload the module. Then everything
 * must add up and nothing may be left; and a bystander with an instance of its own must not
 * have been delayed for longer than a bound. It wants a machine of its own: vm/alone.sh.
 *
 * EVNOTIFY_TORTURE_MS: how long (20000); EVNOTIFY_SEED: repeat the choices of a run;
 * EVNOTIFY_TORTURE_PERIOD: the shortest period in ns (1), EVNOTIFY_TORTURE_CLOCK=0: do not
 * set the clock.
 */
#include <sys/stat.h>
#include <sys/time.h>

#include "torture_ops.h"

#define WORKERS		3		/* processes, of two threads each */
#define LIMIT		2000		/* requests that the first shared instance takes */
#define MOST_LATE	1000000		/* completions of the bystander that are remembered */
#define BOUND_MEDIAN_US	20000		/* in the storm, on top of 50 times that alone */
#define BOUND_MOST_US	10000000	/* a host that is busy can take seconds of it */
#define CGROUP		"/sys/fs/cgroup/evnotify-torture"
#define CGROUP_BYTES	"12582912"

/* --- the processes -------------------------------------------------------------------- */

static void on_alarm(int signal)
{
	(void)signal;
}

/* A process that storms until it is killed */
static pid_t start_worker(__u64 seed)
{
	struct sigaction action = { .sa_handler = on_alarm };
	struct itimerval timer = { { 0, 3000 }, { 0, 3000 } };
	struct thread threads[2];
	pthread_t other;
	pid_t pid = fork_mortal();
	int i;

	if (pid)
		return pid;
	for (i = 0; i < 2; i++) {
		memset(&threads[i], 0, sizeof(threads[i]));
		threads[i].random = (seed * 2 + i + 1) * 0x9e3779b97f4a7c15ULL;
		threads[i].eventfd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	}
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &timer, NULL);
	pthread_create(&other, NULL, thread_main, &threads[1]);
	thread_main(&threads[0]);
	_exit(1);
}

/* A process that arms more than its memory cgroup has memory for; that may kill it */
static pid_t start_hoarder(void)
{
	static struct evnotify_request q[FLOOD];
	pid_t pid = fork_mortal();
	int fd, i;

	if (pid)
		return pid;
	for (i = 0; i < FLOOD; i++)
		q[i] = pending_in(FAR_NS, i);
	for (;;) {
		usleep(50000);	/* also until it is in the cgroup */
		fd = open(DEVICE, O_RDWR | O_CLOEXEC);
		while (arm_many(fd, q, FLOOD) > 0)
			;
		close(fd);
	}
}

/* Completions on an instance that nobody else uses */
struct bystander {
	atomic_ulong completions;
	unsigned int late_us[MOST_LATE];
};

static pid_t start_bystander(struct bystander *b)
{
	struct evnotify_event event;
	struct evnotify_request q;
	pid_t pid = fork_mortal();
	unsigned long n;
	int fd;

	if (pid)
		return pid;
	fd = open(DEVICE, O_RDWR | O_CLOEXEC);
	for (n = 0; n < MOST_LATE; n++) {
		q = pending_in(NSEC_PER_MSEC, 0);
		if (arm(fd, &q) || read_some(fd, &event, 1) != 1)
			_exit(1);
		b->late_us[n] = (event.completed_ns - event.due_ns) / 1000;
		b->completions = n + 1;
	}
	for (;;)
		pause();
}

/* --- the storm ------------------------------------------------------------------------ */

struct storm {
	unsigned int seed;
	unsigned int started, killed;	/* workers */
	bool set_clock;
	bool limited;			/* is there a cgroup that limits memory? */
	__u64 start_ns, duration_ns;
	unsigned long old_period, references;
	pid_t workers[WORKERS], hoarder, bystander_pid;
	struct bystander *bystander;
};

static void *shared_memory(size_t size)
{
	void *map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	return map == MAP_FAILED ? NULL : map;
}

static bool make_cgroup(void)
{
	write_text("/sys/fs/cgroup/cgroup.subtree_control", "+memory");
	mkdir(CGROUP, 0755);
	return !write_text(CGROUP "/memory.max", CGROUP_BYTES);
}

/* ~0 where nothing is limited */
static unsigned long out_of_memory(void)
{
	return read_number(CGROUP "/memory.events", "\nmax ");
}

static void start_worker_again(struct __test_metadata *_metadata, struct storm *s, int i)
{
	s->workers[i] = start_worker(s->seed + s->started++);
	ASSERT_LT(0, s->workers[i]);	/* -1 would be to kill all processes */
	if (s->limited)
		write_number(CGROUP "/cgroup.procs", s->workers[i]);
}

static void progress(struct storm *s)
{
	unsigned long done = 0;
	int op;

	for (op = 0; op < NR_OPS; op++)
		done += tally->done[op];
	printf("# %llu s: %lu operations, %u processes killed, bystander: %lu completions\n",
	       (now_ns(CLOCK_MONOTONIC) - s->start_ns) / NSEC_PER_SEC, done, s->killed,
	       s->bystander->completions);
	fflush(stdout);
}

/* The instances that all share; the first of them takes few requests. */
static void open_slots(struct __test_metadata *_metadata)
{
	unsigned long old_limit = read_number(PARAMETERS "max_requests", NULL);
	char name[NAME_SIZE];
	int i;

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, sockets));
	ASSERT_EQ(0, write_number(PARAMETERS "max_requests", LIMIT));
	sim = open_sim(_metadata);
	for (i = 0; i < SLOTS; i++) {
		slots[i] = i >= SHARED ? -1 :
			   i == SHARED - 1 ? sim_new(sim, O_NONBLOCK, name) :
			   open_device(_metadata, O_RDWR | O_NONBLOCK);
		ASSERT_EQ(0, write_number(PARAMETERS "max_requests", old_limit));
	}
	ASSERT_LE(0, slots[SHARED - 1]);
	snprintf(source, sizeof(source), "/dev/%s", name);
	for (i = 0; i < SIMS; i++)
		sims[i] = -1;
}

/* Somebody is killed, whoever is dead starts anew, and the clock is set there and back. */
static void stir(struct __test_metadata *_metadata, struct storm *s, struct thread *chooser)
{
	int i = pick(chooser, 4 * WORKERS);

	if (i < WORKERS)
		kill(s->workers[i], SIGKILL);
	/* want of memory may have killed others */
	for (i = 0; i < WORKERS; i++) {
		if (waitpid(s->workers[i], NULL, WNOHANG) != s->workers[i])
			continue;
		s->killed++;
		start_worker_again(_metadata, s, i);
	}
	if (s->limited && (s->hoarder < 0 || waitpid(s->hoarder, NULL, WNOHANG) == s->hoarder)) {
		s->hoarder = start_hoarder();
		write_number(CGROUP "/cgroup.procs", s->hoarder);
	}
	if (!pick(chooser, 4) && s->set_clock) {
		set_clock_by(3600);
		set_clock_by(-3600);
	}
	for (i = 0; i < SHARED; i++)
		EXPECT_TRUE(balanced(counters(slots[i])));
}

/* Has each thing been done, and each limit been met? */
static bool enough(struct storm *s)
{
	int op;

	for (op = 0; op < NR_OPS; op++)
		if (!tally->done[op])
			return false;
	return tally->full && (!s->limited || out_of_memory());
}

/* As long as was asked for, or longer: until everything has happened. */
static bool storm_goes_on(struct storm *s)
{
	__u64 now = now_ns(CLOCK_MONOTONIC);

	return now < s->start_ns + s->duration_ns ||
	       (!enough(s) && now < s->start_ns + 10 * s->duration_ns);
}

static void end_all(struct __test_metadata *_metadata, struct storm *s)
{
	int i, status;

	for (i = 0; i < WORKERS; i++) {
		kill(s->workers[i], SIGKILL);
		waitpid(s->workers[i], NULL, 0);
	}
	if (s->hoarder > 0)
		kill(s->hoarder, SIGKILL);
	EXPECT_EQ(0, kill(s->bystander_pid, SIGKILL));
	waitpid(s->bystander_pid, &status, 0);
	EXPECT_TRUE(WIFSIGNALED(status))
		TH_LOG("the bystander got an error");
	while (waitpid(-1, NULL, 0) > 0)
		;
	EXPECT_EQ(0, write_number(PARAMETERS "min_period_ns", s->old_period));
}

/* Each thing happened, and nothing that must not. */
static void look_at_tally(struct __test_metadata *_metadata, struct storm *s)
{
	int op;

	for (op = 0; op < NR_OPS; op++) {
		printf("# %s: %lu\n", names[op], tally->done[op]);
		EXPECT_LT(0, tally->done[op]);
	}
	printf("# full: %lu times, out of memory: %lu times\n", tally->full,
	       s->limited ? out_of_memory() : 0);
	EXPECT_LT(0, tally->full);
	if (s->limited)
		EXPECT_LT(0, out_of_memory());
	EXPECT_EQ(0, tally->unloaded);
	EXPECT_EQ(0, tally->unbalanced);
}

static bool drained(int fd)
{
	struct evnotify_event events[64];

	while (read_some(fd, events, ARRAY_SIZE(events)) > 0)
		;
	return !counters(fd).unread;
}

/* What was shared adds up, can be brought to an end, and leaves nothing behind. */
static void clean_up(struct __test_metadata *_metadata, struct storm *s)
{
	int i;

	close(sockets[0]);
	close(sockets[1]);
	close(sim);
	for (i = 0; i < SHARED; i++) {
		EXPECT_LE(0, cancel_all(slots[i]));
		EXPECT_EQ(0, counters(slots[i]).pending);
		EXPECT_TRUE(UNTIL(drained(slots[i])));
		EXPECT_TRUE(balanced(counters(slots[i])));
		close(slots[i]);
	}
	/* nothing is left but what was there before */
	EXPECT_TRUE(UNTIL(read_number(MODULE "/refcnt", NULL) == s->references));
	if (s->limited) {
		EXPECT_TRUE(UNTIL(read_number(CGROUP "/memory.current", NULL) < 4 << 20))
			TH_LOG("%lu bytes are still charged",
			       read_number(CGROUP "/memory.current", NULL));
		EXPECT_TRUE(UNTIL(!rmdir(CGROUP)));
	}
}

TEST_F_TIMEOUT(instance, storm, 600)
{
	struct storm s = { .hoarder = -1 };
	struct lateness alone, late;
	struct thread chooser;
	unsigned long completions;
	__u64 report, last;
	int i;

	watch_closely(_metadata);
	s.references = read_number(MODULE "/refcnt", NULL);
	s.seed = setting("EVNOTIFY_SEED", now_ns(CLOCK_REALTIME) / 1000 % 1000000);
	chooser.random = s.seed * 0x9e3779b97f4a7c15ULL + 7;
	s.set_clock = setting("EVNOTIFY_TORTURE_CLOCK", 1);
	s.duration_ns = torture_ns();
	min_period = setting("EVNOTIFY_TORTURE_PERIOD", 1);
	tally = shared_memory(sizeof(*tally));
	s.bystander = shared_memory(sizeof(*s.bystander));
	ASSERT_TRUE(tally && s.bystander);
	s.bystander_pid = start_bystander(s.bystander);
	ASSERT_LT(0, s.bystander_pid);
	ASSERT_TRUE(UNTIL(s.bystander->completions >= ALONE));
	alone = lateness("alone", s.bystander->late_us, ALONE);
	s.old_period = read_number(PARAMETERS "min_period_ns", NULL);
	ASSERT_EQ(0, write_number(PARAMETERS "min_period_ns", min_period));
	open_slots(_metadata);
	s.limited = make_cgroup();
	printf("# EVNOTIFY_SEED=%u, %llu s, periods from %llu ns%s%s\n", s.seed,
	       s.duration_ns / NSEC_PER_SEC, min_period,
	       s.set_clock ? "" : ", the clock is not set",
	       s.limited ? ", " CGROUP_BYTES " bytes of memory" : ", no memory cgroup here");
	fflush(stdout);

	/* children of killed workers become ours, so that we can wait for all */
	ASSERT_EQ(0, prctl(PR_SET_CHILD_SUBREAPER, 1));
	ASSERT_TRUE(arm_at_once(self->fd, now_ns(CLOCK_MONOTONIC) + s.duration_ns / 2));
	s.start_ns = now_ns(CLOCK_MONOTONIC);	/* that may have taken a while */
	completions = s.bystander->completions;
	for (i = 0; i < WORKERS; i++)
		start_worker_again(_metadata, &s, i);
	for (report = s.start_ns; storm_goes_on(&s); ) {
		usleep(50000);
		stir(_metadata, &s, &chooser);
		if (now_ns(CLOCK_MONOTONIC) - report > 2 * NSEC_PER_SEC) {
			progress(&s);
			report = now_ns(CLOCK_MONOTONIC);
		}
	}
	end_all(_metadata, &s);
	progress(&s);
	look_at_tally(_metadata, &s);

	/* every request once, though all were due at once and others stormed */
	EXPECT_TRUE(each_once(self->fd, &last));
	EXPECT_COUNTERS(self->fd, AT_ONCE, AT_ONCE, 0, 0, 0);
	clean_up(_metadata, &s);

	late = lateness("in the storm", s.bystander->late_us + completions,
			s.bystander->completions - completions);
	EXPECT_LT(0, late.n);
	EXPECT_GT(BOUND_MEDIAN_US + 50 * alone.median, late.median);
	EXPECT_GT(BOUND_MOST_US, late.most);
}

TEST_HARNESS_MAIN
