/* SPDX-License-Identifier: GPL-2.0-only */
/* What the tests of sources share: a source of one's own, and an open file of it. */
#ifndef EVNOTIFY_TEST_SOURCE_H
#define EVNOTIFY_TEST_SOURCE_H

#include "evnotify_test.h"

#define RING		256
/* Files that may have a source open */
#define MOST_FILES	64
/* Signals that an eventfd is owed at most */
#define MOST_OWED	65535

/* A source of one's own, and an open file of it */
FIXTURE(source)
{
	int sim;
	int fd;
	char name[NAME_SIZE];
};

FIXTURE_SETUP(source)
{
	self->sim = open_sim(_metadata);
	self->fd = sim_new(self->sim, 0, self->name);
	ASSERT_LE(0, self->fd);
}

/* Whatever a test did with it, its counters balance. */
FIXTURE_TEARDOWN(source)
{
	struct source_counters c = source_counters(self->fd);

	EXPECT_TRUE(balanced(counters(self->fd)));
	EXPECT_LE(c.taken, c.raised);
	EXPECT_LE(c.lost, c.taken);
	close(self->sim);
	EXPECT_EQ(0, close(self->fd));
}

/* Another open file of a source */
static inline int open_source(const char *name, int flags)
{
	char path[64];

	snprintf(path, sizeof(path), "/dev/%s", name);
	return open(path, flags | O_RDWR | O_CLOEXEC);
}

/* So many of the events that were raised have been taken, and all that follows from it is over. */
static inline bool settled(int fd, unsigned long long taken)
{
	return UNTIL(source_counters(fd).taken == taken && !counters(fd).completing);
}

/* The source goes, as hardware that is pulled out. */
static inline void unplug(int *sim)
{
	close(*sim);
	*sim = -1;
}

/* Every record that is to come, until the source is gone; how many, or -errno */
static inline int read_to_the_end(int fd, struct evnotify_event *events, int room)
{
	int n = 0, ret;

	do {
		if (!readable(fd, PATIENCE_MS))
			return -ETIMEDOUT;
		ret = read_some(fd, events + n, room - n);
		n += ret > 0 ? ret : 0;
	} while (ret > 0 && n < room);
	return ret == -ENODEV ? n : ret < 0 ? ret : -EOVERFLOW;
}

static inline void ignore_signal(int signo)
{
	(void)signo;
}

/* A handler runs in a thread that is blocked in WAIT. */
static inline bool interrupt(struct waiter *w)
{
	struct sigaction action = { .sa_handler = ignore_signal };

	sigaction(SIGUSR1, &action, NULL);
	return waiter_blocked(w) && !pthread_kill(w->thread, SIGUSR1) &&
	       waiter_join(w) == -EINTR;
}

#endif /* EVNOTIFY_TEST_SOURCE_H */
