// SPDX-License-Identifier: GPL-2.0-only
/* bench - the ways to wait for one request */
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

#include <liburing.h>
#include <linux/evnotify.h>
#include <linux/futex.h>

#include "bench.h"
#include "peer/peer.h"

static void check(bool ok, const char *what)
{
	if (!ok)
		die("path: %s: %s", what, strerror(errno));
}

/* --- what several have in common -------------------------------------------------------- */

static void watch(struct waiter *w, int fd, uint32_t events)
{
	struct epoll_event event = { .events = events };

	w->epfd = epoll_create1(EPOLL_CLOEXEC);
	check(w->epfd >= 0 && !epoll_ctl(w->epfd, EPOLL_CTL_ADD, fd, &event), "epoll");
}

static void close_fds(struct waiter *w)
{
	close(w->fd);
	if (w->peer >= 0)
		close(w->peer);
	if (w->efd >= 0)
		close(w->efd);
	if (w->epfd >= 0)
		close(w->epfd);
}

static void wait_epoll(struct waiter *w)
{
	struct epoll_event event;

	check(epoll_wait(w->epfd, &event, 1, -1) == 1, "epoll_wait");
}

/* A timerfd or an eventfd. */
static void read_number(int fd)
{
	uint64_t number;

	check(read(fd, &number, sizeof(number)) == sizeof(number), "read");
}

static void read_fd(struct waiter *w, uint64_t due)
{
	(void)due;
	read_number(w->fd);
}

static void epoll_read_fd(struct waiter *w, uint64_t due)
{
	wait_epoll(w);
	read_fd(w, due);
}

static void read_eventfd(struct waiter *w, uint64_t due)
{
	(void)due;
	read_number(w->efd);
}

static void epoll_read_eventfd(struct waiter *w, uint64_t due)
{
	wait_epoll(w);
	read_eventfd(w, due);
}

static void ring_open(struct waiter *w, unsigned int flags)
{
	w->ring = malloc(sizeof(*w->ring));
	errno = w->ring ? -io_uring_queue_init(8, w->ring, flags) : ENOMEM;
	check(!errno, "io_uring_setup");
}

static void ring_close(struct waiter *w)
{
	io_uring_queue_exit(w->ring);
	free(w->ring);
}

static void ring_close_fds(struct waiter *w)
{
	ring_close(w);
	close_fds(w);
}

static void ring_wait(struct waiter *w, int result)
{
	struct io_uring_cqe *cqe;

	check(!io_uring_wait_cqe(w->ring, &cqe) && cqe->res == result, "io_uring_wait_cqe");
	io_uring_cqe_seen(w->ring, cqe);
}

static void ring_read(struct waiter *w, void *data, unsigned int bytes)
{
	io_uring_prep_read(io_uring_get_sqe(w->ring), w->fd, data, bytes, 0);
	io_uring_submit_and_wait(w->ring, 1);
	ring_wait(w, bytes);
}

/* --- timerfd --------------------------------------------------------------------------- */

static void timerfd_open(struct waiter *w)
{
	w->fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
	check(w->fd >= 0, "timerfd_create");
}

static void timerfd_open_epoll(struct waiter *w)
{
	timerfd_open(w);
	watch(w, w->fd, EPOLLIN);
}

static void timerfd_open_et(struct waiter *w)
{
	timerfd_open(w);
	watch(w, w->fd, EPOLLIN | EPOLLET);
}

static void timerfd_open_ring(struct waiter *w)
{
	timerfd_open(w);
	ring_open(w, 0);
}

static void timerfd_request(struct waiter *w, uint64_t due, uint64_t period)
{
	struct itimerspec its = { to_timespec(period), to_timespec(due) };

	check(!timerfd_settime(w->fd, TFD_TIMER_ABSTIME, &its, NULL), "timerfd_settime");
}

static void timerfd_wait_et(struct waiter *w, uint64_t due)
{
	(void)due;
	wait_epoll(w);
}

static void timerfd_wait_ring(struct waiter *w, uint64_t due)
{
	uint64_t number;

	(void)due;
	ring_read(w, &number, sizeof(number));
}

/* --- io_uring's timeout ---------------------------------------------------------------- */

static void uring_open(struct waiter *w)
{
	ring_open(w, 0);
}

static void uring_open_defer(struct waiter *w)
{
	ring_open(w, IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_SINGLE_ISSUER);
}

static void uring_request(struct waiter *w, uint64_t due, uint64_t period)
{
	struct __kernel_timespec ts = { due / NSEC_PER_SEC, due % NSEC_PER_SEC };

	(void)period;
	io_uring_prep_timeout(io_uring_get_sqe(w->ring), &ts, 0, IORING_TIMEOUT_ABS);
	check(io_uring_submit(w->ring) == 1, "io_uring_submit");
}

static void uring_wait(struct waiter *w, uint64_t due)
{
	(void)due;
	ring_wait(w, -ETIME);
}

/* --- POSIX timer ------------------------------------------------------------------------ */

static sigset_t signals;

static void posix_open(struct waiter *w)
{
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN };

	sigemptyset(&signals);
	sigaddset(&signals, SIGRTMIN);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	check(!timer_create(CLOCK_MONOTONIC, &event, &w->timer), "timer_create");
}

static void posix_request(struct waiter *w, uint64_t due, uint64_t period)
{
	struct itimerspec its = { to_timespec(period), to_timespec(due) };

	check(!timer_settime(w->timer, TIMER_ABSTIME, &its, NULL), "timer_settime");
}

static void posix_wait(struct waiter *w, uint64_t due)
{
	siginfo_t info;

	(void)w;
	(void)due;
	/* A ring that was closed may still send us on a detour. */
	while (sigwaitinfo(&signals, &info) != SIGRTMIN)
		check(errno == EINTR, "sigwaitinfo");
}

static void posix_close(struct waiter *w)
{
	timer_delete(w->timer);
}

/* --- bpf_timer -------------------------------------------------------------------------- */

static void bpf_open(struct waiter *w)
{
	bpf_timer.open(1);
	watch(w, bpf_ring(), EPOLLIN);
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
	wait_epoll(w);
	check(bpf_timer.reap(1) == 1, "ring buffer");
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

	check(fd >= 0 && !ioctl(fd, PEER_SETUP, &setup), PEER_DEVICE);
	return fd;
}

static void interrupt_at(int fd, uint64_t due)
{
	check(write(fd, &due, sizeof(due)) == sizeof(due), "write");
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
	watch(w, w->fd, EPOLLIN);
}

static void peer_open_tasklet(struct waiter *w)
{
	peer_open(w, PEER_TASKLET);
}

static void peer_open_tasklet_epoll(struct waiter *w)
{
	peer_open_tasklet(w);
	watch(w, w->fd, EPOLLIN);
}

static void peer_open_fifo(struct waiter *w)
{
	peer_open(w, PEER_FIFO);
}

static void peer_open_fifo_epoll(struct waiter *w)
{
	peer_open_fifo(w);
	watch(w, w->fd, EPOLLIN);
}

static void peer_open_eventfd(struct waiter *w)
{
	peer_open(w, PEER_EVENTFD);
}

static void peer_open_eventfd_epoll(struct waiter *w)
{
	peer_open_eventfd(w);
	watch(w, w->efd, EPOLLIN);
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
	check(read(w->fd, &count, sizeof(count)) == sizeof(count), "read");
}

static void peer_epoll_count(struct waiter *w, uint64_t due)
{
	wait_epoll(w);
	peer_read_count(w, due);
}

static void peer_read_fifo(struct waiter *w, uint64_t due)
{
	struct peer_record record;

	check(read(w->fd, &record, sizeof(record)) == sizeof(record) &&
	      record.timestamp_ns >= due, "read");
}

static void peer_epoll_fifo(struct waiter *w, uint64_t due)
{
	wait_epoll(w);
	peer_read_fifo(w, due);
}

static bool peer_supported(void)
{
	return !access(PEER_DEVICE, R_OK | W_OK);
}

/* --- sleeping, without a descriptor ------------------------------------------------------ */

static void nothing(struct waiter *w)
{
	(void)w;
}

static void nanosleep_wait(struct waiter *w, uint64_t due)
{
	(void)w;
	sleep_until(due);
}

static void futex_wait(struct waiter *w, uint64_t due)
{
	struct timespec ts = to_timespec(due);
	uint32_t word = 0;

	(void)w;
	check(syscall(SYS_futex, &word, FUTEX_WAIT_BITSET_PRIVATE, 0, &ts, NULL,
		      FUTEX_BITSET_MATCH_ANY) == -1 && errno == ETIMEDOUT, "futex");
}

static void pwait2_open(struct waiter *w)
{
	w->epfd = epoll_create1(EPOLL_CLOEXEC);
	check(w->epfd >= 0, "epoll");
}

static void pwait2_wait(struct waiter *w, uint64_t due)
{
	uint64_t now = now_ns();
	struct timespec ts = to_timespec(due > now ? due - now : 0);
	struct epoll_event event;

	check(!syscall(SYS_epoll_pwait2, w->epfd, &event, 1, &ts, NULL, 0), "epoll_pwait2");
}

static void pwait2_close(struct waiter *w)
{
	close(w->epfd);
}

/* --- evnotify --------------------------------------------------------------------------- */

static void evnotify_open(struct waiter *w)
{
	w->fd = open(device, O_RDWR | O_CLOEXEC);
	check(w->fd >= 0, device);
}

static void evnotify_open_epoll(struct waiter *w)
{
	evnotify_open(w);
	watch(w, w->fd, EPOLLIN);
}

static void evnotify_open_eventfd(struct waiter *w)
{
	evnotify_open(w);
	w->efd = eventfd(0, EFD_CLOEXEC);
	check(w->efd >= 0, "eventfd");
}

static void evnotify_open_eventfd_epoll(struct waiter *w)
{
	evnotify_open_eventfd(w);
	watch(w, w->efd, EPOLLIN);
}

static void evnotify_open_ring(struct waiter *w)
{
	evnotify_open(w);
	ring_open(w, 0);
}

static void evnotify_request(struct waiter *w, uint64_t due, uint64_t period)
{
	struct evnotify_request request = {
		.due_ns = due,
		.period_ns = period,
		.mode = w->efd < 0 ? EVNOTIFY_MODE_PENDING : EVNOTIFY_MODE_EVENTFD,
		.flags = EVNOTIFY_ABSTIME,
		.clockid = CLOCK_MONOTONIC,
		.eventfd = w->efd < 0 ? 0 : w->efd,
	};

	check(write(w->fd, &request, sizeof(request)) == sizeof(request), "write");
}

static void evnotify_read(struct waiter *w, uint64_t due)
{
	struct evnotify_event event;

	check(read(w->fd, &event, sizeof(event)) == sizeof(event) && event.due_ns >= due, "read");
	w->completed_ns = event.completed_ns;
}

static void evnotify_epoll_read(struct waiter *w, uint64_t due)
{
	wait_epoll(w);
	evnotify_read(w, due);
}

static void evnotify_ioctl(struct waiter *w, uint64_t due)
{
	struct evnotify_wait args = {
		.request = {
			.due_ns = due,
			.flags = EVNOTIFY_ABSTIME,
			.clockid = CLOCK_MONOTONIC,
		},
	};

	check(!ioctl(w->fd, EVNOTIFY_IOC_WAIT, &args) && args.event.due_ns >= due, "WAIT");
	w->completed_ns = args.event.completed_ns;
}

static void evnotify_wait_ring(struct waiter *w, uint64_t due)
{
	struct evnotify_event event;

	ring_read(w, &event, sizeof(event));
	check(event.due_ns >= due, "io_uring read");
	w->completed_ns = event.completed_ns;
}

static void literal_open(struct waiter *w)
{
	w->fd = open(LITERAL_PORT, O_RDWR | O_CLOEXEC);
	check(w->fd >= 0, LITERAL_PORT);
}

static bool literal_supported(void)
{
	return literal_port.supported();
}

/* --- an interrupt of a driver, by a source of evnotify: its data is the due time ---------- */

static void source_open(struct waiter *w)
{
	w->peer = peer_open_way(PEER_SOURCE, 0);
	w->fd = open(PEER_SOURCE_DEVICE, O_RDWR | O_CLOEXEC);
	check(w->fd >= 0, PEER_SOURCE_DEVICE);
}

static void source_open_epoll(struct waiter *w)
{
	source_open(w);
	watch(w, w->fd, EPOLLIN);
}

static void source_open_eventfd(struct waiter *w)
{
	source_open(w);
	w->efd = eventfd(0, EFD_CLOEXEC);
	check(w->efd >= 0, "eventfd");
}

static void source_open_eventfd_epoll(struct waiter *w)
{
	source_open_eventfd(w);
	watch(w, w->efd, EPOLLIN);
}

static void source_open_ring(struct waiter *w)
{
	source_open(w);
	ring_open(w, 0);
}

static void source_request(struct waiter *w, uint64_t due, uint64_t period)
{
	struct evnotify_request request = {
		.mode = w->efd < 0 ? EVNOTIFY_MODE_PENDING : EVNOTIFY_MODE_EVENTFD,
		.flags = EVNOTIFY_SOURCE,
		.clockid = CLOCK_MONOTONIC,
		.eventfd = w->efd < 0 ? 0 : w->efd,
	};

	(void)period;
	check(write(w->fd, &request, sizeof(request)) == sizeof(request), "write");
	interrupt_at(w->peer, due);
}

static void source_ioctl(struct waiter *w, uint64_t due)
{
	struct evnotify_wait args = {
		.request = { .flags = EVNOTIFY_SOURCE, .clockid = CLOCK_MONOTONIC },
	};

	interrupt_at(w->peer, due);
	check(!ioctl(w->fd, EVNOTIFY_IOC_WAIT, &args) && args.event.data == due, "WAIT");
	w->completed_ns = args.event.completed_ns;
}

#define PATH(called, opened, requested, waited, closed, ...) {			\
	.name = called, .open = opened, .request = requested, .wait = waited,	\
	.close = closed, __VA_ARGS__						\
}

#define DRIVER(called, opened, waited)						\
	PATH(called, opened, peer_request, waited, close_fds, .once = true,	\
	     .supported = peer_supported)

/* Each file would get the events of all threads. */
#define SOURCE(called, opened, requested, waited, closed)			\
	PATH(called, opened, requested, waited, closed, .once = true,		\
	     .alone = true, .supported = peer_supported)

const struct path paths[] = {
	PATH("timerfd read", timerfd_open, timerfd_request, read_fd, close_fds),
	PATH("timerfd epoll+read", timerfd_open_epoll, timerfd_request, epoll_read_fd, close_fds),
	PATH("timerfd epoll ET, no read", timerfd_open_et, timerfd_request, timerfd_wait_et,
	     close_fds, .once = true),
	PATH("timerfd io_uring read", timerfd_open_ring, timerfd_request, timerfd_wait_ring,
	     ring_close_fds),
	PATH("io_uring timeout", uring_open, uring_request, uring_wait, ring_close, .once = true),
	PATH("io_uring timeout, defer", uring_open_defer, uring_request, uring_wait, ring_close,
	     .once = true),
	PATH("POSIX timer sigwait", posix_open, posix_request, posix_wait, posix_close,
	     .alone = true),
	PATH("clock_nanosleep", nothing, NULL, nanosleep_wait, nothing),
	PATH("futex timeout", nothing, NULL, futex_wait, nothing),
	PATH("epoll_pwait2 timeout", pwait2_open, NULL, pwait2_wait, pwait2_close),
	PATH("bpf_timer epoll", bpf_open, bpf_request, bpf_wait, bpf_close, .once = true,
	     .alone = true, .supported = bpf_supported),
	DRIVER("driver's count read", peer_open_count, peer_read_count),
	DRIVER("driver's count epoll+read", peer_open_count_epoll, peer_epoll_count),
	DRIVER("driver's tasklet read", peer_open_tasklet, peer_read_count),
	DRIVER("driver's tasklet epoll+read", peer_open_tasklet_epoll, peer_epoll_count),
	DRIVER("driver's fifo read", peer_open_fifo, peer_read_fifo),
	DRIVER("driver's fifo epoll+read", peer_open_fifo_epoll, peer_epoll_fifo),
	DRIVER("driver's eventfd read", peer_open_eventfd, read_eventfd),
	DRIVER("driver's eventfd epoll+read", peer_open_eventfd_epoll, epoll_read_eventfd),
	PATH("evnotify read", evnotify_open, evnotify_request, evnotify_read, close_fds),
	PATH("evnotify epoll+read", evnotify_open_epoll, evnotify_request, evnotify_epoll_read,
	     close_fds),
	PATH("evnotify eventfd read", evnotify_open_eventfd, evnotify_request,
	     read_eventfd, close_fds),
	PATH("evnotify eventfd epoll+read", evnotify_open_eventfd_epoll, evnotify_request,
	     epoll_read_eventfd, close_fds),
	PATH("evnotify WAIT", evnotify_open, NULL, evnotify_ioctl, close_fds),
	PATH("evnotify io_uring read", evnotify_open_ring, evnotify_request, evnotify_wait_ring,
	     ring_close_fds),
	SOURCE("source read", source_open, source_request, evnotify_read, close_fds),
	SOURCE("source epoll+read", source_open_epoll, source_request, evnotify_epoll_read,
	       close_fds),
	SOURCE("source eventfd read", source_open_eventfd, source_request, read_eventfd, close_fds),
	SOURCE("source eventfd epoll+read", source_open_eventfd_epoll, source_request,
	       epoll_read_eventfd, close_fds),
	SOURCE("source WAIT", source_open, NULL, source_ioctl, close_fds),
	SOURCE("source io_uring read", source_open_ring, source_request, evnotify_wait_ring,
	       ring_close_fds),
	PATH("literal port WAIT", literal_open, NULL, evnotify_ioctl, close_fds,
	     .supported = literal_supported),
	{ }
};
