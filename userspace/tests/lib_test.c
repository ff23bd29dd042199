// SPDX-License-Identifier: GPL-2.0-only
/*
 * libevnotify on a device: what each call does, and how it fails.
 */
#include <evnotify.h>
#include <fcntl.h>
#include <linux/evnotify_sim.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "tap.h"

#define SOON_NS		1000000ULL
#define NEVER_NS	3600000000000ULL
#define N		100

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

static struct evn *open_instance(int flags)
{
	struct evn *evn = evn_open(NULL, flags);

	if (!evn) {
		printf("Bail out! cannot open /dev/evnotify: %s\n", strerror(errno));
		_exit(1);
	}
	return evn;
}

static struct evnotify_request request(uint64_t due_ns)
{
	return (struct evnotify_request){ .due_ns = due_ns, .clockid = CLOCK_MONOTONIC };
}

struct counters {
	long long armed;
	long long completed;
	long long cancelled;
	long long pending;
	long long unread;
};

/* The counters of the instance, all of one moment, from its fdinfo. */
static struct counters counters(struct evn *evn)
{
	struct counters c = { -1, -1, -1, -1, -1 };
	const struct {
		const char *name;
		long long *value;
	} names[] = {
		{ "armed", &c.armed },
		{ "completed", &c.completed },
		{ "cancelled", &c.cancelled },
		{ "pending", &c.pending },
		{ "unread", &c.unread },
	};
	char line[128];
	FILE *file;

	snprintf(line, sizeof(line), "/proc/self/fdinfo/%d", evn_fd(evn));
	file = fopen(line, "re");
	while (file && fgets(line, sizeof(line), file)) {
		char *value = strchr(line, ':');

		if (!value)
			continue;
		*value++ = '\0';
		for (size_t i = 0; i < ARRAY_SIZE(names); i++)
			if (strcmp(line, names[i].name) == 0)
				*names[i].value = atoll(value);
	}
	if (file)
		fclose(file);
	return c;
}

static bool balanced(struct evn *evn, long long armed)
{
	struct counters c = counters(evn);

	return c.armed == armed && c.completed + c.cancelled + c.pending == armed;
}

static void test_open(void)
{
	struct evn *evn = open_instance(0);
	struct evnotify_info info = { 0 };
	struct evn *other;
	int fd;

	check(fcntl(evn_fd(evn), F_GETFD) & FD_CLOEXEC, "the descriptor is close-on-exec");
	check(!(fcntl(evn_fd(evn), F_GETFL) & O_NONBLOCK), "and blocks");
	check(evn_info(evn, &info) == 0 && info.abi_version >= 1 && info.max_requests > 0,
	      "info");
	check(info.module_version == evn_version(), "library and module are of one version");
	fd = dup(evn_fd(evn));
	other = evn_from_fd(fd);
	check(other && evn_fd(other) == fd, "an instance from a descriptor");
	evn_close(other);
	check(fcntl(fd, F_GETFD) < 0, "closing it closes the descriptor");
	evn_close(evn);

	evn = open_instance(O_NONBLOCK);
	check(fcntl(evn_fd(evn), F_GETFL) & O_NONBLOCK, "O_NONBLOCK");
	evn_close(evn);
}

static void test_release(void)
{
	struct evn *evn = open_instance(O_NONBLOCK);
	struct evnotify_request req = request(NEVER_NS);
	struct evnotify_event ev;
	int given = evn_fd(evn);
	int fd;

	if (!check(evn_register(evn, &req, 1) == 1, "arm one"))
		return;
	errno = EILSEQ;
	fd = evn_release(evn);
	check(fd == given && errno == EILSEQ, "release gives the descriptor up");
	check(fcntl(fd, F_GETFD) == FD_CLOEXEC, "which stays open, as it was");
	evn = evn_from_fd(fd);
	check(evn && evn_cancel(evn, req.id) == 0 && evn_read(evn, &ev, 1) == 1 &&
	      ev.id == req.id, "with what was armed");
	evn_close(evn);
}

/* Reads until @n records have come; each of N requests must come once. */
static bool each_once(struct evn *evn, unsigned int n)
{
	unsigned char seen[N] = { 0 };
	struct evnotify_event ev[7];
	uint64_t last_seq = 0;

	for (unsigned int got = 0; got < n;) {
		ssize_t taken = evn_read(evn, ev, 7);

		if (taken < 1 || taken > 7)
			return false;
		for (ssize_t i = 0; i < taken; i++, got++) {
			if (ev[i].user_data >= N || seen[ev[i].user_data]++ ||
			    ev[i].status || ev[i].count != 1 || ev[i].flags ||
			    ev[i].expired_ns < ev[i].due_ns ||
			    ev[i].completed_ns < ev[i].expired_ns ||
			    ev[i].seq != last_seq + 1)
				return false;
			last_seq = ev[i].seq;
		}
	}
	return true;
}

static void test_register(void)
{
	struct evn *evn = open_instance(0);
	struct evnotify_request reqs[N];
	bool ids = true;

	for (unsigned int i = 0; i < N; i++) {
		reqs[i] = request(SOON_NS);
		reqs[i].user_data = i;
	}
	check(evn_register(evn, reqs, N) == N, "register takes a batch");
	for (unsigned int i = 0; i < N; i++)
		ids = ids && reqs[i].id && (!i || reqs[i].id != reqs[i - 1].id);
	check(ids, "and sets ids");
	check(each_once(evn, N), "each is read once, in order of completion");
	check(balanced(evn, N), "the counters add up");

	reqs[3].flags = ~0U;
	check(evn_register(evn, reqs, 5) == 3, "a bad request ends the batch before it");
	check(evn_register(evn, reqs + 3, 2) == -1 && errno == EINVAL,
	      "the next call reports it: EINVAL");
	check(evn_register(evn, reqs, 0) == -1 && errno == EINVAL, "an empty batch: EINVAL");
	check(evn_register(evn, NULL, 1) == -1 && errno == EFAULT, "no requests: EFAULT");
	check(evn_register(evn, reqs, SIZE_MAX) == 3, "however many are to come after it");
	check(balanced(evn, N + 6), "only what was taken is armed");
	evn_close(evn);
}

static void test_write(void)
{
	struct evn *evn = open_instance(0);
	struct evnotify_request reqs[N];

	for (unsigned int i = 0; i < N; i++) {
		reqs[i] = request(SOON_NS);
		reqs[i].user_data = i;
	}
	check(evn_write(evn, reqs, N) == N, "write takes a batch");
	check(!reqs[0].id, "and sets no ids");
	check(each_once(evn, N), "each is read once");
	reqs[1].clockid = 99;
	check(evn_write(evn, reqs, 2) == 1, "a bad request ends the batch before it");
	check(evn_write(evn, reqs + 1, 1) == -1 && errno == EINVAL, "the next call reports it");
	check(evn_write(evn, reqs, 0) == -1 && errno == EINVAL, "an empty batch: EINVAL");
	evn_close(evn);
}

static void test_read(void)
{
	struct evn *evn = open_instance(O_NONBLOCK);
	struct evnotify_request req = request(NEVER_NS);
	struct evnotify_event ev;

	check(evn_read(evn, &ev, 1) == -1 && errno == EAGAIN, "nothing to read: EAGAIN");
	check(evn_read(evn, &ev, 0) == -1 && errno == EINVAL, "room for none: EINVAL");
	req.user_data = ~0ULL;
	if (!check(evn_register(evn, &req, 1) == 1, "arm one"))
		return;
	check(evn_cancel(evn, req.id) == 0, "cancel it");
	check(evn_read(evn, &ev, 1) == 1 && ev.id == req.id && ev.user_data == ~0ULL &&
	      ev.status == -ECANCELED && !ev.count && !ev.expired_ns,
	      "its record says that it was cancelled");
	evn_close(evn);
}

static void test_eventfd(void)
{
	struct evn *evn = open_instance(0);
	struct evnotify_request req = request(SOON_NS);
	struct evnotify_event ev;
	eventfd_t count = 0;

	req.mode = EVNOTIFY_MODE_EVENTFD;
	req.eventfd = eventfd(0, EFD_CLOEXEC);
	req.period_ns = SOON_NS;
	req.count = 5;
	check(evn_register(evn, &req, 1) == 1, "arm a periodic eventfd request");
	for (eventfd_t sum = 0; sum < 5 && eventfd_read(req.eventfd, &count) == 0;)
		count = sum += count;
	check(count == 5, "the eventfd counts every expiration");
	fcntl(evn_fd(evn), F_SETFL, O_NONBLOCK);
	check(evn_read(evn, &ev, 1) == -1 && errno == EAGAIN, "there is no record");
	check(evn_cancel(evn, req.id) == -1 && errno == EALREADY, "it has completed");
	close(req.eventfd);
	check(evn_register(evn, &req, 1) == -1 && errno == EBADF, "no such eventfd: EBADF");
	evn_close(evn);
}

static void test_cancel_update(void)
{
	struct evn *evn = open_instance(0);
	struct evnotify_request reqs[3] = {
		request(NEVER_NS), request(NEVER_NS), request(NEVER_NS)
	};
	struct evnotify_update update = { .due_ns = SOON_NS };
	struct evnotify_event ev[3];

	check(evn_register(evn, reqs, 3) == 3, "arm three");
	update.id = reqs[1].id;
	check(evn_update(evn, &update) == 0, "bring one forward");
	check(evn_read(evn, ev, 3) == 1 && ev[0].id == reqs[1].id && !ev[0].status,
	      "it completes");
	check(evn_update(evn, &update) == -1 && errno == EALREADY, "once: EALREADY");
	check(evn_cancel(evn, reqs[1].id) == -1 && errno == EALREADY, "cancelling it: EALREADY");
	check(evn_cancel(evn, ~0ULL) == -1 && errno == ENOENT, "cancelling no id: ENOENT");
	update.id = ~0ULL;
	check(evn_update(evn, &update) == -1 && errno == ENOENT, "updating no id: ENOENT");
	update.id = reqs[0].id;
	update.flags = ~0U;
	check(evn_update(evn, &update) == -1 && errno == EINVAL, "a bad update: EINVAL");
	check(evn_cancel_all(evn) == 2, "cancel the other two");
	check(evn_read(evn, ev, 3) == 2 && ev[0].status == -ECANCELED &&
	      ev[1].status == -ECANCELED, "their records say so");
	check(evn_cancel_all(evn) == 0, "cancelling nothing cancels nothing");
	check(balanced(evn, 3) && counters(evn).cancelled == 2 && counters(evn).pending == 0,
	      "the counters add up");
	evn_close(evn);
}

struct waiter {
	struct evn *evn;
	struct evnotify_wait wait;
	int error;
};

static void *waiter_main(void *arg)
{
	struct waiter *waiter = arg;

	waiter->error = evn_wait(waiter->evn, &waiter->wait) < 0 ? errno : 0;
	return NULL;
}

/* Starts a thread that blocks; returns once its request has an id. */
static uint64_t start_waiter(struct waiter *waiter, pthread_t *thread)
{
	uint64_t id;

	if (pthread_create(thread, NULL, waiter_main, waiter))
		_exit(1);
	do
		id = __atomic_load_n(&waiter->wait.request.id, __ATOMIC_ACQUIRE);
	while (!id);
	/* The id comes before the request is armed. */
	while (counters(waiter->evn).pending != 1)
		;
	return id;
}

static void on_signal(int signal)
{
	(void)signal;
}

static void test_wait(void)
{
	struct waiter waiter = { .evn = open_instance(O_NONBLOCK) };
	struct sigaction action = { .sa_handler = on_signal };
	struct evnotify_update update = { .due_ns = 0 };
	struct evnotify_wait wait = { .request = request(SOON_NS) };
	pthread_t thread;

	check(evn_wait(waiter.evn, &wait) == 0 && wait.request.id == wait.event.id &&
	      !wait.event.status && wait.event.expired_ns >= wait.event.due_ns,
	      "wait blocks until its request completes, O_NONBLOCK or not");
	wait.request.period_ns = NEVER_NS;
	check(evn_wait(waiter.evn, &wait) == -1 && errno == EINVAL, "a period: EINVAL");

	waiter.wait.request = request(NEVER_NS);
	check(evn_cancel(waiter.evn, start_waiter(&waiter, &thread)) == 0,
	      "another thread cancels a wait by its id");
	pthread_join(thread, NULL);
	check(!waiter.error && waiter.wait.event.status == -ECANCELED, "it returns -ECANCELED");

	waiter.wait.request = request(NEVER_NS);
	update.id = start_waiter(&waiter, &thread);
	check(evn_update(waiter.evn, &update) == 0, "another thread brings a wait forward");
	pthread_join(thread, NULL);
	check(!waiter.error && !waiter.wait.event.status && waiter.wait.event.count == 1,
	      "it completes");

	sigaction(SIGUSR1, &action, NULL);
	waiter.wait.request = request(NEVER_NS);
	memset(&waiter.wait.event, 0x5a, sizeof(waiter.wait.event));
	start_waiter(&waiter, &thread);
	pthread_kill(thread, SIGUSR1);
	pthread_join(thread, NULL);
	check(waiter.error == EINTR && waiter.wait.event.seq == 0x5a5a5a5a5a5a5a5aULL,
	      "a signal handler ends a wait with EINTR, the event untouched");
	update.id = waiter.wait.request.id;
	check(evn_update(waiter.evn, &update) == 0 && evn_wait(waiter.evn, &waiter.wait) == 0 &&
	      waiter.wait.event.id == update.id && !waiter.wait.event.status,
	      "the same call takes its request up again");
	check(counters(waiter.evn).cancelled == 1 && counters(waiter.evn).unread == 0 &&
	      balanced(waiter.evn, 4), "the counters add up");
	evn_close(waiter.evn);
}

static void test_poll(void)
{
	struct evn *evn = open_instance(O_NONBLOCK);
	struct pollfd pfd = { .fd = evn_fd(evn), .events = POLLIN };
	struct evnotify_request req = request(SOON_NS);
	struct evnotify_event ev;

	check(poll(&pfd, 1, 0) == 0, "an instance without records is not readable");
	check(evn_register(evn, &req, 1) == 1 && poll(&pfd, 1, 10000) == 1 &&
	      pfd.revents == POLLIN, "it is once one completes");
	check(evn_read(evn, &ev, 1) == 1 && poll(&pfd, 1, 0) == 0, "and not once that is read");
	evn_close(evn);
}

static void raise_event(int sim, uint64_t data)
{
	struct evnotify_sim_step step = { .data = data };

	if (write(sim, &step, sizeof(step)) != sizeof(step))
		abort();
}

/* The tasklet has the event, perhaps on another CPU, when it was raised. */
static ssize_t await_event(struct evn *evn, struct evnotify_event *ev)
{
	struct pollfd pfd = { .fd = evn_fd(evn), .events = POLLIN };

	poll(&pfd, 1, 10000);
	return evn_read(evn, ev, 1);
}

static void test_source(void)
{
	struct evnotify_sim_new new = { .flags = O_CLOEXEC };
	int sim = open("/dev/evnotify-sim", O_WRONLY | O_CLOEXEC);
	struct evnotify_wait wait = { .request = request(0) };
	struct evnotify_request req = request(0);
	struct evnotify_info info;
	struct evnotify_event ev;
	char node[64];
	struct evn *received;
	struct evn *evn;

	if (sim < 0) {
		printf("ok %d - a source # SKIP there is no evnotify-sim\n", ++tap_points);
		return;
	}
	check(ioctl(sim, EVNOTIFY_SIM_IOC_NEW, &new) == 0, "a sim makes a source");
	snprintf(node, sizeof(node), "/dev/%s", new.name);
	evn = evn_open(node, O_NONBLOCK);
	received = evn_from_fd(new.fd);
	check(evn && received, "it can be opened, and its descriptor used");
	if (!evn || !received)
		return;
	check(evn_info(evn, &info) == 0 && info.features & EVNOTIFY_FEATURE_HAS_SOURCE &&
	      evn_info(received, &info) == 0 && info.features & EVNOTIFY_FEATURE_HAS_SOURCE,
	      "info says that they have one");

	req.flags = EVNOTIFY_SOURCE | EVNOTIFY_REPEAT;
	check(evn_register(evn, &req, 1) == 1 && evn_read(evn, &ev, 1) == -1 && errno == EAGAIN,
	      "a request waits for its events");
	check(evn_update(evn, &(struct evnotify_update){ .id = req.id }) == -1 && errno == EINVAL,
	      "it takes no new times: EINVAL");
	raise_event(sim, 42);
	check(await_event(evn, &ev) == 1 &&
	      ev.flags == (EVNOTIFY_EVENT_DATA | EVNOTIFY_EVENT_MORE) && ev.data == 42 &&
	      ev.count == 1 && !ev.lost && !ev.status, "it has the data of one");
	wait.request.flags = EVNOTIFY_SOURCE;
	check(evn_wait(received, &wait) == 0 && wait.event.flags == EVNOTIFY_EVENT_DATA &&
	      wait.event.data == 42, "so has a wait in another instance, which comes later");
	wait.request.id = 0;
	wait.request.due_ns = SOON_NS;
	check(evn_wait(received, &wait) == 0 && wait.event.status == -ETIME && !wait.event.count,
	      "it times out");

	raise_event(sim, 43);
	close(sim);
	check(await_event(evn, &ev) == 1 && ev.data == 43, "what was raised before the source goes");
	check(await_event(evn, &ev) == 1 && ev.status == -ENODEV && !ev.flags, "that it is gone");
	check(await_event(evn, &ev) == -1 && errno == ENODEV, "then no more: ENODEV");
	check(evn_register(evn, &req, 1) == -1 && errno == ENODEV, "nor can a request wait: ENODEV");
	wait.request.id = 0;
	wait.request.due_ns = 0;
	check(evn_wait(received, &wait) == 0 && wait.event.data == 43,
	      "another instance has it as well, at its own pace");
	check(!evn_open(node, 0) && errno == ENOENT, "its node is gone: ENOENT");
	evn_close(evn);
	evn_close(received);
}

int main(void)
{
	/* Something that blocks for ever is a failure, not a hang. */
	alarm(120);
	test_open();
	test_release();
	test_register();
	test_write();
	test_read();
	test_eventfd();
	test_cancel_update();
	test_wait();
	test_poll();
	test_source();
	return tap_done();
}
