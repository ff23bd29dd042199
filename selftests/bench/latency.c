// SPDX-License-Identifier: GPL-2.0-only
/* bench - from a request's due time to the process that waited for it */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <liburing.h>
#include <linux/evnotify.h>

#include "bench.h"

#define SAMPLES	300
#define DELAY	200000

/*
 * One way to wait: request() asks for a completion at @due, wait() returns
 * when it has come.  A path by WAIT does both in wait().
 */
struct path {
	const char *name;
	void (*open)(void);
	void (*request)(uint64_t due);
	void (*wait)(uint64_t due);
	void (*close)(void);
};

static int fd = -1, efd = -1, epfd = -1;
static timer_t timer;
static struct io_uring ring;

static void check(bool ok, const char *what)
{
	if (!ok)
		die("latency: %s: %s", what, strerror(errno));
}

static void open_epoll(int watched)
{
	struct epoll_event event = { .events = EPOLLIN };

	epfd = epoll_create1(0);
	check(epfd >= 0 && !epoll_ctl(epfd, EPOLL_CTL_ADD, watched, &event), "epoll");
}

static void close_all(void)
{
	close(fd);
	close(efd);
	close(epfd);
	fd = -1;
	efd = -1;
	epfd = -1;
}

static void wait_epoll(void)
{
	struct epoll_event event;

	check(epoll_wait(epfd, &event, 1, -1) == 1, "epoll_wait");
}

/* timerfd */

static void timerfd_open(void)
{
	fd = timerfd_create(CLOCK_MONOTONIC, 0);
	check(fd >= 0, "timerfd_create");
}

static void timerfd_open_epoll(void)
{
	timerfd_open();
	open_epoll(fd);
}

static void timerfd_request(uint64_t due)
{
	struct itimerspec its = {
		.it_value = { due / NSEC_PER_SEC, due % NSEC_PER_SEC },
	};

	check(!timerfd_settime(fd, TFD_TIMER_ABSTIME, &its, NULL), "timerfd_settime");
}

/* A timerfd or an eventfd. */
static void wait_number(int from)
{
	uint64_t number;

	check(read(from, &number, sizeof(number)) == sizeof(number) && number == 1, "read");
}

static void timerfd_wait(uint64_t due)
{
	(void)due;
	wait_number(fd);
}

static void timerfd_wait_epoll(uint64_t due)
{
	(void)due;
	wait_epoll();
	wait_number(fd);
}

/* evnotify */

static void evnotify_open(void)
{
	fd = open(device, O_RDWR);
	check(fd >= 0, device);
}

static void evnotify_open_epoll(void)
{
	evnotify_open();
	open_epoll(fd);
}

static void evnotify_open_eventfd(void)
{
	evnotify_open();
	efd = eventfd(0, 0);
	check(efd >= 0, "eventfd");
}

static void evnotify_open_eventfd_epoll(void)
{
	evnotify_open_eventfd();
	open_epoll(efd);
}

static void evnotify_request(uint64_t due)
{
	struct evnotify_request request = {
		.due_ns = due,
		.mode = efd < 0 ? EVNOTIFY_MODE_PENDING : EVNOTIFY_MODE_EVENTFD,
		.flags = EVNOTIFY_ABSTIME,
		.clockid = CLOCK_MONOTONIC,
		.eventfd = efd < 0 ? 0 : efd,
	};

	check(write(fd, &request, sizeof(request)) == sizeof(request), "write");
}

static void evnotify_wait_read(uint64_t due)
{
	struct evnotify_event event;

	check(read(fd, &event, sizeof(event)) == sizeof(event) && event.due_ns == due, "read");
}

static void evnotify_wait_epoll(uint64_t due)
{
	wait_epoll();
	evnotify_wait_read(due);
}

static void evnotify_wait_eventfd(uint64_t due)
{
	(void)due;
	wait_number(efd);
}

static void evnotify_wait_eventfd_epoll(uint64_t due)
{
	(void)due;
	wait_epoll();
	wait_number(efd);
}

static void evnotify_wait_ioctl(uint64_t due)
{
	struct evnotify_wait args = {
		.request = {
			.due_ns = due,
			.flags = EVNOTIFY_ABSTIME,
			.clockid = CLOCK_MONOTONIC,
		},
	};

	check(!ioctl(fd, EVNOTIFY_IOC_WAIT, &args) && args.event.due_ns == due, "WAIT");
}

/* io_uring */

static void uring_open(void)
{
	errno = -io_uring_queue_init(8, &ring, 0);
	check(!errno, "io_uring_setup");
}

static void uring_request(uint64_t due)
{
	struct __kernel_timespec ts = { due / NSEC_PER_SEC, due % NSEC_PER_SEC };

	io_uring_prep_timeout(io_uring_get_sqe(&ring), &ts, 0, IORING_TIMEOUT_ABS);
	check(io_uring_submit(&ring) == 1, "io_uring_submit");
}

static void uring_wait(uint64_t due)
{
	struct io_uring_cqe *cqe;

	(void)due;
	check(!io_uring_wait_cqe(&ring, &cqe) && cqe->res == -ETIME, "io_uring_wait_cqe");
	io_uring_cqe_seen(&ring, cqe);
}

static void uring_close(void)
{
	io_uring_queue_exit(&ring);
}

/* POSIX timer */

static sigset_t signals;

static void posix_open(void)
{
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN };

	sigemptyset(&signals);
	sigaddset(&signals, SIGRTMIN);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	check(!timer_create(CLOCK_MONOTONIC, &event, &timer), "timer_create");
}

static void posix_request(uint64_t due)
{
	struct itimerspec its = {
		.it_value = { due / NSEC_PER_SEC, due % NSEC_PER_SEC },
	};

	check(!timer_settime(timer, TIMER_ABSTIME, &its, NULL), "timer_settime");
}

static void posix_wait(uint64_t due)
{
	siginfo_t info;

	(void)due;
	/* A ring that was closed may still send us on a detour. */
	while (sigwaitinfo(&signals, &info) != SIGRTMIN)
		check(errno == EINTR, "sigwaitinfo");
}

static void posix_close(void)
{
	timer_delete(timer);
}

static const struct path paths[] = {
	{ "timerfd read", timerfd_open, timerfd_request, timerfd_wait, close_all },
	{ "timerfd epoll+read", timerfd_open_epoll, timerfd_request,
	  timerfd_wait_epoll, close_all },
	{ "io_uring wait", uring_open, uring_request, uring_wait, uring_close },
	{ "POSIX timer sigwait", posix_open, posix_request, posix_wait, posix_close },
	{ "evnotify read", evnotify_open, evnotify_request, evnotify_wait_read, close_all },
	{ "evnotify epoll+read", evnotify_open_epoll, evnotify_request,
	  evnotify_wait_epoll, close_all },
	{ "evnotify eventfd read", evnotify_open_eventfd, evnotify_request,
	  evnotify_wait_eventfd, close_all },
	{ "evnotify eventfd epoll+read", evnotify_open_eventfd_epoll, evnotify_request,
	  evnotify_wait_eventfd_epoll, close_all },
	{ "evnotify WAIT", evnotify_open, NULL, evnotify_wait_ioctl, close_all },
};

/* From the due time to the return of the call. */
static void measure(const struct path *path)
{
	static uint64_t late[SAMPLES];
	uint64_t due;
	int i;

	path->open();
	for (i = -5; i < SAMPLES; i++) {	/* the first few find cold caches */
		warming_up = i < 0;
		/* not always at the same point of a tick of the timer's hardware */
		due = now_ns() + DELAY + random_u64() % 1000;
		if (path->request)
			path->request(due);
		mark(LATENCY, 1);
		path->wait(due);
		mark(OTHER, 0);
		if (i >= 0)
			late[i] = now_ns() - due;
		usleep(100);
	}
	path->close();
	qsort(late, SAMPLES, sizeof(*late), cmp_u64);
	result("latency", path->name, 1, "-", late[SAMPLES / 2], late[0], late[SAMPLES * 99 / 100]);
}

/* All of it for a request that is due at once: to ask, to sleep or not, to be told. */
static void measure_round_trip(const struct path *path)
{
	static struct samples s;
	uint64_t start;
	int i;

	path->open();
	for (i = -5; i < SAMPLES; i++) {
		start = ticks();
		if (path->request)
			path->request(1);
		path->wait(1);
		if (i >= 0)
			sample(&s, ticks() - start);
	}
	path->close();
	summary("round_trip", path->name, 1, "-", &s);
}

void measure_latency(const char *only)
{
	unsigned int i;

	for (i = 0; i < sizeof(paths) / sizeof(*paths); i++)
		if (!strncmp(paths[i].name, only, strlen(only))) {
			measure(&paths[i]);
			measure_round_trip(&paths[i]);
		}
}
