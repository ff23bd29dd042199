/* SPDX-License-Identifier: GPL-2.0-only */
/* What a thread of torture.c does, at random: whatever a process can do to the device. */
#ifndef EVNOTIFY_TORTURE_OPS_H
#define EVNOTIFY_TORTURE_OPS_H

#include <stdatomic.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "torture.h"

#define SHARED		3		/* instances that all use; the last has a source */
#define SIMS		3		/* sources that come and go */
#define SLOTS		6		/* instances that a process uses */
#define IDS		64		/* ids that a thread remembers */
#define EPOLLS		64		/* epoll files of a thread that make signals longer */
#define ENTRIES		256		/* of a poll(), to the same end */
#define FLOOD		4096		/* requests that a thread arms in one call, now and then */

enum op {
	REGISTER, WRITE, WAIT, CANCEL, CANCEL_ALL, UPDATE, READ, POLL, OPEN, CLOSE, DUP,
	SEND_FD, RECEIVE_FD, FORK_KILL, FDINFO, FILL, UNLOAD, WAITERS, RAISE, UNPLUG, NR_OPS,
};

static const char * const names[NR_OPS] = {
	"register", "write", "wait", "cancel", "cancel all", "update", "read", "poll", "open",
	"close", "dup", "send fd", "receive fd", "fork and kill", "fdinfo", "fill", "unload",
	"more waiters", "raise", "unplug",
};

/* What has been done, which all processes count */
struct tally {
	atomic_ulong done[NR_OPS];
	atomic_ulong unbalanced;
	atomic_ulong full;		/* calls that met the limit of an instance */
	atomic_ulong unloaded;
};

static struct tally *tally;
static int sockets[2];
static atomic_int slots[SLOTS];
static int sim;			/* the source of the last shared instance */
static char source[64];		/* its node */
static atomic_int sims[SIMS];	/* others; -1: none yet */
static __u64 min_period = 1;

struct thread {
	__u64 random;
	int eventfd;
	__u64 ids[IDS];
	int epolls[EPOLLS];	/* 0: none */
};

static unsigned int pick(struct thread *t, unsigned int below)
{
	t->random ^= t->random >> 12;
	t->random ^= t->random << 25;
	t->random ^= t->random >> 27;
	return (t->random * 0x2545f4914f6cdd1dULL >> 33) % below;
}

static void random_request(struct thread *t, struct evnotify_request *q)
{
	static const int clocks[] = { CLOCK_MONOTONIC, CLOCK_BOOTTIME, CLOCK_REALTIME, CLOCK_TAI };
	static const __u64 times[] = {
		0, 1, 1000, 100 * NSEC_PER_USEC, NSEC_PER_MSEC, 10 * NSEC_PER_MSEC, FAR_NS,
	};

	memset(q, 0, sizeof(*q));
	q->clockid = clocks[pick(t, ARRAY_SIZE(clocks))];
	q->due_ns = times[pick(t, ARRAY_SIZE(times))];
	if (!pick(t, 4)) {
		q->flags = EVNOTIFY_ABSTIME;
		q->due_ns += now_ns(q->clockid);
	}
	if (!pick(t, 3)) {
		/* the shortest without end as well, though not all the time */
		q->period_ns = pick(t, 16) ? NSEC_PER_MSEC + pick(t, 1000) : min_period;
		q->count = pick(t, 5) ? 1 + pick(t, 1000) : 0;
	}
	if (pick(t, 2)) {
		q->mode = EVNOTIFY_MODE_EVENTFD;
		q->eventfd = t->eventfd;
	}
	/* good where there is a source; timeouts with one mode only */
	if (!pick(t, 3)) {
		q->flags |= EVNOTIFY_SOURCE;
		q->period_ns = 0;
		if (q->mode == EVNOTIFY_MODE_EVENTFD || pick(t, 2)) {
			q->flags &= ~EVNOTIFY_ABSTIME;
			q->due_ns = 0;
			q->flags |= pick(t, 2) ? EVNOTIFY_REPEAT : 0;
		}
		if (!(q->flags & EVNOTIFY_REPEAT))
			q->count = 0;
	}
}

static void send_fd(int fd)
{
	char control[CMSG_SPACE(sizeof(int))] = {}, byte = 0;
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	sendmsg(sockets[0], &msg, MSG_DONTWAIT);
}

static int receive_fd(void)
{
	char control[CMSG_SPACE(sizeof(int))] = {}, byte;
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	int fd;

	if (recvmsg(sockets[1], &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC) < 0 || !CMSG_FIRSTHDR(&msg))
		return -1;
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(fd));
	return fd;
}

/* Another descriptor for one of the private slots; who takes one out closes it. */
static void replace_slot(struct thread *t, int fd)
{
	int old = atomic_exchange(&slots[SHARED + pick(t, SLOTS - SHARED)], fd);

	if (old >= 0)
		close(old);
}

/* A source of one's own, for a private slot; the one before goes, with all who wait for it. */
static void unplug(struct thread *t)
{
	int new = open(SIM_DEVICE, O_RDWR | O_CLOEXEC), old;
	int fd = new < 0 ? -1 : sim_new(new, O_NONBLOCK, NULL);

	if (fd >= 0)
		replace_slot(t, fd);
	old = atomic_exchange(&sims[pick(t, SIMS)], new);
	if (old >= 0)
		close(old);
}

/* More than the instance takes, or than there is memory for */
static void fill(struct thread *t, int fd)
{
	static _Thread_local struct evnotify_request q[FLOOD];
	int i;

	for (i = 0; i < FLOOD; i++)
		q[i] = pending_in(pick(t, 2) ? FAR_NS : 0, i);
	for (i = 0; i < 2; i++)
		if (write(fd, q, sizeof(q)) < 0 && errno == ENOSPC)
			atomic_fetch_add(&tally->full, 1);
}

/* Whatever signals @fd from now on has more to wake up */
static void more_waiters(struct thread *t, int fd)
{
	static const unsigned int kinds[] = { 0, EPOLLET, EPOLLEXCLUSIVE };
	struct epoll_event event = { .events = EPOLLIN | kinds[pick(t, ARRAY_SIZE(kinds))] };
	struct pollfd entries[ENTRIES];
	int *epoll = &t->epolls[pick(t, EPOLLS)];
	int i;

	if (*epoll > 0)
		close(*epoll);
	*epoll = epoll_create1(EPOLL_CLOEXEC);
	epoll_ctl(*epoll, EPOLL_CTL_ADD, fd, &event);
	for (i = 0; i < ENTRIES; i++)
		entries[i] = (struct pollfd){ .fd = fd, .events = POLLIN };
	poll(entries, ENTRIES, pick(t, 2));
}

static void one_op(struct thread *t, bool may_fork);

static void fork_and_kill(struct thread *t)
{
	pid_t pid = fork_mortal();

	if (!pid) {
		t->random ^= 0x5555;
		for (;;)
			one_op(t, false);
	}
	if (pid > 0) {
		usleep(pick(t, 5000));	/* kill it somewhere in the middle */
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
}

static void one_op(struct thread *t, bool may_fork)
{
	struct evnotify_event events[32];
	struct evnotify_request q[16];
	enum op op = pick(t, NR_OPS);
	int fd = slots[pick(t, SLOTS)];
	int n = 1 + pick(t, ARRAY_SIZE(q));
	struct evnotify_update update = {};
	struct evnotify_wait wait;
	int i;

	for (i = 0; i < n; i++)
		random_request(t, &q[i]);
	switch (op) {
	case REGISTER:
		if (arm_many(fd, q, n) > 0)
			t->ids[pick(t, IDS)] = q[0].id;
		break;
	case WRITE:
		i = write(fd, q, n * sizeof(*q));
		break;
	case WAIT:
		wait.request = q[0];
		wait.request.mode = EVNOTIFY_MODE_PENDING;
		wait.request.eventfd = 0;
		wait.request.period_ns = 0;
		wait.request.count = 0;
		wait.request.flags &= ~EVNOTIFY_REPEAT;
		/* the alarm interrupts it: go on, or give up */
		while (call(fd, EVNOTIFY_IOC_WAIT, &wait) == -EINTR) {
			if (pick(t, 4))
				continue;
			cancel(fd, wait.request.id);
			break;
		}
		break;
	case CANCEL:
		cancel(fd, t->ids[pick(t, IDS)]);
		break;
	case CANCEL_ALL:
		if (!pick(t, 8))
			cancel_all(fd);
		break;
	case UPDATE:
		update.id = t->ids[pick(t, IDS)];
		update.due_ns = q[0].due_ns;
		update.flags = q[0].flags;
		update.period_ns = q[0].period_ns;
		update.count = q[0].count;
		call(fd, EVNOTIFY_IOC_UPDATE, &update);
		break;
	case READ:
		read_some(fd, events, 1 + pick(t, ARRAY_SIZE(events)));
		eventfd_take(t->eventfd);
		break;
	case POLL:
		readable(fd, pick(t, 2));
		break;
	case OPEN:
		replace_slot(t, open(pick(t, 2) ? DEVICE : source,
				     O_RDWR | O_NONBLOCK | O_CLOEXEC));
		break;
	case CLOSE:
		replace_slot(t, -1);
		break;
	case DUP:
		i = dup(fd);
		if (i >= 0)
			close(i);
		break;
	case SEND_FD:
		send_fd(fd);
		break;
	case RECEIVE_FD:
		i = receive_fd();
		if (i >= 0)
			replace_slot(t, i);
		break;
	case FORK_KILL:
		if (may_fork && !pick(t, 8))
			fork_and_kill(t);
		break;
	case FDINFO:
		i = pick(t, SHARED);
		if (!balanced(counters(slots[i])))
			atomic_fetch_add(&tally->unbalanced, 1);
		break;
	case FILL:
		if (!pick(t, 4))
			fill(t, pick(t, 2) ? fd : (int)slots[0]);
		break;
	case UNLOAD:
		/* the parent has it open all the time */
		if (!pick(t, 4) && !unload("evnotify"))
			atomic_fetch_add(&tally->unloaded, 1);
		break;
	case WAITERS:
		more_waiters(t, pick(t, 2) ? t->eventfd : fd);
		break;
	case RAISE:
		sim_raise(pick(t, 2) ? sim : (int)sims[pick(t, SIMS)], 1 + pick(t, 600), 0);
		break;
	case UNPLUG:
		unplug(t);
		break;
	default:
		break;
	}
	atomic_fetch_add(&tally->done[op], 1);
}

static void *thread_main(void *arg)
{
	for (;;)
		one_op(arg, true);
	return NULL;
}

#endif /* EVNOTIFY_TORTURE_OPS_H */
