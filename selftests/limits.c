// SPDX-License-Identifier: GPL-2.0-only
/* What an instance can hold, what happens when it is full, and who pays for the memory. */
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <linux/magic.h>

#define NO_INSTANCE
#include "evnotify_test.h"

#define MAX_REQUESTS	"/sys/module/evnotify/parameters/max_requests"
#define MAX_USER_REQUESTS "/sys/module/evnotify/parameters/max_user_requests"
#define LIMIT		100

/* An instance that holds LIMIT requests: the parameter counts when the device is opened. */
FIXTURE(limited)
{
	int fd;
	int efd;
};

static int read_file(const char *path, char *text, int size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = read(fd, text, size - 1);

	close(fd);
	if (n < 0)
		return -errno;
	text[n] = '\0';
	return 0;
}

FIXTURE_SETUP(limited)
{
	struct evnotify_info info;
	char before[32];
	int ret;

	close(open_device(_metadata, O_RDWR));
	ASSERT_EQ(0, read_file(MAX_REQUESTS, before, sizeof(before)));
	ret = write_text(MAX_REQUESTS, "100");
	if (ret == -EACCES)
		SKIP(return, "only root can set " MAX_REQUESTS);
	ASSERT_EQ(0, ret);
	self->fd = open(DEVICE, O_RDWR | O_CLOEXEC);
	ASSERT_EQ(0, write_text(MAX_REQUESTS, before));
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, call(self->fd, EVNOTIFY_IOC_INFO, &info));
	ASSERT_EQ(LIMIT, info.max_requests);
	self->efd = eventfd(0, EFD_NONBLOCK);
}

FIXTURE_TEARDOWN(limited)
{
	EXPECT_TRUE(balanced(counters(self->fd)));
	close(self->fd);
}

/* Takes up all but so many places with requests that do not expire; the id of the last. */
static __u64 fill(int fd, int but)
{
	struct evnotify_request reqs[LIMIT];
	int i;

	for (i = 0; i < LIMIT; i++)
		reqs[i] = pending_in(FAR_NS, i);
	return arm_many(fd, reqs, LIMIT - but) == LIMIT - but ? reqs[LIMIT - but - 1].id : 0;
}

TEST_F(limited, a_full_instance_refuses)
{
	struct evnotify_request req = pending_in(FAR_NS, 0);
	struct evnotify_wait wait = { .request = req };

	ASSERT_NE(0, fill(self->fd, 0));
	EXPECT_EQ(-ENOSPC, arm(self->fd, &req));
	EXPECT_EQ(0, req.id);
	EXPECT_EQ(-ENOSPC, call(self->fd, EVNOTIFY_IOC_WAIT, &wait));
	EXPECT_EQ(-1, write(self->fd, &req, sizeof(req)));
	EXPECT_EQ(ENOSPC, errno);
	req = eventfd_in(FAR_NS, self->efd);
	EXPECT_EQ(-ENOSPC, arm(self->fd, &req));
	EXPECT_COUNTERS(self->fd, LIMIT, 0, 0, LIMIT, 0);

	/* what is wrong with a request comes before that */
	req.eventfd = -1;
	EXPECT_EQ(-EBADF, arm(self->fd, &req));
	req.flags = ~0U;
	EXPECT_EQ(-EINVAL, arm(self->fd, &req));
}

/* Full is full, also where there is no record left and no memory for more. */
TEST_F(limited, full_is_not_out_of_memory)
{
	int fd, limit, nth = open("/proc/thread-self/fail-nth", O_WRONLY | O_CLOEXEC);
	struct evnotify_request req = pending_in(FAR_NS, 0);
	char before[32], text[16];

	ASSERT_EQ(0, read_file(MAX_REQUESTS, before, sizeof(before)));
	/* the records come in chunks: one of these limits ends with one */
	for (limit = 1; limit <= 40; limit++) {
		snprintf(text, sizeof(text), "%d", limit);
		ASSERT_EQ(0, write_text(MAX_REQUESTS, text));
		fd = open(DEVICE, O_RDWR | O_CLOEXEC);
		ASSERT_EQ(0, write_text(MAX_REQUESTS, before));
		while (!arm(fd, &req))
			;
		EXPECT_EQ(limit, counters(fd).armed);
		if (nth >= 0)
			ASSERT_EQ(1, write(nth, "1", 1));
		EXPECT_EQ(-ENOSPC, arm(fd, &req));
		/* if no allocation took it, the failure is for this write, and over */
		if (nth >= 0 && write(nth, "0", 1) != 1)
			ASSERT_EQ(EFAULT, errno);
		close(fd);
	}
}

TEST_F(limited, a_batch_ends_where_it_is_full)
{
	struct evnotify_request reqs[LIMIT + 50];
	struct evnotify_event events[LIMIT];
	int i;

	for (i = 0; i < LIMIT + 50; i++)
		reqs[i] = pending_in(FAR_NS, i);
	EXPECT_EQ(LIMIT - 1, arm_many(self->fd, reqs, LIMIT - 1));
	EXPECT_EQ(sizeof(reqs[0]), write(self->fd, reqs, sizeof(reqs)));
	EXPECT_COUNTERS(self->fd, LIMIT, 0, 0, LIMIT, 0);
	EXPECT_EQ(LIMIT, cancel_all(self->fd));
	EXPECT_EQ(LIMIT, read_some(self->fd, events, LIMIT));
	EXPECT_EQ(LIMIT, arm_many(self->fd, reqs, LIMIT + 50));
}

TEST_F(limited, unread_records_keep_their_place)
{
	struct evnotify_request req = pending_in(FAR_NS, 0);
	struct evnotify_event event;

	ASSERT_NE(0, fill(self->fd, 0));
	EXPECT_EQ(LIMIT, cancel_all(self->fd));
	EXPECT_COUNTERS(self->fd, LIMIT, 0, LIMIT, 0, LIMIT);
	EXPECT_EQ(-ENOSPC, arm(self->fd, &req));
	ASSERT_EQ(1, read_some(self->fd, &event, 1));
	EXPECT_EQ(0, arm(self->fd, &req));
	EXPECT_EQ(-ENOSPC, arm(self->fd, &req));
}

TEST_F(limited, an_eventfd_request_leaves_its_place_when_it_ends)
{
	struct evnotify_request req = eventfd_in(0, self->efd);
	int i;

	ASSERT_NE(0, fill(self->fd, 1));
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, arm(self->fd, &req));
		ASSERT_TRUE(readable(self->efd, PATIENCE_MS));
		EXPECT_EQ(1, eventfd_take(self->efd));
		/* signalled a moment before it is let go */
		req.due_ns = FAR_NS;
		ASSERT_TRUE(UNTIL(!arm(self->fd, &req)));
		EXPECT_EQ(-ENOSPC, arm(self->fd, &(struct evnotify_request) { .due_ns = 1 }));
		EXPECT_EQ(0, cancel(self->fd, req.id));
		req.due_ns = 0;
	}
}

TEST_F(limited, a_wait_leaves_its_place_when_it_returns)
{
	struct evnotify_wait wait = { .request = pending_in(0, 0) };
	int i;

	ASSERT_NE(0, fill(self->fd, 1));
	for (i = 0; i < 5; i++)
		EXPECT_EQ(0, call(self->fd, EVNOTIFY_IOC_WAIT, &wait));
	EXPECT_COUNTERS(self->fd, LIMIT + 4, 5, 0, LIMIT - 1, 0);
}

TEST_F(limited, a_periodic_request_takes_one_place)
{
	struct evnotify_request req = pending_in(NSEC_PER_MSEC, 0);
	struct evnotify_event event;
	int i;

	ASSERT_NE(0, fill(self->fd, 1));
	req.period_ns = NSEC_PER_MSEC;
	ASSERT_EQ(0, arm(self->fd, &req));
	for (i = 0; i < 5; i++) {
		ASSERT_EQ(0, read_events(self->fd, &event, 1));
		EXPECT_EQ(req.id, event.id);
	}
	EXPECT_EQ(-ENOSPC, arm(self->fd, &(struct evnotify_request) { .due_ns = 1 }));
}

TEST_F(limited, another_instance_has_its_own_places)
{
	int other = open_device(_metadata, O_RDWR);

	ASSERT_NE(0, fill(self->fd, 0));
	EXPECT_NE(0, fill(other, 0));
	EXPECT_NE(0, fill(other, 0));
	EXPECT_COUNTERS(other, 2 * LIMIT, 0, 0, 2 * LIMIT, 0);
	close(other);
}

struct taker {
	pthread_t thread;
	pthread_barrier_t *start;
	int fd, wanted, taken;
};

static void *taker_main(void *arg)
{
	struct taker *t = arg;
	struct evnotify_request reqs[LIMIT];
	int i;

	for (i = 0; i < LIMIT; i++)
		reqs[i] = pending_in(FAR_NS, i);
	pthread_barrier_wait(t->start);
	t->taken = arm_many(t->fd, reqs, t->wanted);
	return NULL;
}

/* There is room for all, whichever thread makes the instance grow to its limit. */
TEST_F(limited, threads_find_the_last_places)
{
	const __u64 until = now_ns(CLOCK_MONOTONIC) + 2 * NSEC_PER_SEC;
	struct taker takers[] = { { .wanted = 70 }, { .wanted = 15 }, { .wanted = 15 } };
	pthread_barrier_t start;
	char before[32];
	size_t i;
	int fd;

	ASSERT_EQ(0, pthread_barrier_init(&start, NULL, ARRAY_SIZE(takers)));
	ASSERT_EQ(0, read_file(MAX_REQUESTS, before, sizeof(before)));
	ASSERT_EQ(0, write_text(MAX_REQUESTS, "100"));
	do {
		fd = open(DEVICE, O_RDWR | O_CLOEXEC);
		for (i = 0; i < ARRAY_SIZE(takers); i++) {
			takers[i].fd = fd;
			takers[i].start = &start;
			pthread_create(&takers[i].thread, NULL, taker_main, &takers[i]);
		}
		for (i = 0; i < ARRAY_SIZE(takers); i++) {
			pthread_join(takers[i].thread, NULL);
			EXPECT_EQ(takers[i].wanted, takers[i].taken);
		}
		EXPECT_TRUE(balanced(counters(fd)));
		close(fd);
	} while (__test_passed(_metadata) && now_ns(CLOCK_MONOTONIC) < until);
	EXPECT_EQ(0, write_text(MAX_REQUESTS, before));
}

TEST_F(limited, ids_are_never_used_again)
{
	enum { N = 5 * LIMIT };
	struct evnotify_request req;
	struct evnotify_event event;
	__u64 ids[N];
	int i, j;

	ASSERT_NE(0, fill(self->fd, 1));
	for (i = 0; i < N; i++) {
		req = pending_in(FAR_NS, i);
		ASSERT_EQ(0, arm(self->fd, &req));
		ids[i] = req.id;
		ASSERT_EQ(0, cancel(self->fd, req.id));
		ASSERT_EQ(1, read_some(self->fd, &event, 1));
		ASSERT_EQ(req.id, event.id);
	}
	for (i = 0; i < N; i++) {
		EXPECT_EQ(-EALREADY, cancel(self->fd, ids[i]));
		EXPECT_EQ(-EALREADY, update(self->fd, ids[i], 0, 0));
		for (j = 0; j < i; j++)
			ASSERT_NE(ids[j], ids[i]);
	}
	EXPECT_COUNTERS(self->fd, LIMIT - 1 + N, 0, N, LIMIT - 1, 0);
}

/* --- the requests of a user ------------------------------------------------------------ */

/* Files that hold 20 requests: 8 inside, which do not count for the user, and 12 that do. */
#define HOLDS	20
#define INSIDE	8
#define COUNTED	(HOLDS - INSIDE)
#define USER	1000

/* A user who may have three of them filled; who is root may have more. */
FIXTURE(user)
{
	char limit[32], quota[32];
	struct stat node;
};

FIXTURE_SETUP(user)
{
	close(open_device(_metadata, O_RDWR));
	if (geteuid())
		SKIP(return, "only root can become others");
	ASSERT_EQ(0, read_file(MAX_REQUESTS, self->limit, sizeof(self->limit)));
	ASSERT_EQ(0, read_file(MAX_USER_REQUESTS, self->quota, sizeof(self->quota)));
	ASSERT_EQ(0, write_text(MAX_REQUESTS, "20"));
	ASSERT_EQ(0, write_text(MAX_USER_REQUESTS, "36"));
	ASSERT_EQ(0, stat(DEVICE, &self->node));
	ASSERT_EQ(0, chmod(DEVICE, 0666));
	ASSERT_EQ(0, seteuid(USER));
}

FIXTURE_TEARDOWN(user)
{
	EXPECT_EQ(0, seteuid(0));
	EXPECT_EQ(0, write_text(MAX_REQUESTS, self->limit));
	EXPECT_EQ(0, write_text(MAX_USER_REQUESTS, self->quota));
	EXPECT_EQ(0, chmod(DEVICE, self->node.st_mode & 07777));
}

/* Arms as many as there is room for, in as many calls as that takes: how many. */
static int arm_all(int fd)
{
	struct evnotify_request req = pending_in(FAR_NS, 0);
	int n = 0;

	while (!arm(fd, &req))
		n++;
	return n;
}

/* A new file in which so many can be armed; its descriptor */
#define open_with(expected) ({						\
	int _fd = open_device(_metadata, O_RDWR);			\
									\
	EXPECT_EQ(expected, arm_all(_fd));				\
	_fd;								\
})

TEST_F(user, has_so_many_in_all_files)
{
	struct evnotify_request reqs[HOLDS];
	struct iovec iov = { reqs, sizeof(reqs) };
	struct evnotify_wait wait = { .request = pending_in(FAR_NS, 0) };
	int i, fds[5], efd = eventfd(0, 0);

	for (i = 0; i < HOLDS; i++)
		reqs[i] = pending_in(FAR_NS, i);
	for (i = 0; i < 3; i++)
		fds[i] = open_with(HOLDS);
	EXPECT_EQ(-ENOSPC, arm(fds[0], reqs));

	/* a batch ends before it, and then it is said */
	fds[3] = open_device(_metadata, O_RDWR);
	EXPECT_EQ(INSIDE, arm_many(fds[3], reqs, HOLDS));
	EXPECT_EQ(-EDQUOT, arm_many(fds[3], reqs, HOLDS));
	EXPECT_EQ(-1, write(fds[3], reqs, sizeof(reqs)));
	EXPECT_EQ(EDQUOT, errno);
	EXPECT_EQ(-1, pwritev2(fds[3], &iov, 1, -1, RWF_NOWAIT));
	EXPECT_EQ(EDQUOT, errno);
	EXPECT_EQ(-EDQUOT, call(fds[3], EVNOTIFY_IOC_WAIT, &wait));
	EXPECT_EQ(-EDQUOT, arm(fds[3], &(struct evnotify_request) {
		.due_ns = FAR_NS, .mode = EVNOTIFY_MODE_EVENTFD, .eventfd = efd,
		.clockid = CLOCK_MONOTONIC }));
	EXPECT_COUNTERS(fds[3], INSIDE, 0, 0, INSIDE, 0);
	/* what is wrong with a request comes before that */
	reqs[0].flags = ~0U;
	EXPECT_EQ(-EINVAL, arm(fds[3], reqs));
	fds[4] = open_with(INSIDE);

	/* a file keeps what it has taken until it is closed */
	EXPECT_EQ(HOLDS, cancel_all(fds[0]));
	EXPECT_EQ(-EDQUOT, call(fds[3], EVNOTIFY_IOC_WAIT, &wait));
	close(fds[0]);
	EXPECT_EQ(COUNTED, arm_all(fds[3]));
	EXPECT_EQ(0, arm_all(fds[4]));
	for (i = 1; i < 5; i++)
		close(fds[i]);
	/* a chunk that does not fit as a whole is not taken */
	EXPECT_EQ(0, seteuid(0));
	EXPECT_EQ(0, write_text(MAX_USER_REQUESTS, "35"));
	EXPECT_EQ(0, seteuid(USER));
	open_with(HOLDS);
	open_with(HOLDS);
	open_with(INSIDE);
}

TEST_F(user, does_not_touch_others)
{
	int i, users;

	for (i = 0; i < 3; i++)
		open_with(HOLDS);
	users = open_with(INSIDE);
	EXPECT_EQ(0, seteuid(0));
	EXPECT_EQ(0, seteuid(USER + 1));
	for (i = 0; i < 3; i++)
		open_with(HOLDS);
	/* whose file it is decides, not who arms */
	EXPECT_EQ(0, arm_all(users));
	EXPECT_EQ(0, seteuid(0));
	for (i = 0; i < 5; i++)
		open_with(HOLDS);
	/* but who is entitled to more is so in any file */
	EXPECT_EQ(COUNTED, arm_all(users));
}

struct grower {
	pthread_t thread;
	pthread_barrier_t *start;
	int fd, taken;
};

static void *grower_main(void *arg)
{
	struct grower *g = arg;
	struct evnotify_request reqs[HOLDS / 2];
	int i;

	for (i = 0; i < HOLDS / 2; i++)
		reqs[i] = pending_in(FAR_NS, i);
	pthread_barrier_wait(g->start);
	g->taken = arm_many(g->fd, reqs, HOLDS / 2);
	return NULL;
}

/* Each of three files is filled by two threads: there is room for all, and for no more. */
TEST_F(user, has_room_for_all_threads)
{
	const __u64 until = now_ns(CLOCK_MONOTONIC) + 2 * NSEC_PER_SEC;
	struct grower growers[6];
	pthread_barrier_t start;
	int i, fds[3];

	ASSERT_EQ(0, pthread_barrier_init(&start, NULL, ARRAY_SIZE(growers)));
	/* as long as the user has a file, what was counted wrong adds up */
	open_device(_metadata, O_RDWR);
	do {
		for (i = 0; i < 3; i++)
			fds[i] = open_device(_metadata, O_RDWR);
		for (i = 0; i < 6; i++) {
			growers[i].fd = fds[i / 2];
			growers[i].start = &start;
			pthread_create(&growers[i].thread, NULL, grower_main, &growers[i]);
		}
		for (i = 0; i < 6; i++) {
			pthread_join(growers[i].thread, NULL);
			EXPECT_EQ(HOLDS / 2, growers[i].taken);
		}
		close(open_with(INSIDE));
		for (i = 0; i < 3; i++)
			close(fds[i]);
	} while (__test_passed(_metadata) && now_ns(CLOCK_MONOTONIC) < until);
	for (i = 0; i < 3; i++)
		open_with(HOLDS);
	open_with(INSIDE);
}

/* --- memory --------------------------------------------------------------------------- */

#define CGROUPS	"/sys/fs/cgroup"
#define GROUP	CGROUPS "/evnotify-selftest"

static long memory_used(void)
{
	char text[64];

	return read_file(GROUP "/memory.current", text, sizeof(text)) ? -1 : atol(text);
}

/* A memory cgroup that has this process, and nothing else */
FIXTURE(memory)
{
};

FIXTURE_SETUP(memory)
{
	struct statfs fs;

	close(open_device(_metadata, O_RDWR));
	if (statfs(CGROUPS, &fs) || fs.f_type != CGROUP2_SUPER_MAGIC)
		SKIP(return, "no cgroup2 at " CGROUPS);
	if (write_text(CGROUPS "/cgroup.subtree_control", "+memory"))
		SKIP(return, "no memory controller in the cgroups at " CGROUPS);
	ASSERT_TRUE(!mkdir(GROUP, 0755) || errno == EEXIST);
	ASSERT_EQ(0, write_text(GROUP "/cgroup.procs", "0"));
}

FIXTURE_TEARDOWN(memory)
{
	EXPECT_EQ(0, write_text(CGROUPS "/cgroup.procs", "0"));
	EXPECT_EQ(0, rmdir(GROUP));
}

TEST_F(memory, is_charged_to_who_arms)
{
	enum { N = 50000 };
	struct evnotify_request *reqs = calloc(N, sizeof(*reqs));
	long before, armed, closed;
	int fd, i, n;

	ASSERT_NE(NULL, reqs);
	for (i = 0; i < N; i++)
		reqs[i] = pending_in(FAR_NS, i);
	fd = open_device(_metadata, O_RDWR);
	before = memory_used();
	for (i = 0; i < N; i += n) {
		n = arm_many(fd, reqs + i, N - i);
		ASSERT_LT(0, n);
	}
	armed = memory_used();
	ASSERT_EQ(0, close(fd));
	closed = memory_used();

	ksft_print_msg("%ld bytes for %d requests, %ld after close\n", armed - before, N,
		       closed - before);
	/* at least what a request consists of; memory.current is some pages behind */
	EXPECT_LT(64L * N, armed - before);
	EXPECT_GT((armed - before) / 2, closed - before);
}

TEST_F(memory, is_charged_to_who_opens)
{
	enum { N = 1000 };
	const struct rlimit files = { 2 * N, 2 * N };
	long before;
	int i;

	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &files));
	before = memory_used();
	for (i = 0; i < N; i++)
		open_device(_metadata, O_RDWR);
	ksft_print_msg("%ld bytes for %d files\n", memory_used() - before, N);
	/* any open file is charged with some 300; the instance has 1,500 and more */
	EXPECT_LT(1500L * N, memory_used() - before);
}

TEST_F(memory, comes_back)
{
	enum { N = 1000 };
	struct evnotify_request reqs[40];
	long before;
	int i, fd;

	for (i = 0; i < 40; i++)
		reqs[i] = pending_in(FAR_NS, i);
	before = memory_used();
	for (i = 0; i < N; i++) {
		fd = open_device(_metadata, O_RDWR);
		ASSERT_EQ(40, arm_many(fd, reqs, 40));
		ASSERT_EQ(0, close(fd));
	}
	ksft_print_msg("%ld bytes left by %d files\n", memory_used() - before, N);
	/* a page each would be 4 million */
	EXPECT_GT(1000L * N, memory_used() - before);
}

TEST_HARNESS_MAIN
