// SPDX-License-Identifier: GPL-2.0-only
/*
 * The sample drivers: what an author copies works, and goes while processes have it open.
 *
 * EVNOTIFY_LOADS: how many times a driver goes and comes under traffic (50)
 */
#include <dirent.h>
#include <liburing.h>
#include <stdatomic.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "drivers.h"

static unsigned int rounds(void)
{
	const char *loads = getenv("EVNOTIFY_LOADS");

	return loads ? atoi(loads) : 50;
}

/* --- events ---------------------------------------------------------------------------- */

static struct evnotify_request source_request(__u32 flags)
{
	return (struct evnotify_request) {
		.mode = EVNOTIFY_MODE_PENDING,
		.clockid = CLOCK_MONOTONIC,
		.flags = EVNOTIFY_SOURCE | flags,
	};
}

/* The data of the next event, or -errno. */
static long next_event(int fd)
{
	struct evnotify_wait wait = { .request = source_request(0) };
	int ret;

	wait.request.due_ns = PATIENCE_MS * NSEC_PER_MSEC;
	ret = call(fd, EVNOTIFY_IOC_WAIT, &wait);
	if (ret)
		return ret;
	*patience_lost |= wait.event.status == -ETIME;
	return wait.event.status ?: (long)wait.event.data;
}

/* Is there an event that nobody has taken? */
static bool event_kept(int fd)
{
	struct evnotify_wait wait = { .request = source_request(EVNOTIFY_ABSTIME) };

	return !call(fd, EVNOTIFY_IOC_WAIT, &wait) && wait.event.status != -ETIME;
}

/* The number of events that fdinfo says have been taken */
static unsigned long long taken(int fd)
{
	unsigned long long value = ~0ULL;
	const char *line;
	char text[1024];

	if (read_fdinfo(fd, text, sizeof(text)) >= 0) {
		line = strstr(text, "\ntaken:");
		if (line)
			sscanf(line, "\ntaken: %llu", &value);
	}
	return value;
}

/* Reads all that there is of a source that is gone: 0, or -errno if that is not how it ends. */
static int read_to_the_end(int fd, unsigned int *events, unsigned int *gone)
{
	struct evnotify_event record;
	int ret;

	while ((ret = read_events(fd, &record, 1)) == 0) {
		if (record.status && record.status != -ENODEV)
			return record.status;
		*gone += record.status == -ENODEV;
		*events += record.status ? 0 : record.count;
	}
	return ret == -ENODEV ? 0 : ret;
}

/* What every program sees of a source that is gone, when it has read all. */
#define EXPECT_GONE(_fd) do {							\
	struct evnotify_request _req = source_request(0);			\
	struct pollfd _pfd = { .fd = (_fd) };					\
	struct evnotify_event _event;						\
										\
	EXPECT_EQ(1, IN_TIME(poll(&_pfd, 1, PATIENCE_MS)));				\
	EXPECT_EQ(POLLHUP | POLLERR, _pfd.revents);				\
	EXPECT_EQ(-ENODEV, read_some(_pfd.fd, &_event, 1));			\
	EXPECT_EQ(-ENODEV, arm(_pfd.fd, &_req));				\
	EXPECT_TRUE(balanced(counters(_pfd.fd)));				\
} while (0)

/* --- template: the least driver -------------------------------------------------------- */

FIXTURE(template)
{
	int fd;
};

FIXTURE_SETUP(template)
{
	self->fd = -1;
	if (!have_samples() && !strict())
		SKIP(return, "EVNOTIFY_SAMPLES names no directory");
	ASSERT_TRUE(have_samples());
	ASSERT_EQ(0, load("template", ""));
	self->fd = open_source("template");
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(template)
{
	unload("template");
	if (self->fd >= 0)
		close(self->fd);
}

TEST_F(template, tells_of_each_interrupt)
{
	struct evnotify_request req = source_request(EVNOTIFY_REPEAT);
	struct evnotify_event events[6];
	char text[1024];
	int i;

	req.count = 6;
	ASSERT_EQ(0, arm(self->fd, &req));
	ASSERT_EQ(0, read_events(self->fd, events, 6));
	for (i = 0; i < 6; i++) {
		EXPECT_EQ(0, events[i].status);
		EXPECT_EQ(EVNOTIFY_EVENT_DATA | (i < 5 ? EVNOTIFY_EVENT_MORE : 0),
			  events[i].flags);
		EXPECT_EQ(1, events[i].count);
		EXPECT_EQ(events[0].data + i, events[i].data);
		EXPECT_LT(i ? events[i - 1].expired_ns : 0, events[i].expired_ns);
	}
	ASSERT_LT(0, read_fdinfo(self->fd, text, sizeof(text)));
	EXPECT_NE(NULL, strstr(text, "\nsource:\tevnotify-template0\n"));
	EXPECT_COUNTERS(self->fd, 1, 1, 0, 0, 0);
}

TEST_F(template, is_unloaded_while_its_node_is_open)
{
	enum { N = 1000 };
	struct evnotify_request reqs[N];
	unsigned int events = 0, gone = 0;
	int fd, i;

	for (i = 0; i < N; i++)
		reqs[i] = source_request(0);
	ASSERT_EQ(N, arm_many(self->fd, reqs, N));
	ASSERT_EQ(0, unload("template"));
	EXPECT_EQ(-ENOENT, open_source("template"));
	EXPECT_EQ(0, read_to_the_end(self->fd, &events, &gone));
	EXPECT_EQ(N, events + gone);
	EXPECT_LT(0, gone);
	EXPECT_GONE(self->fd);
	/* Its name is free again, though somebody has the old one open. */
	ASSERT_EQ(0, load("template", ""));
	fd = open_source("template");
	ASSERT_LE(0, fd);
	EXPECT_LT(0, next_event(fd));
	EXPECT_GONE(self->fd);
	close(fd);
}

/* A thread that listens to whatever source is there, until it is told to stop */
struct listener {
	pthread_t thread;
	int (*listen)(struct listener *l, int fd);
	atomic_uint events;
	atomic_uint ends;
	atomic_bool stop;
	struct io_uring ring;
	atomic_int ret;	/* what it did not expect */
};

static int listen_wait(struct listener *l, int fd)
{
	long ret;

	while ((ret = next_event(fd)) >= 0)
		l->events++;
	return ret;
}

static int listen_poll(struct listener *l, int fd)
{
	struct evnotify_request req = source_request(EVNOTIFY_REPEAT);
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	struct evnotify_event events[8];
	unsigned int told = 0;
	int ret = arm(fd, &req);
	int i, n;

	while (!ret) {
		if (IN_TIME(poll(&pfd, 1, PATIENCE_MS)) != 1)
			return -ETIMEDOUT;
		n = read_some(fd, events, 8);
		if (n < 0)
			ret = n;
		for (i = 0; i < n; i++) {
			told += events[i].count;
			l->events += events[i].count;
		}
	}
	/* Of a request that was armed, each event that was taken has been told. */
	return ret == -ENODEV && told != taken(fd) ? -EPROTO : ret;
}

#define IORING_READ_MULTISHOT	49	/* as of Linux 6.7 */

static int multishot_submit(struct listener *l, int fd)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&l->ring);

	io_uring_prep_rw(IORING_READ_MULTISHOT, sqe, fd, NULL, 0, -1);
	io_uring_sqe_set_data64(sqe, IORING_READ_MULTISHOT);
	sqe->flags |= IOSQE_BUFFER_SELECT;
	sqe->buf_group = 1;
	return io_uring_submit(&l->ring) == 1 ? 0 : -EIO;
}

static int multishot_provide(struct listener *l, struct evnotify_event *events, int n, int first)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&l->ring);

	io_uring_prep_provide_buffers(sqe, events, sizeof(*events), n, 1, first);
	io_uring_sqe_set_data64(sqe, 0);
	return io_uring_submit(&l->ring) == 1 ? 0 : -EIO;
}

static int listen_multishot(struct listener *l, int fd)
{
	enum { N = 8 };
	struct evnotify_request req = source_request(EVNOTIFY_REPEAT);
	struct __kernel_timespec patience = { .tv_sec = PATIENCE_MS / 1000 };
	struct evnotify_event events[N];
	struct io_uring_cqe *cqe;
	unsigned int told = 0, id;
	int ret;

	ret = io_uring_queue_init(32, &l->ring, 0);
	if (!ret)
		ret = multishot_provide(l, events, N, 0);
	if (!ret)
		ret = arm(fd, &req);
	if (!ret)
		ret = multishot_submit(l, fd);
	while (!ret) {
		ret = io_uring_wait_cqe_timeout(&l->ring, &cqe, &patience);
		if (ret)
			break;
		if (cqe->user_data == 0) {
			ret = cqe->res < 0 ? cqe->res : 0;
		} else if (cqe->res == sizeof(*events)) {
			id = cqe->flags >> IORING_CQE_BUFFER_SHIFT;
			told += events[id].count;
			l->events += events[id].count;
			ret = multishot_provide(l, &events[id], 1, id);
			if (!ret && !(cqe->flags & IORING_CQE_F_MORE))
				ret = multishot_submit(l, fd);
		} else if (cqe->res == -ENOBUFS) {
			/* It has ended for want of buffers, which are there again. */
			ret = multishot_submit(l, fd);
		} else {
			ret = cqe->res < 0 ? cqe->res : -EPROTO;
		}
		io_uring_cqe_seen(&l->ring, cqe);
	}
	io_uring_queue_exit(&l->ring);
	return ret == -ENODEV && told != taken(fd) ? -EPROTO : ret;
}

static void *listener_main(void *arg)
{
	struct listener *l = arg;
	int fd, ret;

	while (!l->stop) {
		fd = open_source("template");
		/* The driver is unbound: no node, or one of a source that just goes. */
		if (fd == -ENOENT || fd == -ENODEV || fd == -ENXIO) {
			sched_yield();
			continue;
		}
		ret = fd < 0 ? fd : l->listen(l, fd);
		if (ret != -ENODEV || !balanced(counters(fd))) {
			l->ret = ret;
			break;
		}
		close(fd);
		l->ends++;
	}
	return NULL;
}

/* Binds and unbinds the driver, each time when every listener has had an event. */
static void goes_and_comes(struct __test_metadata *_metadata,
			   int (**listen)(struct listener *l, int fd), int n)
{
	static const char driver[] = "/sys/bus/platform/drivers/evnotify-template/";
	struct listener listeners[3] = { 0 };
	char bind[96], unbind[96];
	unsigned int before, round;
	int i;

	snprintf(bind, sizeof(bind), "%sbind", driver);
	snprintf(unbind, sizeof(unbind), "%sunbind", driver);
	for (i = 0; i < n; i++) {
		listeners[i].listen = listen[i];
		ASSERT_EQ(0, pthread_create(&listeners[i].thread, NULL, listener_main,
					    &listeners[i]));
	}
	for (round = 0; round < rounds(); round++) {
		for (i = 0; i < n; i++) {
			ASSERT_TRUE(UNTIL(listeners[i].ends == round || listeners[i].ret))
				TH_LOG("round %u: listener %d does not see the end", round, i);
			before = listeners[i].events;
			ASSERT_TRUE(UNTIL(listeners[i].events > before || listeners[i].ret))
				TH_LOG("round %u: listener %d has no event", round, i);
		}
		ASSERT_EQ(0, put(unbind, "evnotify-template"));
		ASSERT_EQ(0, put(bind, "evnotify-template"));
	}
	for (i = 0; i < n; i++)
		listeners[i].stop = true;
	EXPECT_EQ(0, put(unbind, "evnotify-template"));
	for (i = 0; i < n; i++) {
		pthread_join(listeners[i].thread, NULL);
		EXPECT_EQ(0, listeners[i].ret)
			TH_LOG("listener %d", i);
		EXPECT_LE(rounds(), listeners[i].ends);
	}
	EXPECT_EQ(0, put(bind, "evnotify-template"));
}

TEST_F(template, goes_and_comes_under_wait_and_poll)
{
	int (*listen[])(struct listener *l, int fd) = { listen_wait, listen_poll, listen_poll };

	goes_and_comes(_metadata, listen, 3);
}

TEST_F(template, goes_and_comes_under_read_multishot)
{
	int (*listen[])(struct listener *l, int fd) = { listen_multishot, listen_poll };
	struct io_uring_probe *probe = io_uring_get_probe();
	bool known = probe && probe->last_op >= IORING_READ_MULTISHOT;

	io_uring_free_probe(probe);
	if (!known)
		SKIP(return, "this kernel has no READ_MULTISHOT");
	goes_and_comes(_metadata, listen, 2);
}

/* --- edu: a PCI device ----------------------------------------------------------------- */

#define PCI	"/sys/bus/pci"

FIXTURE(edu)
{
	char device[32];
	char factorial[128];	/* its attribute */
};

/* The first such device; false: there is none */
static bool find_edu(char *device, size_t size)
{
	static const char devices[] = PCI "/devices";
	char file[512], line[32];
	struct dirent *entry;
	bool found = false;
	DIR *dir;

	dir = opendir(devices);
	while (dir && !found && (entry = readdir(dir))) {
		snprintf(file, sizeof(file), "%s/%s/vendor", devices, entry->d_name);
		if (strcmp(get(file, line, sizeof(line)), "0x1234"))
			continue;
		snprintf(file, sizeof(file), "%s/%s/device", devices, entry->d_name);
		found = !strcmp(get(file, line, sizeof(line)), "0x11e8");
		snprintf(device, size, "%.16s", entry->d_name);
	}
	if (dir)
		closedir(dir);
	return found;
}

FIXTURE_SETUP(edu)
{
	if (!have_samples() && !strict())
		SKIP(return, "EVNOTIFY_SAMPLES names no directory");
	ASSERT_TRUE(have_samples());
	if (!find_edu(self->device, sizeof(self->device)))
		SKIP(return, "no such device here: qemu-system-x86_64 -device edu");
	snprintf(self->factorial, sizeof(self->factorial), PCI "/devices/%s/factorial",
		 self->device);
	ASSERT_EQ(0, load("edu", ""));
}

FIXTURE_TEARDOWN(edu)
{
	unload("edu");
}

static int ask(const char *factorial, unsigned int n)
{
	char text[16];
	int ret;

	snprintf(text, sizeof(text), "%u", n);
	while ((ret = put(factorial, text)) == -EBUSY)
		;
	return ret;
}

/* How many handlers it has, by the kernel's list of interrupts */
static int edu_handlers(void)
{
	FILE *f = fopen("/proc/interrupts", "re");
	char line[4096];
	int n = 0;

	while (f && fgets(line, sizeof(line), f))
		n += !!strstr(line, "evnotify-edu");
	if (f)
		fclose(f);
	return n;
}

TEST_F(edu, its_interrupt_brings_the_answer)
{
	int fd = open_source("edu");
	long answer = 1;
	unsigned int n;

	ASSERT_LE(0, fd);
	for (n = 0; n <= 12; n++) {
		answer *= n ?: 1;
		ASSERT_EQ(0, ask(self->factorial, n));
		EXPECT_EQ(answer, next_event(fd));
	}
	EXPECT_EQ(-ERANGE, put(self->factorial, "13"));
	EXPECT_EQ(-EINVAL, put(self->factorial, "many"));
	EXPECT_EQ(13, taken(fd));
	close(fd);
}

TEST_F(edu, its_interrupt_is_on_while_somebody_listens)
{
	int fd, other;

	EXPECT_EQ(0, edu_handlers());
	fd = open_source("edu");
	ASSERT_LE(0, fd);
	EXPECT_EQ(1, edu_handlers());
	other = open_source("edu");
	ASSERT_LE(0, other);
	close(fd);
	EXPECT_EQ(1, edu_handlers());
	ASSERT_EQ(0, ask(self->factorial, 4));
	EXPECT_EQ(24, next_event(other));
	close(other);
	EXPECT_EQ(0, edu_handlers());
	/* What is computed now, nobody is told, nor whoever comes later. */
	ASSERT_EQ(0, ask(self->factorial, 5));
	ASSERT_TRUE(UNTIL(put(self->factorial, "13") == -ERANGE))
		TH_LOG("it computes for ever");
	fd = open_source("edu");
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, ask(self->factorial, 6));
	EXPECT_EQ(720, next_event(fd));
	EXPECT_FALSE(event_kept(fd));
	close(fd);
}

struct asker {
	pthread_t thread;
	const char *factorial;
	atomic_bool stop;
};

static void *asker_main(void *arg)
{
	struct asker *asker = arg;

	while (!asker->stop)
		put(asker->factorial, "3");
	return NULL;
}

/*
 * Again and again between question and answer: it interrupts each time anew. To bind it may take
 * seconds, where a checked kernel interprets ACPI's code.
 */
TEST_F(edu, goes_and_comes_under_traffic)
{
	const __u64 end = now_ns(CLOCK_MONOTONIC) + 20 * NSEC_PER_SEC;
	static const char driver[] = PCI "/drivers/evnotify-edu";
	struct asker asker = { .factorial = self->factorial };
	unsigned int round, events, gone;
	char bind[64], unbind[64];
	struct evnotify_request req;
	unsigned long long before;
	bool last;
	int fd;

	snprintf(bind, sizeof(bind), "%s/bind", driver);
	snprintf(unbind, sizeof(unbind), "%s/unbind", driver);
	ASSERT_EQ(0, pthread_create(&asker.thread, NULL, asker_main, &asker));
	for (round = 0, last = false; !last; round++) {
		last = round == rounds() || (round > 2 && now_ns(CLOCK_MONOTONIC) > end);
		events = 0;
		gone = 0;
		fd = open_source("edu");
		ASSERT_LE(0, fd);
		ASSERT_LT(0, next_event(fd))
			TH_LOG("round %u: it interrupts no more", round);
		before = taken(fd);
		req = source_request(EVNOTIFY_REPEAT);
		ASSERT_EQ(0, arm(fd, &req));
		ASSERT_EQ(0, last ? unload("edu") : put(unbind, self->device));
		EXPECT_EQ(0, read_to_the_end(fd, &events, &gone));
		EXPECT_EQ(1, gone);
		EXPECT_EQ(before + events, taken(fd));
		EXPECT_GONE(fd);
		EXPECT_EQ(0, edu_handlers());
		close(fd);
		ASSERT_EQ(0, last ? load("edu", "") : put(bind, self->device));
	}
	asker.stop = true;
	pthread_join(asker.thread, NULL);
}

/* --- gpio: a line ---------------------------------------------------------------------- */

#define CONFIGFS	"/sys/kernel/config"
#define GPIO_SIM	CONFIGFS "/gpio-sim/evnotify"

FIXTURE(gpio)
{
	char pull[160];
};

FIXTURE_SETUP(gpio)
{
	char device[32], chip[32];

	if (!have_samples() && !strict())
		SKIP(return, "EVNOTIFY_SAMPLES names no directory");
	ASSERT_TRUE(have_samples());
	mount("none", CONFIGFS, "configfs", 0, NULL);
	if (access(CONFIGFS "/gpio-sim", F_OK))
		SKIP(return, "this kernel has no GPIO simulator (CONFIG_GPIO_SIM)");
	ASSERT_EQ(0, mkdir(GPIO_SIM, 0755));
	ASSERT_EQ(0, mkdir(GPIO_SIM "/bank", 0755));
	ASSERT_EQ(0, put(GPIO_SIM "/bank/num_lines", "4"));
	ASSERT_EQ(0, put(GPIO_SIM "/bank/label", "evnotify-chip"));
	ASSERT_EQ(0, put(GPIO_SIM "/live", "1"));
	snprintf(self->pull, sizeof(self->pull), "/sys/devices/platform/%s/%s/sim_gpio2/pull",
		 get(GPIO_SIM "/dev_name", device, sizeof(device)),
		 get(GPIO_SIM "/bank/chip_name", chip, sizeof(chip)));
	ASSERT_EQ(0, load("gpio", "chip=evnotify-chip line=2"));
}

FIXTURE_TEARDOWN(gpio)
{
	unload("gpio");
	put(GPIO_SIM "/live", "0");
	rmdir(GPIO_SIM "/bank");
	rmdir(GPIO_SIM);
}

TEST_F(gpio, each_edge_is_an_event)
{
	int fd = open_source("gpio");
	unsigned int events = 0, gone = 0;
	struct evnotify_request req;
	int i;

	ASSERT_LE(0, fd);
	for (i = 1; i <= 10; i++) {
		ASSERT_EQ(0, put(self->pull, i % 2 ? "pull-up" : "pull-down"));
		EXPECT_EQ(i % 2, next_event(fd));
	}
	EXPECT_EQ(10, taken(fd));
	req = source_request(0);
	ASSERT_EQ(0, arm(fd, &req));
	ASSERT_EQ(0, unload("gpio"));
	EXPECT_EQ(0, read_to_the_end(fd, &events, &gone));
	EXPECT_EQ(0, events);
	EXPECT_EQ(1, gone);
	EXPECT_GONE(fd);
	close(fd);
}

TEST_F(gpio, names_its_line)
{
	ASSERT_EQ(0, unload("gpio"));
	EXPECT_EQ(-EINVAL, load("gpio", ""));
	/* A chip that may come later: the driver is there, and waits. */
	ASSERT_EQ(0, load("gpio", "chip=evnotify-no-chip"));
	EXPECT_EQ(-ENOENT, open_source("gpio"));
}

TEST_HARNESS_MAIN
