// SPDX-License-Identifier: GPL-2.0-only
/*
 * What ends a request races with its expiry, from two threads: whoever wins, it ends once,
 * and everybody is told the same. By the calls that the literal port has. TAP.
 *
 *	races DEVICE
 *
 * EVNOTIFY_RACE_MS: how long each test races (1000).
 */
#define _GNU_SOURCE	/* for CPU_SET */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include <linux/evnotify.h>

/* Requests that are due at once in a file that is closed then. */
#define MANY	64
/* Who wait for one eventfd. */
#define CROWD	500

static const char *device;
static pthread_t main_thread;
static uint64_t race_ns = 1000000000;

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000ULL + now.tv_nsec;
}

/* A device that does what no outcome of a race explains: there is no going on. */
#define MUST(condition) do {						\
	if (!(condition)) {						\
		printf("Bail out! line %d: %s (errno %d)\n", __LINE__, #condition, errno); \
		exit(1);						\
	}								\
} while (0)

/* --- the calls: 0 or -errno ----------------------------------------------------------- */

static int call(int fd, unsigned long cmd, void *arg)
{
	return ioctl(fd, cmd, arg) ? -errno : 0;
}

static uint64_t arm(int fd, uint64_t due_ns, int eventfd)
{
	struct evnotify_request req = {
		.due_ns = due_ns,
		.mode = eventfd < 0 ? EVNOTIFY_MODE_PENDING : EVNOTIFY_MODE_EVENTFD,
		.clockid = CLOCK_MONOTONIC,
		.eventfd = eventfd < 0 ? 0 : eventfd,
	};
	struct evnotify_register reg = { .requests = (uintptr_t)&req, .count = 1 };

	MUST(!call(fd, EVNOTIFY_IOC_REGISTER, &reg) && reg.taken == 1 && req.id);
	return req.id;
}

static int cancel(int fd, uint64_t id)
{
	struct evnotify_cancel args = { .id = id };
	int ret = call(fd, EVNOTIFY_IOC_CANCEL, &args);

	MUST(args.cancelled == !ret);
	return ret;
}

static bool readable(int fd)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };

	return poll(&pfd, 1, 0) == 1;
}

static int open_device(void)
{
	int fd = open(device, O_RDWR | O_CLOEXEC);

	MUST(fd >= 0);
	return fd;
}

/* --- the other thread ----------------------------------------------------------------- */

static struct {
	atomic_int round;	/* the test's: go */
	atomic_int struck;	/* the opponent's: done */
	void (*strike)(void);
	uint64_t strike_ns;
	int fd;
	int close_fd;
	atomic_ullong id;
	struct evnotify_wait wait;
	int ret;
} opponent;

/* With one CPU there is less of a race, but no less to assert. */
static void pin(unsigned int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

static void *opponent_main(void *arg)
{
	int round = 0;

	pin(1);
	while (true) {
		while (opponent.round == round)
			sched_yield();
		round = opponent.round;
		while (now_ns() < opponent.strike_ns)
			;
		opponent.strike();
		opponent.struck = round;
	}
	return arg;
}

/* Both within a time that changes: on slow machines and on fast ones each side wins. */
static uint64_t random_ns(unsigned int round)
{
	return rand() % (50000U << 2 * (round % 4));
}

static void strike_at(uint64_t strike_ns)
{
	opponent.strike_ns = strike_ns;
	opponent.round++;
}

static void join(void)
{
	while (opponent.struck != opponent.round)
		sched_yield();
}

static void strike_cancel(void)
{
	opponent.ret = cancel(opponent.fd, opponent.id);
}

/* Of the WAIT that the main thread is in, whose id is there before it blocks. */
static void strike_cancel_wait(void)
{
	volatile struct evnotify_wait *wait = &opponent.wait;
	uint64_t id;

	while (!(id = wait->request.id))
		sched_yield();
	opponent.ret = cancel(opponent.fd, id);
}

static void strike_signal(void)
{
	pthread_kill(main_thread, SIGUSR1);
}

static void strike_close(void)
{
	close(opponent.close_fd);
}

/* --- the races ------------------------------------------------------------------------ */

/* Each returns whether the opponent won. */

static bool cancel_pending(unsigned int round)
{
	struct evnotify_event event;

	opponent.strike = strike_cancel;
	opponent.id = arm(opponent.fd, random_ns(round), -1);
	strike_at(now_ns() + random_ns(round));
	MUST(read(opponent.fd, &event, sizeof(event)) == sizeof(event));
	join();
	MUST(event.id == opponent.id);
	MUST(event.status == (opponent.ret ? 0 : -ECANCELED));
	MUST(opponent.ret == 0 || opponent.ret == -EALREADY);
	MUST(event.status || (event.due_ns <= event.expired_ns && event.count == 1));
	MUST(event.completed_ns <= now_ns());
	return !opponent.ret;
}

static bool cancel_eventfd(unsigned int round)
{
	static int signalled = -1;
	uint64_t signals;

	if (signalled < 0)
		signalled = eventfd(0, EFD_CLOEXEC);
	MUST(!readable(signalled));	/* nothing comes late */
	opponent.strike = strike_cancel;
	opponent.id = arm(opponent.fd, random_ns(round), signalled);
	strike_at(now_ns() + random_ns(round));
	join();
	if (!opponent.ret) {
		MUST(!readable(signalled));
		return true;
	}
	MUST(opponent.ret == -EALREADY);
	MUST(read(signalled, &signals, sizeof(signals)) == sizeof(signals) && signals == 1);
	return false;
}

static void prepare_wait(unsigned int round)
{
	memset(&opponent.wait, 0, sizeof(opponent.wait));
	opponent.wait.request.due_ns = random_ns(round);
	opponent.wait.request.clockid = CLOCK_MONOTONIC;
}

static bool cancel_wait(unsigned int round)
{
	prepare_wait(round);
	opponent.strike = strike_cancel_wait;
	strike_at(now_ns() + random_ns(round));
	MUST(!call(opponent.fd, EVNOTIFY_IOC_WAIT, &opponent.wait));
	join();
	MUST(opponent.wait.event.id == opponent.wait.request.id);
	MUST(opponent.wait.event.status == (opponent.ret ? 0 : -ECANCELED));
	return !opponent.ret;
}

static bool signal_wait(unsigned int round)
{
	int ret;

	prepare_wait(round);
	opponent.strike = strike_signal;
	strike_at(now_ns() + random_ns(round));
	ret = call(opponent.fd, EVNOTIFY_IOC_WAIT, &opponent.wait);
	join();
	MUST(ret == -EINTR || (!ret && !opponent.wait.event.status));
	return ret;
}

/* An eventfd that so many wait for that to signal it takes long. */
static int crowded_eventfd(void)
{
	int i, fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);

	for (i = 0; i < CROWD; i++) {
		struct epoll_event event = { .events = EPOLLIN };

		MUST(!epoll_ctl(epoll_create1(EPOLL_CLOEXEC), EPOLL_CTL_ADD, fd, &event));
	}
	return fd;
}

/*
 * On another CPU than the timers', while many are due at once: one is being signalled, and
 * the tasklets of those behind it have yet to run.
 */
static bool close_many(unsigned int round)
{
	static int signalled = -1;
	static uint64_t margin_ns = 1000000, late_ns = 100000;
	uint64_t due_ns = now_ns() + margin_ns, signals = 0;
	int i;

	(void)round;
	if (signalled < 0)
		signalled = crowded_eventfd();
	opponent.close_fd = open_device();
	opponent.strike = strike_close;
	for (i = 0; i < MANY; i++) {
		uint64_t now = now_ns();

		arm(opponent.close_fd, due_ns > now ? due_ns - now : 0, i % 2 ? signalled : -1);
	}
	if (now_ns() > due_ns)
		margin_ns *= 2;
	strike_at(due_ns + rand() % late_ns);
	join();
	MUST(read(signalled, &signals, sizeof(signals)) < 0 || signals <= MANY / 2);
	/* what is closed is over */
	usleep(100);
	MUST(!readable(signalled));
	/* steered, so that each side wins every other round or so */
	late_ns = signals < MANY / 2 ? 2 * late_ns : late_ns / 2 + 1000;
	return signals < MANY / 2;
}

static const struct race {
	const char *name;
	bool (*run)(unsigned int round);
} races[] = {
	{ "cancel a pending request", cancel_pending },
	{ "cancel one that signals an eventfd", cancel_eventfd },
	{ "cancel a WAIT", cancel_wait },
	{ "interrupt a WAIT by a signal", signal_wait },
	{ "close", close_many },
};

static void on_signal(int number)
{
	(void)number;
}

int main(int argc, char **argv)
{
	const char *ms = getenv("EVNOTIFY_RACE_MS");
	struct sigaction action = { .sa_handler = on_signal };	/* without SA_RESTART */
	unsigned int i, wins[2];
	pthread_t thread;
	uint64_t end_ns;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc != 2)
		return 2;
	device = argv[1];
	main_thread = pthread_self();
	if (ms)
		race_ns = strtoull(ms, NULL, 0) * 1000000;
	sigaction(SIGUSR1, &action, NULL);
	alarm(600);	/* whom nobody tells fails, and does not hang */
	opponent.fd = open_device();
	printf("TAP version 13\n1..%zu\n", sizeof(races) / sizeof(races[0]));
	MUST(!pthread_create(&thread, NULL, opponent_main, NULL));
	pin(0);

	for (i = 0; i < sizeof(races) / sizeof(races[0]); i++) {
		wins[0] = 0;
		wins[1] = 0;
		end_ns = now_ns() + race_ns;
		/* not before either side has won: else it was no race */
		while (now_ns() < end_ns || !wins[0] || !wins[1])
			wins[races[i].run(wins[0] + wins[1])]++;
		MUST(!readable(opponent.fd));	/* nothing came twice */
		printf("ok %u %s: %u of %u\n", i + 1, races[i].name, wins[1], wins[0] + wins[1]);
	}
	return 0;
}
