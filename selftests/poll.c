// SPDX-License-Identifier: GPL-2.0-only
/* Who waits for records is told of them: by poll, select, epoll, FIONREAD and SIGIO. */
#include <sys/epoll.h>
#include <sys/select.h>

#include "evnotify_test.h"

static int bytes_readable(int fd)
{
	int bytes = -1;

	return ioctl(fd, FIONREAD, &bytes) ? -errno : bytes;
}

TEST_F(instance, poll_tells_of_records)
{
	struct pollfd pfd = { .fd = self->fd, .events = POLLIN | POLLRDNORM | POLLOUT };
	struct evnotify_request req = pending_in(10 * NSEC_PER_MSEC, 0);
	struct evnotify_event event;

	ASSERT_EQ(0, arm(self->fd, &req));
	pfd.events = POLLIN | POLLRDNORM;
	EXPECT_EQ(1, IN_TIME(poll(&pfd, 1, PATIENCE_MS)));
	EXPECT_EQ(POLLIN | POLLRDNORM, pfd.revents);
	pfd.events |= POLLOUT;
	EXPECT_EQ(1, poll(&pfd, 1, 0));
	EXPECT_EQ(POLLIN | POLLRDNORM | POLLOUT, pfd.revents);
	ASSERT_EQ(1, read_some(self->fd, &event, 1));
	EXPECT_EQ(1, poll(&pfd, 1, 0));
	EXPECT_EQ(POLLOUT, pfd.revents);
}

TEST_F(instance, select_tells_of_records)
{
	struct timeval patience = { .tv_sec = PATIENCE_MS / 1000 }, at_once = {};
	struct evnotify_request req = pending_in(10 * NSEC_PER_MSEC, 0);
	struct evnotify_event event;
	fd_set in;

	ASSERT_EQ(0, arm(self->fd, &req));
	FD_ZERO(&in);
	FD_SET(self->fd, &in);
	EXPECT_EQ(1, IN_TIME(select(self->fd + 1, &in, NULL, NULL, &patience)));
	EXPECT_TRUE(FD_ISSET(self->fd, &in));
	ASSERT_EQ(1, read_some(self->fd, &event, 1));
	FD_SET(self->fd, &in);
	EXPECT_EQ(0, select(self->fd + 1, &in, NULL, NULL, &at_once));
}

/* Who was told has it to himself, until he asks again: then he hears of what came meanwhile. */
TEST_F(instance, epoll_oneshot_tells_again_when_asked_again)
{
	struct epoll_event want = { .events = EPOLLIN | EPOLLONESHOT }, ready;
	struct evnotify_event event;
	int epfd = epoll_create1(0);

	ASSERT_EQ(0, epoll_ctl(epfd, EPOLL_CTL_ADD, self->fd, &want));
	ASSERT_TRUE(make_ready(self->fd, 1));
	EXPECT_EQ(1, IN_TIME(epoll_wait(epfd, &ready, 1, PATIENCE_MS)));
	ASSERT_EQ(1, read_some(self->fd, &event, 1));
	ASSERT_TRUE(make_ready(self->fd, 1));
	EXPECT_EQ(0, epoll_wait(epfd, &ready, 1, 0));
	ASSERT_EQ(0, epoll_ctl(epfd, EPOLL_CTL_MOD, self->fd, &want));
	EXPECT_EQ(1, epoll_wait(epfd, &ready, 1, 0));
	EXPECT_EQ(1, read_some(self->fd, &event, 1));
	close(epfd);
}

TEST_F(instance, epoll_level_tells_until_all_are_read)
{
	struct epoll_event ready = { .events = EPOLLIN, .data.u32 = 42 };
	struct evnotify_event events[2];
	int epfd = epoll_create1(0);

	ASSERT_EQ(0, epoll_ctl(epfd, EPOLL_CTL_ADD, self->fd, &ready));
	EXPECT_EQ(0, epoll_wait(epfd, &ready, 1, 0));
	ASSERT_TRUE(make_ready(self->fd, 2));
	EXPECT_EQ(1, IN_TIME(epoll_wait(epfd, &ready, 1, PATIENCE_MS)));
	EXPECT_EQ(42, ready.data.u32);
	ASSERT_EQ(1, read_some(self->fd, events, 1));
	EXPECT_EQ(1, epoll_wait(epfd, &ready, 1, 0));
	ASSERT_EQ(1, read_some(self->fd, events, 1));
	EXPECT_EQ(0, epoll_wait(epfd, &ready, 1, 0));
}

TEST_F(instance, epoll_edge_tells_of_each_new_record)
{
	struct epoll_event ready = { .events = EPOLLIN | EPOLLET };
	struct evnotify_request req = pending_in(0, 0);
	int epfd = epoll_create1(0);
	unsigned int i;

	ASSERT_EQ(0, epoll_ctl(epfd, EPOLL_CTL_ADD, self->fd, &ready));
	for (i = 1; i <= 3; i++) {
		/* nothing is read: the edge is the record that is added */
		ASSERT_EQ(0, arm(self->fd, &req));
		EXPECT_EQ(1, IN_TIME(epoll_wait(epfd, &ready, 1, PATIENCE_MS)));
		ASSERT_TRUE(UNTIL(counters(self->fd).unread == i));
		EXPECT_EQ(0, epoll_wait(epfd, &ready, 1, 0));
	}
}

TEST_F(instance, fionread_counts_bytes)
{
	struct evnotify_event events[3];

	EXPECT_EQ(0, bytes_readable(self->fd));
	ASSERT_TRUE(make_ready(self->fd, 3));
	EXPECT_EQ(3 * 64, bytes_readable(self->fd));
	ASSERT_EQ(2, read_some(self->fd, events, 2));
	EXPECT_EQ(64, bytes_readable(self->fd));
	ASSERT_EQ(1, read_some(self->fd, events, 2));
	EXPECT_EQ(0, bytes_readable(self->fd));
	EXPECT_EQ(-1, ioctl(self->fd, FIONREAD, NULL));
	EXPECT_EQ(EFAULT, errno);
}

TEST_F(instance, sigio_tells_of_records)
{
	struct timespec patience = { .tv_sec = PATIENCE_MS / 1000 }, at_once = {};
	int flags = fcntl(self->fd, F_GETFL);
	struct evnotify_request req;
	siginfo_t info = {};
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN);
	ASSERT_EQ(0, sigprocmask(SIG_BLOCK, &set, NULL));
	ASSERT_EQ(0, fcntl(self->fd, F_SETSIG, SIGRTMIN));
	ASSERT_EQ(0, fcntl(self->fd, F_SETOWN, getpid()));
	ASSERT_EQ(0, fcntl(self->fd, F_SETFL, flags | O_ASYNC));
	EXPECT_EQ(-1, sigtimedwait(&set, &info, &at_once));

	req = pending_in(NSEC_PER_MSEC, 0);
	ASSERT_EQ(0, arm(self->fd, &req));
	ASSERT_EQ(SIGRTMIN, sigtimedwait(&set, &info, &patience));
	EXPECT_EQ(self->fd, info.si_fd);
	EXPECT_EQ(POLL_IN, info.si_code);
	EXPECT_EQ(POLLIN | POLLRDNORM, info.si_band);
	EXPECT_TRUE(readable(self->fd, 0));
	EXPECT_EQ(-1, sigtimedwait(&set, &info, &at_once));

	/* a cancellation makes a record as well */
	req = pending_in(FAR_NS, 0);
	ASSERT_EQ(0, arm(self->fd, &req));
	ASSERT_EQ(0, cancel(self->fd, req.id));
	EXPECT_EQ(SIGRTMIN, sigtimedwait(&set, &info, &patience));

	ASSERT_EQ(0, fcntl(self->fd, F_SETFL, flags));
	req = pending_in(FAR_NS, 0);
	ASSERT_EQ(0, arm(self->fd, &req));
	ASSERT_EQ(0, cancel(self->fd, req.id));
	EXPECT_EQ(-1, sigtimedwait(&set, &info, &at_once));
}

TEST_HARNESS_MAIN
