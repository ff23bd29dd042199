// SPDX-License-Identifier: GPL-2.0-only
#include <fcntl.h>
#include <linux/time_types.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/timerfd.h>

#include "paths.h"

#define RING_ENTRIES	8

/* What several have in common. */

void path_read_again(int fd, void *data, size_t size)
{
	do
		path_check(errno == EINTR, "read");
	while (read(fd, data, size) != (ssize_t)size);
}

void path_wait_again(int epfd)
{
	struct epoll_event event;

	do
		path_check(errno == EINTR, "epoll_wait");
	while (epoll_wait(epfd, &event, 1, -1) != 1);
}

void path_nothing(struct waiter *w)
{
	(void)w;
}

void path_watch(struct waiter *w, int fd, uint32_t events)
{
	struct epoll_event event = { .events = events };

	w->epfd = epoll_create1(EPOLL_CLOEXEC);
	path_check(w->epfd >= 0 && !epoll_ctl(w->epfd, EPOLL_CTL_ADD, fd, &event), "epoll");
}

void path_open_eventfd(struct waiter *w)
{
	w->efd = eventfd(0, EFD_CLOEXEC);
	path_check(w->efd >= 0, "eventfd");
}

void path_open_ring(struct waiter *w, unsigned int flags)
{
	path_check(ring_open(&w->ring, RING_ENTRIES, flags), "io_uring_setup");
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void path_close_fds(struct waiter *w)
{
	close_fd(&w->fd);
	close_fd(&w->peer);
	close_fd(&w->efd);
	close_fd(&w->epfd);
}

void path_close_ring(struct waiter *w)
{
	ring_close(&w->ring);
}

void path_close_ring_fds(struct waiter *w)
{
	path_close_ring(w);
	path_close_fds(w);
}

void path_read_eventfd(struct waiter *w, uint64_t due)
{
	(void)due;
	path_read_number(w->efd);
}

void path_epoll_read_eventfd(struct waiter *w, uint64_t due)
{
	path_wait_epoll(w);
	path_read_eventfd(w, due);
}

bool path_has_rings(void)
{
	return ring_supports(IORING_OP_READ);
}

bool path_has_multishot(void)
{
	return ring_supports(RING_READ_MULTISHOT);
}

/* The device. */

void device_open_plain(struct waiter *w)
{
	w->fd = open(w->device, O_RDWR | O_CLOEXEC);
	path_check(w->fd >= 0, w->device);
}

void device_open_epoll(struct waiter *w)
{
	device_open_plain(w);
	path_watch(w, w->fd, EPOLLIN);
}

void device_open_epoll_et(struct waiter *w)
{
	device_open_plain(w);
	path_watch(w, w->fd, EPOLLIN | EPOLLET);
}

void device_open_eventfd(struct waiter *w)
{
	device_open_plain(w);
	path_open_eventfd(w);
}

void device_open_eventfd_epoll(struct waiter *w)
{
	device_open_eventfd(w);
	path_watch(w, w->efd, EPOLLIN);
}

/* SIGIO to this thread alone, which fetches it from its queue. */
void device_open_sigio(struct waiter *w)
{
	struct f_owner_ex owner = { .type = F_OWNER_TID, .pid = gettid() };
	sigset_t set;

	device_open_plain(w);
	sigemptyset(&set);
	sigaddset(&set, SIGIO);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	path_check(!fcntl(w->fd, F_SETOWN_EX, &owner) &&
		   !fcntl(w->fd, F_SETFL, O_RDWR | O_NONBLOCK | O_ASYNC), "SIGIO");
}

void device_open_ring(struct waiter *w)
{
	device_open_plain(w);
	path_open_ring(w, 0);
}

static void give_buffer(struct waiter *w, unsigned short number)
{
	unsigned short tail = w->buffers->tail;
	struct io_uring_buf *buffer = &w->buffers->bufs[tail % PATH_BUFFERS];

	buffer->addr = (uintptr_t)&w->events[number];
	buffer->len = sizeof(w->events[number]);
	buffer->bid = number;
	__atomic_store_n(&w->buffers->tail, (unsigned short)(tail + 1), __ATOMIC_RELEASE);
}

void device_open_multishot(struct waiter *w)
{
	struct io_uring_buf_reg reg = { .ring_entries = PATH_BUFFERS };

	device_open_ring(w);
	w->buffers = mmap(NULL, PATH_BUFFERS * sizeof(struct io_uring_buf), PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	path_check((void *)w->buffers != MAP_FAILED, "buffers of io_uring");
	reg.ring_addr = (uintptr_t)w->buffers;
	path_check(!syscall(SYS_io_uring_register, w->ring.fd, IORING_REGISTER_PBUF_RING, &reg, 1),
		   "buffers of io_uring");
	for (unsigned short i = 0; i < PATH_BUFFERS; i++)
		give_buffer(w, i);
	w->reading = false;
}

void device_close_multishot(struct waiter *w)
{
	path_close_ring_fds(w);
	munmap(w->buffers, PATH_BUFFERS * sizeof(struct io_uring_buf));
}

void device_request(struct waiter *w, uint64_t due, uint64_t period)
{
	struct evnotify_request request = {
		.due_ns = due,
		.period_ns = period,
		.mode = w->efd < 0 ? EVNOTIFY_MODE_PENDING : EVNOTIFY_MODE_EVENTFD,
		.flags = EVNOTIFY_ABSTIME,
		.clockid = CLOCK_MONOTONIC,
		.eventfd = w->efd < 0 ? 0 : w->efd,
	};

	path_check(write(w->fd, &request, sizeof(request)) == sizeof(request), "write");
}

static inline void wait_for(struct waiter *w, uint64_t due)
{
	while (ioctl(w->fd, EVNOTIFY_IOC_WAIT, &w->call))
		path_check(errno == EINTR, "WAIT");
	path_check(w->call.event.due_ns >= due, "WAIT");
}

void device_wait(struct waiter *w, uint64_t due)
{
	w->call.request = (struct evnotify_request){
		.due_ns = due,
		.flags = EVNOTIFY_ABSTIME,
		.clockid = CLOCK_MONOTONIC,
	};
	wait_for(w, due);
}

void device_wait_source(struct waiter *w, uint64_t due)
{
	w->call.request = (struct evnotify_request){
		.flags = EVNOTIFY_SOURCE,
		.clockid = CLOCK_MONOTONIC,
	};
	wait_for(w, due);
}

void device_read(struct waiter *w, uint64_t due)
{
	struct evnotify_event *event = &w->call.event;

	path_read(w->fd, event, sizeof(*event));
	path_check(event->due_ns >= due, "read");
}

void device_epoll_read(struct waiter *w, uint64_t due)
{
	path_wait_epoll(w);
	device_read(w, due);
}

void device_sigio_read(struct waiter *w, uint64_t due)
{
	struct evnotify_event *event = &w->call.event;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGIO);
	do
		path_check(sigwaitinfo(&set, NULL) == SIGIO || errno == EINTR, "sigwaitinfo");
	while (read(w->fd, event, sizeof(*event)) != sizeof(*event) && errno == EAGAIN);
	path_check(event->due_ns >= due, "read");
}

void device_ring_read(struct waiter *w, uint64_t due)
{
	path_ring_read(w, &w->call.event, sizeof(w->call.event));
	path_check(w->call.event.due_ns >= due, "io_uring read");
}

/* One read for as long as the kernel goes on with it. */
void device_multishot(struct waiter *w, uint64_t due)
{
	struct io_uring_cqe *cqe;
	unsigned short number;

	if (!w->reading) {
		struct io_uring_sqe *sqe = ring_sqe(&w->ring);

		sqe->opcode = RING_READ_MULTISHOT;
		sqe->fd = w->fd;
		sqe->flags = IOSQE_BUFFER_SELECT;
		path_check(ring_submit(&w->ring, 0), "io_uring multishot read");
	}
	cqe = ring_wait(&w->ring);
	path_check(cqe && cqe->res == sizeof(w->call.event), "io_uring multishot read");
	w->reading = cqe->flags & IORING_CQE_F_MORE;
	number = (unsigned short)(cqe->flags >> IORING_CQE_BUFFER_SHIFT);
	ring_seen(&w->ring);
	w->call.event = w->events[number];
	give_buffer(w, number);
	path_check(w->call.event.due_ns >= due, "io_uring multishot read");
}

/* timerfd. */

void path_timerfd_open(struct waiter *w)
{
	w->fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
	path_check(w->fd >= 0, "timerfd_create");
}

void path_timerfd_request(struct waiter *w, uint64_t due, uint64_t period)
{
	struct itimerspec its = { to_timespec(period), to_timespec(due) };

	path_check(!timerfd_settime(w->fd, TFD_TIMER_ABSTIME, &its, NULL), "timerfd_settime");
}

void path_timerfd_read(struct waiter *w, uint64_t due)
{
	(void)due;
	path_read_number(w->fd);
}

/* clock_nanosleep(2). */

static void sleep_until(uint64_t due)
{
	struct timespec ts = to_timespec(due);

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL))
		;
}

void nanosleep_wait(struct waiter *w, uint64_t due)
{
	(void)w;
	sleep_until(due);
}

/* An eventfd that a thread writes. */

static void *writer_main(void *arg)
{
	struct waiter *w = arg;

	for (;;) {
		while (sem_wait(&w->asked))
			;
		if (!w->due_ns)
			return NULL;
		sleep_until(w->due_ns);
		path_check(!eventfd_write(w->efd, 1), "eventfd_write");
	}
}

void writer_open(struct waiter *w)
{
	path_open_eventfd(w);
	sem_init(&w->asked, 0, 0);
	errno = pthread_create(&w->writer, NULL, writer_main, w);
	path_check(!errno, "a thread");
}

/* @due is not 0. */
void writer_request(struct waiter *w, uint64_t due, uint64_t period)
{
	(void)period;
	w->due_ns = due;
	sem_post(&w->asked);
}

void writer_close(struct waiter *w)
{
	writer_request(w, 0, 0);
	pthread_join(w->writer, NULL);
	sem_destroy(&w->asked);
	path_close_fds(w);
}

/* io_uring's timeout. */

void uring_timeout_open(struct waiter *w)
{
	path_open_ring(w, 0);
}

void uring_timeout_request(struct waiter *w, uint64_t due, uint64_t period)
{
	struct __kernel_timespec ts = { (int64_t)(due / 1000000000), (int64_t)(due % 1000000000) };
	struct io_uring_sqe *sqe = ring_sqe(&w->ring);

	(void)period;
	sqe->opcode = IORING_OP_TIMEOUT;
	sqe->fd = -1;
	sqe->addr = (uintptr_t)&ts;
	sqe->len = 1;
	sqe->timeout_flags = IORING_TIMEOUT_ABS;
	path_check(ring_submit(&w->ring, 0), "io_uring_enter");
}

void uring_timeout_wait(struct waiter *w, uint64_t due)
{
	struct io_uring_cqe *cqe;

	(void)due;
	cqe = ring_wait(&w->ring);
	path_check(cqe && cqe->res == -ETIME, "io_uring timeout");
	ring_seen(&w->ring);
}
