// SPDX-License-Identifier: GPL-2.0-only
/*
 * evnotify-sim: a source of one's own, which plays what is written to it. What NEW and write()
 * refuse; when events are raised; what is left of a CPU to others.
 */
#include <sched.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define NO_INSTANCE
#include "evnotify_test.h"

#define MAX_DELAY	((1ULL << 51) - 1)
/* Sims that there can be */
#define MOST_SIMS	1024
#define MAX_USER_INSTANCES "/sys/module/evnotify/parameters/max_user_instances"

FIXTURE(sim)
{
	int sim;
};

FIXTURE_SETUP(sim)
{
	self->sim = open_sim(_metadata);
}

FIXTURE_TEARDOWN(sim)
{
	close(self->sim);
}

static ssize_t play(int sim, const struct evnotify_sim_step *steps, size_t count)
{
	ssize_t n = write(sim, steps, count * sizeof(*steps));

	return n < 0 ? -errno : n / (ssize_t)sizeof(*steps);
}

/* --- NEW ------------------------------------------------------------------------------ */

TEST(layout_never_changes)
{
	EXPECT_EQ(64, sizeof(struct evnotify_sim_new));
	EXPECT_EQ(0, offsetof(struct evnotify_sim_new, flags));
	EXPECT_EQ(4, offsetof(struct evnotify_sim_new, fd));
	EXPECT_EQ(8, offsetof(struct evnotify_sim_new, name));
	EXPECT_EQ(40, offsetof(struct evnotify_sim_new, __reserved));
	EXPECT_EQ(16, sizeof(struct evnotify_sim_step));
	EXPECT_EQ(0, offsetof(struct evnotify_sim_step, delay_ns));
	EXPECT_EQ(8, offsetof(struct evnotify_sim_step, data));
	EXPECT_EQ(0xc040ed0f, EVNOTIFY_SIM_IOC_NEW);
	EXPECT_EQ(4096, EVNOTIFY_SIM_MAX_STEPS);
}

TEST_F(sim, new_gives_an_open_file)
{
	struct evnotify_sim_new args;
	struct evnotify_info info;
	char path[64];
	struct stat node;
	unsigned int i;
	int fd;

	memset(&args, 0, sizeof(args));
	memset(args.name, POISON, sizeof(args.name));
	args.fd = -7;
	ASSERT_EQ(0, call(self->sim, EVNOTIFY_SIM_IOC_NEW, &args));
	ASSERT_LE(0, args.fd);
	EXPECT_EQ(0, fcntl(args.fd, F_GETFD));
	EXPECT_EQ(O_RDWR, fcntl(args.fd, F_GETFL) & (O_ACCMODE | O_NONBLOCK));
	EXPECT_EQ(0, strncmp("evnotify-sim", args.name, 12));
	/* nothing of the kernel's behind the name */
	ASSERT_NE(NULL, memchr(args.name, 0, sizeof(args.name)));
	for (i = strlen(args.name); i < sizeof(args.name); i++)
		EXPECT_EQ(0, args.name[i]);
	EXPECT_EQ(0, call(args.fd, EVNOTIFY_IOC_INFO, &info));
	EXPECT_TRUE(info.features & EVNOTIFY_FEATURE_HAS_SOURCE);
	/* the node is there already */
	snprintf(path, sizeof(path), "/dev/%s", args.name);
	ASSERT_EQ(0, stat(path, &node));
	EXPECT_TRUE(S_ISCHR(node.st_mode));
	fd = open(path, O_RDWR);
	EXPECT_LE(0, fd);
	close(fd);
	close(args.fd);
}

TEST_F(sim, new_takes_flags_for_the_file)
{
	struct evnotify_sim_new args = { .flags = O_CLOEXEC | O_NONBLOCK };
	struct evnotify_event event;

	ASSERT_EQ(0, call(self->sim, EVNOTIFY_SIM_IOC_NEW, &args));
	EXPECT_EQ(FD_CLOEXEC, fcntl(args.fd, F_GETFD));
	EXPECT_TRUE(fcntl(args.fd, F_GETFL) & O_NONBLOCK);
	EXPECT_EQ(-EAGAIN, read_some(args.fd, &event, 1));
	close(args.fd);
}

TEST_F(sim, new_refuses_what_it_does_not_know)
{
	static const __u32 flags[] = { 1, O_APPEND, O_NONBLOCK | O_DIRECT, 1U << 31, ~0U };
	struct evnotify_sim_new args, before;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(flags) + ARRAY_SIZE(args.__reserved); i++) {
		memset(&args, 0, sizeof(args));
		args.fd = -7;
		if (i < ARRAY_SIZE(flags))
			args.flags = flags[i];
		else
			args.__reserved[i - ARRAY_SIZE(flags)] = 1ULL << 63;
		before = args;
		EXPECT_EQ(-EINVAL, call(self->sim, EVNOTIFY_SIM_IOC_NEW, &args));
		EXPECT_EQ(0, memcmp(&before, &args, sizeof(args)));
	}
	EXPECT_EQ(-EFAULT, call(self->sim, EVNOTIFY_SIM_IOC_NEW, NULL));
	/* nothing has been made */
	EXPECT_EQ(-ENXIO, sim_raise(self->sim, 1, 0));
	i = sim_new(self->sim, 0, NULL);
	EXPECT_LE(0, (int)i);
	close(i);
}

/* Memory that can be read and not written: the source is not there afterwards. */
TEST_F(sim, new_that_cannot_tell_makes_nothing)
{
	const struct evnotify_sim_new *args = mmap(NULL, 4096, PROT_READ,
						   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int fd, lowest = dup(0), least;
	char name[NAME_SIZE];

	ASSERT_NE(MAP_FAILED, args);
	close(lowest);
	EXPECT_EQ(-EFAULT, call(self->sim, EVNOTIFY_SIM_IOC_NEW, (void *)args));
	EXPECT_EQ(-ENXIO, sim_raise(self->sim, 1, 0));
	/* nor is a descriptor taken */
	least = dup(0);
	EXPECT_EQ(lowest, least);
	close(least);
	fd = sim_new(self->sim, 0, name);
	EXPECT_EQ(lowest, fd);
	close(fd);
}

TEST_F(sim, a_file_makes_one)
{
	int fd = sim_new(self->sim, 0, NULL);
	struct evnotify_request req = event_request(0, 0);
	struct evnotify_event event;

	ASSERT_LE(0, fd);
	EXPECT_EQ(-EBUSY, sim_new(self->sim, 0, NULL));
	ASSERT_EQ(0, arm(fd, &req));
	ASSERT_EQ(1, sim_raise(self->sim, 1, 3));
	ASSERT_EQ(0, read_events(fd, &event, 1));
	EXPECT_EVENT(&event, 3, 0);
	/* nor another when the first one's file is closed: the source stays */
	close(fd);
	EXPECT_EQ(-EBUSY, sim_new(self->sim, 0, NULL));
	EXPECT_EQ(1, sim_raise(self->sim, 1, 0));
}

TEST_F(sim, a_number_is_used_again)
{
	char first[NAME_SIZE], second[NAME_SIZE], third[NAME_SIZE];
	int sims[2] = { open_sim(_metadata), open_sim(_metadata) };
	int fds[3];

	fds[0] = sim_new(sims[0], 0, first);
	fds[1] = sim_new(sims[1], 0, second);
	ASSERT_LE(0, fds[0]);
	ASSERT_LE(0, fds[1]);
	EXPECT_STRNE(first, second);
	close(sims[0]);
	fds[2] = sim_new(self->sim, 0, third);
	EXPECT_STREQ(first, third);
	/* though the old one is open still, it is not this one */
	EXPECT_EQ(1, sim_raise(self->sim, 1, 0));
	EXPECT_SOURCE_COUNTERS(fds[0], 0, 0, 0);
	EXPECT_SOURCE_COUNTERS(fds[2], 1, 0, 0);
	close(sims[1]);
	close(fds[0]);
	close(fds[1]);
	close(fds[2]);
}

struct racer {
	pthread_t thread;
	pthread_barrier_t *barrier;
	int sim;
	int ret;
};

static void *racer_main(void *arg)
{
	struct racer *r = arg;

	pthread_barrier_wait(r->barrier);
	r->ret = sim_new(r->sim, 0, NULL);
	return NULL;
}

TEST_F(sim, of_two_at_once_one_makes_it)
{
	pthread_barrier_t barrier;
	struct racer r[2];
	int i, round, sim, made, busy;

	pthread_barrier_init(&barrier, NULL, 2);
	for (round = 0; round < 20; round++) {
		sim = open_sim(_metadata);
		for (i = 0; i < 2; i++) {
			r[i] = (struct racer){ .barrier = &barrier, .sim = sim };
			ASSERT_EQ(0, pthread_create(&r[i].thread, NULL, racer_main, &r[i]));
		}
		for (made = busy = i = 0; i < 2; i++) {
			pthread_join(r[i].thread, NULL);
			made += r[i].ret >= 0;
			busy += r[i].ret == -EBUSY;
			if (r[i].ret >= 0)
				close(r[i].ret);
		}
		EXPECT_EQ(1, made);
		EXPECT_EQ(1, busy);
		close(sim);
	}
}

TEST_F(sim, knows_no_other_call)
{
	struct evnotify_info info;
	char byte;

	EXPECT_EQ(-ENOTTY, call(self->sim, EVNOTIFY_IOC_INFO, &info));
	EXPECT_EQ(-ENOTTY, call(self->sim, _IO(0xed, 0x0f), &info));
	EXPECT_EQ(-ENOTTY, call(self->sim, _IOWR(0xed, 0x10, struct evnotify_sim_new), &info));
	EXPECT_EQ(-1, read(self->sim, &byte, 1));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, lseek(self->sim, 0, SEEK_SET));
	EXPECT_EQ(ESPIPE, errno);
}

/* --- write() -------------------------------------------------------------------------- */

TEST_F(sim, write_is_refused)
{
	static struct evnotify_sim_step steps[EVNOTIFY_SIM_MAX_STEPS + 1];
	const struct evnotify_sim_step *nowhere = mmap(NULL, 4096, PROT_NONE,
						       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int fd;

	ASSERT_NE(MAP_FAILED, nowhere);
	/* before NEW; a size comes first */
	EXPECT_EQ(-ENXIO, play(self->sim, steps, 1));
	EXPECT_EQ(-EINVAL, play(self->sim, steps, 0));
	fd = sim_new(self->sim, 0, NULL);
	ASSERT_LE(0, fd);
	EXPECT_EQ(-EINVAL, play(self->sim, steps, 0));
	EXPECT_EQ(-1, write(self->sim, steps, sizeof(steps[0]) - 1));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-EINVAL, play(self->sim, steps, EVNOTIFY_SIM_MAX_STEPS + 1));
	EXPECT_EQ(-EFAULT, play(self->sim, nowhere, 1));
	/* a bad step anywhere: nothing is raised */
	steps[4000].delay_ns = MAX_DELAY + 1;
	EXPECT_EQ(-EINVAL, play(self->sim, steps, 4001));
	steps[4000].delay_ns = ~0ULL;
	EXPECT_EQ(-EINVAL, play(self->sim, steps, 4001));
	EXPECT_SOURCE_COUNTERS(fd, 0, 0, 0);
	EXPECT_EQ(4000, play(self->sim, steps, 4000));
	EXPECT_SOURCE_COUNTERS(fd, 4000, 0, 0);
	close(fd);
}

/* As write() of the device itself: whole steps, and what is left over is not looked at */
TEST_F(sim, write_takes_whole_steps)
{
	struct evnotify_sim_step steps[3] = {};
	int fd = sim_new(self->sim, 0, NULL);

	ASSERT_LE(0, fd);
	EXPECT_EQ((ssize_t)(2 * sizeof(steps[0])),
		  write(self->sim, steps, sizeof(steps) - 1));
	EXPECT_SOURCE_COUNTERS(fd, 2, 0, 0);
	close(fd);
}

/* It returns when the last is raised; each is raised after its delay, and none is early. */
TEST_F(sim, plays_the_steps_in_time)
{
	enum { N = 50 };
	struct evnotify_sim_step steps[N];
	struct evnotify_request reqs[N];
	struct evnotify_event events[N];
	int fd = sim_new(self->sim, 0, NULL), i;
	__u64 due = now_ns(CLOCK_MONOTONIC);

	ASSERT_LE(0, fd);
	for (i = 0; i < N; i++) {
		steps[i] = (struct evnotify_sim_step){ i % 10 * NSEC_PER_MSEC / 4, i };
		reqs[i] = event_request(i, 0);
	}
	ASSERT_EQ(N, arm_many(fd, reqs, N));
	ASSERT_EQ(N, play(self->sim, steps, N));
	ASSERT_EQ(0, read_events(fd, events, N));
	EXPECT_SOURCE_COUNTERS(fd, N, N, 0);
	for (i = 0; i < N; i++) {
		due += steps[i].delay_ns;
		EXPECT_EVENT(&events[i], i, 0);
		EXPECT_LE(due, events[i].expired_ns);
		EXPECT_LE(events[i].expired_ns, now_ns(CLOCK_MONOTONIC));
	}
	close(fd);
}

/* A step that is late makes the next one no later: its delay counts from when it was due. */
TEST_F(sim, makes_up_for_what_it_is_late)
{
	enum { N = 200 };
	const __u64 delay = 500 * NSEC_PER_USEC;
	struct evnotify_request req = event_request(0, EVNOTIFY_REPEAT);
	struct evnotify_sim_step steps[N];
	struct evnotify_event event;
	int fd = sim_new(self->sim, 0, NULL), i, early = 0;
	__u64 last = 0;

	ASSERT_LE(0, fd);
	for (i = 0; i < N; i++)
		steps[i] = (struct evnotify_sim_step){ delay, i };
	ASSERT_EQ(0, arm(fd, &req));
	ASSERT_EQ(N, play(self->sim, steps, N));
	for (i = 0; i < N; i++) {
		ASSERT_EQ(0, read_events(fd, &event, 1));
		EXPECT_EVENT(&event, i, 0);
		/* sooner after the one before it than that was after its own */
		early += i && event.expired_ns - last < delay;
		last = event.expired_ns;
	}
	EXPECT_LT(0, early);
	close(fd);
}

/* As many as there may be at once, and with that again: all are raised. */
TEST_F(sim, a_burst_loses_none)
{
	int fd = sim_new(self->sim, 0, NULL), efd = eventfd(0, EFD_NONBLOCK), i;
	struct evnotify_request req = event_to_eventfd(efd, EVNOTIFY_REPEAT);

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, arm(fd, &req));
	for (i = 1; i <= 4; i++) {
		ASSERT_EQ(EVNOTIFY_SIM_MAX_STEPS, sim_raise(self->sim, EVNOTIFY_SIM_MAX_STEPS, 0));
		EXPECT_EQ(i * EVNOTIFY_SIM_MAX_STEPS, source_counters(fd).raised);
	}
	EXPECT_EQ(4 * EVNOTIFY_SIM_MAX_STEPS, all_signals(fd, efd, 4 * EVNOTIFY_SIM_MAX_STEPS));
	close(efd);
	close(fd);
}

/* --- what interrupts it --------------------------------------------------------------- */

static void ignore_signal(int signo)
{
	(void)signo;
}

struct player {
	pthread_t thread;
	int sim;
	const struct evnotify_sim_step *steps;
	size_t count;
	volatile pid_t tid;
	ssize_t ret;
};

static void *player_main(void *arg)
{
	struct player *p = arg;

	p->tid = gettid();
	p->ret = play(p->sim, p->steps, p->count);
	return NULL;
}

static bool player_start(struct player *p)
{
	return !pthread_create(&p->thread, NULL, player_main, p) &&
	       UNTIL(p->tid && asleep(p->tid));
}

TEST_F(sim, interrupted_it_says_what_was_raised)
{
	static const struct evnotify_sim_step steps[] = {
		{ 0, 1 }, { 0, 2 }, { 0, 3 }, { MAX_DELAY, 4 }, { 0, 5 },
	};
	struct sigaction action = { .sa_handler = ignore_signal };
	struct player p = { .sim = self->sim, .steps = steps, .count = ARRAY_SIZE(steps) };
	int fd = sim_new(self->sim, 0, NULL);

	ASSERT_LE(0, fd);
	sigaction(SIGUSR1, &action, NULL);
	ASSERT_TRUE(player_start(&p));
	ASSERT_TRUE(UNTIL(source_counters(fd).raised == 3));
	pthread_kill(p.thread, SIGUSR1);
	pthread_join(p.thread, NULL);
	EXPECT_EQ(3, p.ret);
	EXPECT_SOURCE_COUNTERS(fd, 3, 0, 0);

	/* nothing yet */
	p = (struct player){ .sim = self->sim, .steps = steps + 3, .count = 2 };
	ASSERT_TRUE(player_start(&p));
	pthread_kill(p.thread, SIGUSR1);
	pthread_join(p.thread, NULL);
	EXPECT_EQ(-EINTR, p.ret);

	/* who waits for the other to end can be interrupted, too, and the next can play */
	p = (struct player){ .sim = self->sim, .steps = steps + 3, .count = 2 };
	ASSERT_TRUE(player_start(&p));
	{
		struct player q = p;

		q.tid = 0;
		ASSERT_TRUE(player_start(&q));
		pthread_kill(q.thread, SIGUSR1);
		pthread_join(q.thread, NULL);
		EXPECT_EQ(-EINTR, q.ret);
	}
	pthread_kill(p.thread, SIGUSR1);
	pthread_join(p.thread, NULL);
	EXPECT_EQ(-EINTR, p.ret);
	EXPECT_EQ(1, sim_raise(self->sim, 1, 0));
	EXPECT_SOURCE_COUNTERS(fd, 4, 0, 0);
	close(fd);
}

/* What was not played when it was interrupted is never. */
TEST_F(sim, interrupted_it_plays_no_more)
{
	static const struct evnotify_sim_step steps[] = {
		{ 0, 1 }, { 50 * NSEC_PER_MSEC, 2 }, { 0, 3 },
	};
	struct sigaction action = { .sa_handler = ignore_signal };
	struct player p = { .sim = self->sim, .steps = steps, .count = ARRAY_SIZE(steps) };
	struct evnotify_request marker = pending_in(2 * steps[1].delay_ns, 0);
	int fd = sim_new(self->sim, 0, NULL), attempts = 20;
	unsigned long long raised;
	struct evnotify_event event;

	ASSERT_LE(0, fd);
	sigaction(SIGUSR1, &action, NULL);
	/* a machine that is too slow has played all of it */
	do {
		raised = source_counters(fd).raised;
		ASSERT_EQ(0, pthread_create(&p.thread, NULL, player_main, &p));
		ASSERT_TRUE(UNTIL(source_counters(fd).raised > raised));
		pthread_kill(p.thread, SIGUSR1);
		pthread_join(p.thread, NULL);
	} while (p.ret != 1 && --attempts);
	ASSERT_EQ(1, p.ret);
	/* the time when it would have gone on goes by */
	ASSERT_EQ(0, arm(fd, &marker));
	ASSERT_EQ(0, read_events(fd, &event, 1));
	EXPECT_EQ(raised + 1, source_counters(fd).raised);
	close(fd);
}

/* Whoever plays dies in the midst of it: the source goes, and what waits for it learns that. */
TEST_F(sim, the_source_goes_with_its_player)
{
	static const struct evnotify_sim_step steps[] = { { 0, 1 }, { MAX_DELAY, 2 } };
	struct evnotify_request req = event_request(0, EVNOTIFY_REPEAT);
	struct evnotify_event event;
	int fd = sim_new(self->sim, 0, NULL), status;
	pid_t pid;

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, arm(fd, &req));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid)
		_exit(play(self->sim, steps, 2) == 2);
	ASSERT_EQ(0, read_events(fd, &event, 1));
	EXPECT_EVENT(&event, 1, 0);
	close(self->sim);
	self->sim = -1;
	EXPECT_FALSE(readable(fd, 0));
	kill(pid, SIGKILL);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	ASSERT_EQ(0, read_events(fd, &event, 1));
	EXPECT_EQ(-ENODEV, event.status);
	EXPECT_EQ(-ENODEV, read_some(fd, &event, 1));
	close(fd);
}

/* --- limits --------------------------------------------------------------------------- */

TEST_F(sim, there_can_be_so_many)
{
	struct rlimit files = { 2 * MOST_SIMS + 100, 2 * MOST_SIMS + 100 };
	static int sims[MOST_SIMS];
	int i, fd;

	if (setrlimit(RLIMIT_NOFILE, &files))
		SKIP(return, "not so many files: %s", strerror(errno));
	/* the first is there already */
	for (i = 1; i < MOST_SIMS; i++) {
		sims[i] = open(SIM_DEVICE, O_RDWR | O_CLOEXEC);
		ASSERT_LE(0, sims[i]);
	}
	EXPECT_EQ(-1, open(SIM_DEVICE, O_RDWR | O_CLOEXEC));
	EXPECT_EQ(ENOSPC, errno);
	close(sims[1]);
	sims[1] = open(SIM_DEVICE, O_RDWR | O_CLOEXEC);
	EXPECT_LE(0, sims[1]);
	/* the last of them works as the first */
	fd = sim_new(sims[MOST_SIMS - 1], 0, NULL);
	EXPECT_LE(0, fd);
	EXPECT_EQ(10, sim_raise(sims[MOST_SIMS - 1], 10, 0));
	EXPECT_SOURCE_COUNTERS(fd, 10, 0, 0);
	close(fd);
	for (i = 1; i < MOST_SIMS; i++)
		close(sims[i]);
}

static bool put(const char *path, const char *word)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool ok = fd >= 0 && write(fd, word, strlen(word)) > 0;

	close(fd);
	return ok;
}

/* A source takes a place of its user, as an open file does, for as long as it is there. */
static int takes_places(void)
{
	int sims[4], fd, i;

	if (setgid(1000) || setuid(1000))
		return 1;
	for (i = 0; i < 4; i++) {
		sims[i] = open(SIM_DEVICE, O_RDWR | O_CLOEXEC);
		if (sims[i] < 0)
			return 2;
	}
	for (i = 0; i < 3; i++) {
		fd = sim_new(sims[i], 0, NULL);
		if (fd < 0)
			return 3;
		close(fd);
	}
	if (sim_new(sims[3], 0, NULL) != -EMFILE || open(DEVICE, O_RDWR) >= 0 || errno != EMFILE)
		return 4;
	/* what failed has left nothing: it does not play, and succeeds later */
	if (sim_raise(sims[3], 1, 0) != -ENXIO)
		return 5;
	close(sims[0]);
	fd = sim_new(sims[3], 0, NULL);
	return fd < 0 || sim_raise(sims[3], 1, 0) != 1 ? 6 : 0;
}

TEST_F(sim, places_are_the_users)
{
	struct stat node, sim;
	int status;
	pid_t pid;

	if (geteuid())
		SKIP(return, "only root can become others");
	ASSERT_EQ(0, stat(DEVICE, &node));
	ASSERT_EQ(0, stat(SIM_DEVICE, &sim));
	ASSERT_EQ(0, chmod(DEVICE, 0666));
	ASSERT_EQ(0, chmod(SIM_DEVICE, 0666));
	ASSERT_TRUE(put(MAX_USER_INSTANCES, "3"));
	pid = fork();
	if (!pid)
		_exit(takes_places());
	EXPECT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_TRUE(put(MAX_USER_INSTANCES, "128"));
	EXPECT_EQ(0, chmod(DEVICE, node.st_mode & 07777));
	EXPECT_EQ(0, chmod(SIM_DEVICE, sim.st_mode & 07777));
}

/* --- what is left to others ----------------------------------------------------------- */

/*
 * Many play as fast as they can, on one CPU, more than there are slots for; a bystander computes
 * there.
 */
#define PLAYERS		16

/* Rounds of a bystander in half a second */
static unsigned long computed(void)
{
	__u64 end = now_ns(CLOCK_MONOTONIC) + NSEC_PER_SEC / 2;
	unsigned long rounds = 0;

	while (now_ns(CLOCK_MONOTONIC) < end)
		rounds++;
	return rounds;
}

TEST_F_TIMEOUT(sim, many_leave_a_bystander_its_share, 600)
{
	static struct evnotify_sim_step steps[EVNOTIFY_SIM_MAX_STEPS];
	struct rlimit files = { 1024, 1024 };
	unsigned long alone, left = 0, best = 0;
	pid_t players[PLAYERS];
	int i, n, status, round;

	setrlimit(RLIMIT_NOFILE, &files);
	stay_on(0);
	alone = computed();
	for (i = 0; i < PLAYERS; i++) {
		players[i] = fork_mortal();
		if (!players[i]) {
			int sim = open(SIM_DEVICE, O_RDWR | O_CLOEXEC), fd = sim_new(sim, 0, NULL);
			struct evnotify_request req = event_request(0, EVNOTIFY_REPEAT);

			if (fd < 0 || arm(fd, &req))
				_exit(1);
			for (n = 0; n < EVNOTIFY_SIM_MAX_STEPS; n++)
				steps[n].delay_ns = n % 2;
			while (play(sim, steps, EVNOTIFY_SIM_MAX_STEPS) > 0)
				;
			_exit(1);
		}
		ASSERT_LT(0, players[i]);
	}
	/* the host may spoil some rounds */
	for (round = 0; round < 5 && best < alone / 10; round++) {
		left = computed();
		best = left > best ? left : best;
	}
	printf("# %d sims: %.1f %% of a CPU is left\n", PLAYERS, best * 100.0 / alone);
	fflush(stdout);
	for (i = 0; i < PLAYERS; i++) {
		EXPECT_EQ(0, kill(players[i], SIGKILL));
		waitpid(players[i], &status, 0);
		EXPECT_TRUE(WIFSIGNALED(status));
	}
	EXPECT_LE(alone / 10, best);
}

TEST_HARNESS_MAIN
