// SPDX-License-Identifier: GPL-2.0-only
/*
 * bench - the ways to wait for one request: those of userspace/cli/paths.c, which evnotify latency
 * measures too, and those that are here to compare with
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <linux/evnotify.h>
#include <linux/futex.h>

#include "bench.h"
#include "peer/peer.h"

void path_failed(const char *what)
{
	die("path: %s: %s", what, strerror(errno));
}

/* --- timerfd --------------------------------------------------------------------------- */

static void timerfd_open_epoll(struct waiter *w)
{
	path_timerfd_open(w);
	path_watch(w, w->fd, EPOLLIN);
}

static void timerfd_open_et(struct waiter *w)
{
	path_timerfd_open(w);
	path_watch(w, w->fd, EPOLLIN | EPOLLET);
}

static void timerfd_open_ring(struct waiter *w)
{
	path_timerfd_open(w);
	path_open_ring(w, 0);
}

static void timerfd_epoll_read(struct waiter *w, uint64_t due)
{
	(void)due;
	path_wait_epoll(w);
	path_read_number(w->fd);
}

static void timerfd_wait_et(struct waiter *w, uint64_t due)
{
	(void)due;
	path_wait_epoll(w);
}

static void timerfd_wait_ring(struct waiter *w, uint64_t due)
{
	uint64_t number;

	(void)due;
	path_ring_read(w, &number, sizeof(number));
}

/* --- io_uring's timeout ---------------------------------------------------------------- */

static void uring_open_defer(struct waiter *w)
{
	path_open_ring(w, IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_SINGLE_ISSUER);
}

/* --- POSIX timer ------------------------------------------------------------------------ */

static sigset_t signals;
static timer_t posix_timer_id;

static void posix_open(struct waiter *w)
{
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN };

	(void)w;
	sigemptyset(&signals);
	sigaddset(&signals, SIGRTMIN);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	path_check(!timer_create(CLOCK_MONOTONIC, &event, &posix_timer_id), "timer_create");
}

static void posix_request(struct waiter *w, uint64_t due, uint64_t period)
{
	struct itimerspec its = { to_timespec(period), to_timespec(due) };

	(void)w;
	path_check(!timer_settime(posix_timer_id, TIMER_ABSTIME, &its, NULL), "timer_settime");
}

static void posix_wait(struct waiter *w, uint64_t due)
{
	siginfo_t info;

	(void)w;
	(void)due;
	/* A ring that was closed may still send us on a detour. */
	while (sigwaitinfo(&signals, &info) != SIGRTMIN)
		path_check(errno == EINTR, "sigwaitinfo");
}

static void posix_close(struct waiter *w)
{
	(void)w;
	timer_delete(posix_timer_id);
}

/* --- bpf_timer -------------------------------------------------------------------------- */

static void bpf_open(struct waiter *w)
{
	bpf_timer.open(1);
	path_watch(w, bpf_ring(), EPOLLIN);
}

static void bpf_request(struct waiter *w, uint64_t due, uint64_t period)
{
	(void)w;
	(void)period;
	bpf_timer.arm(&due, 1);
}

static void bpf_wait(struct waiter *w, uint64_t due)
{
	(void)due;
	path_wait_epoll(w);
	path_check(bpf_timer.reap(1) == 1, "ring buffer");
}

static void bpf_close(struct waiter *w)
{
	close(w->epfd);
	bpf_timer.close();
}

static bool bpf_supported(void)
{
	return bpf_timer.supported();
}

/* --- an interrupt of a driver, as drivers tell of it; see peer/ --------------------------- */

static int peer_open_way(enum peer_way way, int efd)
{
	struct peer_setup setup = { .way = way, .eventfd = efd };
	int fd = open(PEER_DEVICE, O_RDWR | O_CLOEXEC);

	path_check(fd >= 0 && !ioctl(fd, PEER_SETUP, &setup), PEER_DEVICE);
	return fd;
}

static void interrupt_at(int fd, uint64_t due)
{
	path_check(write(fd, &due, sizeof(due)) == sizeof(due), "write");
}

static void peer_open(struct waiter *w, enum peer_way way)
{
	if (way == PEER_EVENTFD)
		w->efd = eventfd(0, EFD_CLOEXEC);
	w->fd = peer_open_way(way, w->efd);
}

static void peer_open_count(struct waiter *w)
{
	peer_open(w, PEER_COUNT);
}

static void peer_open_count_epoll(struct waiter *w)
{
	peer_open_count(w);
	path_watch(w, w->fd, EPOLLIN);
}

static void peer_open_tasklet(struct waiter *w)
{
	peer_open(w, PEER_TASKLET);
}

static void peer_open_tasklet_epoll(struct waiter *w)
{
	peer_open_tasklet(w);
	path_watch(w, w->fd, EPOLLIN);
}

static void peer_open_fifo(struct waiter *w)
{
	peer_open(w, PEER_FIFO);
}

static void peer_open_fifo_epoll(struct waiter *w)
{
	peer_open_fifo(w);
	path_watch(w, w->fd, EPOLLIN);
}

static void peer_open_eventfd(struct waiter *w)
{
	peer_open(w, PEER_EVENTFD);
}

static void peer_open_eventfd_epoll(struct waiter *w)
{
	peer_open_eventfd(w);
	path_watch(w, w->efd, EPOLLIN);
}

static void peer_request(struct waiter *w, uint64_t due, uint64_t period)
{
	(void)period;
	interrupt_at(w->fd, due);
}

static void peer_read_count(struct waiter *w, uint64_t due)
{
	int32_t count;

	(void)due;
	path_check(read(w->fd, &count, sizeof(count)) == sizeof(count), "read");
}

static void peer_epoll_count(struct waiter *w, uint64_t due)
{
	path_wait_epoll(w);
	peer_read_count(w, due);
}

static void peer_read_fifo(struct waiter *w, uint64_t due)
{
	struct peer_record record;

	path_check(read(w->fd, &record, sizeof(record)) == sizeof(record) &&
		   record.timestamp_ns >= due, "read");
}

static void peer_epoll_fifo(struct waiter *w, uint64_t due)
{
	path_wait_epoll(w);
	peer_read_fifo(w, due);
}

static bool peer_supported(void)
{
	return !access(PEER_DEVICE, R_OK | W_OK);
}

/* --- sleeping, without a descriptor ------------------------------------------------------ */

static void futex_wait(struct waiter *w, uint64_t due)
{
	struct timespec ts = to_timespec(due);
	uint32_t word = 0;

	(void)w;
	path_check(syscall(SYS_futex, &word, FUTEX_WAIT_BITSET_PRIVATE, 0, &ts, NULL,
			   FUTEX_BITSET_MATCH_ANY) == -1 && errno == ETIMEDOUT, "futex");
}

static void pwait2_open(struct waiter *w)
{
	w->epfd = epoll_create1(EPOLL_CLOEXEC);
	path_check(w->epfd >= 0, "epoll");
}

static void pwait2_wait(struct waiter *w, uint64_t due)
{
	uint64_t now = now_ns();
	struct timespec ts = to_timespec(due > now ? due - now : 0);
	struct epoll_event event;

	path_check(!syscall(SYS_epoll_pwait2, w->epfd, &event, 1, &ts, NULL, 0), "epoll_pwait2");
}

static void pwait2_close(struct waiter *w)
{
	close(w->epfd);
}

/* --- the literal port -------------------------------------------------------------------- */

static void literal_open(struct waiter *w)
{
	w->device = LITERAL_PORT;
	device_open_plain(w);
}

static bool literal_supported(void)
{
	return literal_port.supported();
}

/* --- an interrupt of a driver, by a source of evnotify: its data is the due time ---------- */

static void source_listen(struct waiter *w)
{
	w->peer = peer_open_way(PEER_SOURCE, 0);
	w->device = PEER_SOURCE_DEVICE;
}

static void source_open(struct waiter *w)
{
	source_listen(w);
	device_open_plain(w);
}

static void source_open_epoll(struct waiter *w)
{
	source_listen(w);
	device_open_epoll(w);
}

static void source_open_eventfd(struct waiter *w)
{
	source_listen(w);
	device_open_eventfd(w);
}

static void source_open_eventfd_epoll(struct waiter *w)
{
	source_listen(w);
	device_open_eventfd_epoll(w);
}

static void source_open_ring(struct waiter *w)
{
	source_listen(w);
	device_open_ring(w);
}

static void source_request(struct waiter *w, uint64_t due, uint64_t period)
{
	(void)period;
	device_request_event(w);
	interrupt_at(w->peer, due);
}

static void source_wait(struct waiter *w, uint64_t due)
{
	interrupt_at(w->peer, due);
	device_wait_source(w, due);
}

#define PATH(called, opened, requested, waited, closed, ...) {			\
	.name = called, .open = opened, .request = requested, .wait = waited,	\
	.close = closed, __VA_ARGS__						\
}

#define DRIVER(called, opened, waited)						\
	PATH(called, opened, peer_request, waited, path_close_fds, .once = true,	\
	     .supported = peer_supported)

/* Each file would get the events of all threads. */
#define SOURCE(called, opened, requested, waited, closed)			\
	PATH(called, opened, requested, waited, closed, .once = true,		\
	     .alone = true, .supported = peer_supported)

const struct path paths[] = {
	PATH("timerfd read", path_timerfd_open, path_timerfd_request, path_timerfd_read,
	     path_close_fds),
	PATH("timerfd epoll+read", timerfd_open_epoll, path_timerfd_request, timerfd_epoll_read,
	     path_close_fds),
	PATH("timerfd epoll ET, no read", timerfd_open_et, path_timerfd_request, timerfd_wait_et,
	     path_close_fds, .once = true),
	PATH("timerfd io_uring read", timerfd_open_ring, path_timerfd_request, timerfd_wait_ring,
	     path_close_ring_fds),
	PATH("io_uring timeout", uring_timeout_open, uring_timeout_request, uring_timeout_wait,
	     path_close_ring, .once = true),
	PATH("io_uring timeout, defer", uring_open_defer, uring_timeout_request, uring_timeout_wait,
	     path_close_ring, .once = true),
	PATH("POSIX timer sigwait", posix_open, posix_request, posix_wait, posix_close,
	     .alone = true),
	PATH("clock_nanosleep", path_nothing, NULL, nanosleep_wait, path_nothing),
	PATH("futex timeout", path_nothing, NULL, futex_wait, path_nothing),
	PATH("epoll_pwait2 timeout", pwait2_open, NULL, pwait2_wait, pwait2_close),
	PATH("bpf_timer epoll", bpf_open, bpf_request, bpf_wait, bpf_close, .once = true,
	     .alone = true, .supported = bpf_supported),
	DRIVER("driver's count read", peer_open_count, peer_read_count),
	DRIVER("driver's count epoll+read", peer_open_count_epoll, peer_epoll_count),
	DRIVER("driver's tasklet read", peer_open_tasklet, peer_read_count),
	DRIVER("driver's tasklet epoll+read", peer_open_tasklet_epoll, peer_epoll_count),
	DRIVER("driver's fifo read", peer_open_fifo, peer_read_fifo),
	DRIVER("driver's fifo epoll+read", peer_open_fifo_epoll, peer_epoll_fifo),
	DRIVER("driver's eventfd read", peer_open_eventfd, path_read_eventfd),
	DRIVER("driver's eventfd epoll+read", peer_open_eventfd_epoll, path_epoll_read_eventfd),
	PATH("evnotify read", device_open_plain, device_request, device_read, path_close_fds),
	PATH("evnotify epoll+read", device_open_epoll, device_request, device_epoll_read,
	     path_close_fds),
	PATH("evnotify eventfd read", device_open_eventfd, device_request,
	     path_read_eventfd, path_close_fds),
	PATH("evnotify eventfd epoll+read", device_open_eventfd_epoll, device_request,
	     path_epoll_read_eventfd, path_close_fds),
	PATH("evnotify WAIT", device_open_plain, NULL, device_wait, path_close_fds),
	PATH("evnotify io_uring read", device_open_ring, device_request, device_ring_read,
	     path_close_ring_fds),
	SOURCE("source read", source_open, source_request, device_read, path_close_fds),
	SOURCE("source epoll+read", source_open_epoll, source_request, device_epoll_read,
	       path_close_fds),
	SOURCE("source eventfd read", source_open_eventfd, source_request, path_read_eventfd,
	       path_close_fds),
	SOURCE("source eventfd epoll+read", source_open_eventfd_epoll, source_request,
	       path_epoll_read_eventfd, path_close_fds),
	SOURCE("source WAIT", source_open, NULL, source_wait, path_close_fds),
	SOURCE("source io_uring read", source_open_ring, source_request, device_ring_read,
	       path_close_ring_fds),
	PATH("literal port WAIT", literal_open, NULL, device_wait, path_close_fds,
	     .supported = literal_supported),
	{ }
};
