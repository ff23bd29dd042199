// SPDX-License-Identifier: GPL-2.0-only
/*
 * bench - what it costs to be told that a time has come
 *
 *   bench [-n LIST] [-m METHOD] [-o ORDER] [-r N] [-d DEVICE] [-l] [-i] [-c] [-p SET]
 *
 * Prints one line per figure, with tabs between: figure, method, n, order of
 * the due times, median, lowest, highest.  Values are per request.
 *
 * -n LIST    numbers of requests (default 100,1000,10000,100000)
 * -m METHOD  only rows whose name begins with METHOD
 * -o ORDER   only same, ascending, descending, random or apart
 * -r N       repetitions of each measurement (default 0: fewer with larger n)
 * -d DEVICE  (default /dev/evnotify)
 * -l         only latency
 * -i         only how long interrupts are off
 * -c         only two CPUs
 * -p SET     tell the profiling plugin which phase begins, as one of set SET (0 to 7)
 *
 * What happens in interrupts is measured as stolen time: a loop of known cost
 * per turn spins while the requests expire, and what is missing from its turns
 * went to the kernel.  The same window without requests is taken off.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "bench.h"

static const struct method *const methods[] = {
	&evnotify_64, &evnotify_1, &evnotify_eventfd, &evnotify_each, &evnotify_each_et,
	&evnotify_files, &literal_port,
	&timerfd_epoll, &timerfd_et, &timerfd_uring, &uring, &uring_defer, &posix_timer,
	&bpf_timer, &user_heap,
};

/* How due times lie to each other, and the nanoseconds between neighbours. */
enum order { SAME, ASCENDING, DESCENDING, RANDOM, APART, NR_ORDERS };
static const struct {
	const char *name;
	uint64_t step;
} orders[NR_ORDERS] = {
	[SAME] = { "same", 0 },
	[ASCENDING] = { "ascending", 10 },
	[DESCENDING] = { "descending", 10 },
	[RANDOM] = { "random", 10 },
	[APART] = { "apart", 100000 },	/* each has an interrupt of its own */
};

#define APART_MAX	1000	/* as many suffice, and take 0.1 s */
#define CHANGES		200	/* io_uring searches a list: more would take minutes */
#define REPEATED	1000	/* requests that repeat, and their period */
#define PERIOD_NS	10000000
#define PERIODS		10
#define FRESH		200
#define FLOOR		1000

unsigned int max_n = REPEATED;
const char *device = "/dev/evnotify";

static const char *only_method = "", *only_order = "";
static unsigned int repeats_wanted;

static void due_times(uint64_t *due, unsigned int n, enum order order, uint64_t base)
{
	unsigned int *place = buffer(n, sizeof(*place)), i;

	choose(place, order == RANDOM ? n : 0, n);
	for (i = 0; i < n; i++)
		due[i] = base + orders[order].step *
			 (order == RANDOM ? place[i] : order == DESCENDING ? n - 1 - i : i);
	free(place);
}

/* --- measurements ---------------------------------------------------------------------- */

static uint64_t *due;

static unsigned int repeats(unsigned int n)
{
	if (repeats_wanted)
		return repeats_wanted;
	/* A tick falls into one of four short runs: into less than half of so many. */
	return n <= 1000 ? 15 : n <= 10000 ? 3 : 1;
}

struct life {
	struct samples arm, fire, reap, life;
};

/* Arm n requests, let them expire, collect them. */
static void live(const struct method *m, unsigned int n, enum order order, struct life *s)
{
	uint64_t t0, t1, t2, t3, start, end, base;
	double arm, fire, reap;

	settle();
	base = now_ns() + 1000000 + n * 5000ULL;
	due_times(due, n, order, base);
	mark(ARM, n);
	t0 = ticks();
	m->arm(due, n);
	t1 = ticks();
	mark(OTHER, 0);
	if (now_ns() > base)
		die("%s, n %u: arming took so long that requests have expired", m->name, n);

	sleep_until(base - 100000);
	if (now_ns() > base)
		die("%s, n %u: woken too late; is this machine busy?", m->name, n);
	start = ticks();
	end = start + (200000 + n * (1300 + orders[order].step)) * ticks_per_ns;
	mark(FIRE, n);
	fire = stolen_until(end);
	mark(OTHER, 0);

	mark(REAP, n);
	t2 = ticks();
	if (m->reap(n) != n)
		die("LOST: %s, n %u, %s: not all requests completed in time", m->name, n,
		    orders[order].name);
	t3 = ticks();
	mark(OTHER, 0);
	if (m->check(n) != n)
		die("LOST: %s, n %u, %s: the same completion twice", m->name, n,
		    orders[order].name);

	arm = (double)(t1 - t0) / n;
	fire = (fire - idle_load * (end - start)) / n;
	reap = (double)(t3 - t2) / n;
	sample(&s->arm, arm);
	sample(&s->fire, fire);
	sample(&s->reap, reap);
	sample(&s->life, arm + fire + reap);
}

/* On a fresh file, which may have to allocate; and again on the same. */
static void measure_life(const struct method *m, unsigned int n, enum order order)
{
	static struct life fresh, again;
	const char *name = orders[order].name;
	unsigned int i;

	if (order == APART && n > APART_MAX)
		return;
	for (i = 0; i < (order == APART ? 3 : repeats(n)); i++) {
		m->open(n);
		live(m, n, order, &fresh);
		live(m, n, order, &again);
		m->close();
	}
	summary("arm", m->name, n, name, &fresh.arm);
	summary("fire", m->name, n, name, &fresh.fire);
	summary("reap", m->name, n, name, &fresh.reap);
	summary("life", m->name, n, name, &fresh.life);
	summary("life_again", m->name, n, name, &again.life);
	again.arm.nr = 0;
	again.fire.nr = 0;
	again.reap.nr = 0;
}

/* Due times that do not come. */
static void far(const struct method *m, unsigned int n, bool ids)
{
	due_times(due, n, ASCENDING, now_ns() + 1000 * NSEC_PER_SEC);
	m->open(n);
	if (ids && m->arm_ids)
		m->arm_ids(due, n);
	else
		m->arm(due, n);
}

/* And of a method that tells of it, with what it costs to be told. */
static void measure_cancel(const struct method *m, unsigned int n)
{
	static struct samples cancelled, told;
	unsigned int nr = n < CHANGES ? n : CHANGES, which[CHANGES], r;
	uint64_t t0, t1, t2;

	if (!m->cancel)
		return;
	for (r = 0; r < repeats(n); r++) {
		settle();
		far(m, n, true);
		choose(which, nr, n);
		mark(CANCEL, nr);
		t0 = ticks();
		m->cancel(which, nr);
		t1 = ticks();
		mark(OTHER, 0);
		if (m->told && m->reap(nr) != nr)
			die("LOST: %s, n %u: not told of each that was cancelled", m->name, n);
		t2 = ticks();
		m->close();
		sample(&cancelled, (double)(t1 - t0) / nr);
		sample(&told, (double)(t2 - t0) / nr);
	}
	summary("cancel", m->name, n, "random", &cancelled);
	if (m->told)
		summary("cancel_told", m->name, n, "random", &told);
	told.nr = 0;
}

/* Where a request goes that is given a new time: behind all, before all, anywhere. */
static void measure_update_to(const struct method *m, unsigned int n, const char *where)
{
	static struct samples s;
	unsigned int nr = n > 1 && n < CHANGES ? n : CHANGES, which[CHANGES], r, i;
	uint64_t to[CHANGES], t0, t1;

	for (r = 0; r < repeats(n); r++) {
		settle();
		far(m, n, true);
		memset(which, 0, sizeof(which));
		if (n > 1)
			choose(which, nr, n);
		for (i = 0; i < nr; i++)
			to[i] = due[0] + (*where == 'l' ? (n + i) * 10ULL :
					  *where == 'f' ? -(i + 1) * 10ULL :
					  random_u64() % (n * 10ULL));
		t0 = ticks();
		m->update(which, to, nr);
		t1 = ticks();
		m->close();
		sample(&s, (double)(t1 - t0) / nr);
	}
	summary("update", m->name, n, where, &s);
}

static void measure_update(const struct method *m, unsigned int n)
{
	if (!m->update)
		return;
	measure_update_to(m, n, "later");
	measure_update_to(m, n, "first");
	measure_update_to(m, n, "random");
}

/* Requests that repeat: what each expiration costs, collected once a period. */
static void measure_repeat(const struct method *m)
{
	static struct samples s;
	uint64_t first, t0, t1, start, end;
	double fire;
	int i;

	if (!m->repeat)
		return;
	m->open(REPEATED);
	first = now_ns() + PERIOD_NS;
	if (!m->repeat(REPEATED, first, PERIOD_NS)) {
		progress("%s: this kernel repeats none", m->name);
		m->close();
		return;
	}
	for (i = 0; i < PERIODS; i++) {
		sleep_until(first + i * PERIOD_NS - 100000);
		start = ticks();
		end = start + PERIOD_NS / 2 * ticks_per_ns;
		fire = stolen_until(end) - idle_load * (end - start);
		t0 = ticks();
		if (m->reap(REPEATED) != REPEATED || m->check(REPEATED) != REPEATED)
			die("LOST: %s: not each of %d has repeated", m->name, REPEATED);
		t1 = ticks();
		sample(&s, (fire + t1 - t0) / REPEATED);
	}
	m->close();
	summary("repeat", m->name, REPEATED, "same", &s);
}

static void measure_close(const struct method *m, unsigned int n)
{
	static struct samples s;
	uint64_t t0, t1, t2, t3;
	unsigned int r;

	for (r = 0; r < repeats(n); r++) {
		m->open(0);
		t0 = ticks();
		m->close();
		t1 = ticks();
		settle();
		far(m, n, false);
		mark(CLOSE, n);
		t2 = ticks();
		m->close();
		t3 = ticks();
		mark(OTHER, 0);
		sample(&s, ((double)(t3 - t2) - (t1 - t0)) / n);
	}
	summary("close", m->name, n, "-", &s);
}

/* What close() leaves to RCU and to kernel threads. */
static void measure_close_later(const struct method *m, unsigned int n)
{
	uint64_t start;
	double window = (200000000 + n * 1500ULL) * ticks_per_ns, later;

	far(m, n, false);
	settle();
	m->close();
	start = ticks();
	later = (stolen_until(start + window) - idle_load * window) / n;
	result("close_later", m->name, n, "-", later, later, later);
}

/* The first request on a fresh file; what open() costs comes apart. */
static void measure_first(const struct method *m)
{
	static struct samples opened, armed;
	uint64_t t0, t1, t2;
	int i;

	due_times(due, 1, SAME, now_ns() + 1000 * NSEC_PER_SEC);
	for (i = 0; i < FRESH; i++) {
		t0 = ticks();
		m->open(1);
		t1 = ticks();
		m->arm(due, 1);
		t2 = ticks();
		m->close();
		sample(&opened, t1 - t0);
		sample(&armed, t2 - t1);
	}
	summary("open", m->name, 1, "-", &opened);
	summary("first", m->name, 1, "-", &armed);
}

/* Free bytes, those in the lists of the CPUs included. */
static double free_bytes(void)
{
	FILE *f = fopen("/proc/zoneinfo", "r");
	double pages = 0;
	char line[200];
	unsigned long n;

	if (!f)
		die("/proc/zoneinfo: %s", strerror(errno));
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, " nr_free_pages %lu", &n) == 1 ||
		    sscanf(line, " count: %lu", &n) == 1)
			pages += n;
	fclose(f);
	return pages * sysconf(_SC_PAGESIZE);
}

/*
 * Kernel memory of a pending request, everything included; what of it is held
 * when the burst is over, and what when it is closed.
 */
static void measure_memory(const struct method *m, unsigned int n)
{
	static struct life unused;
	double before, pending, held, kept;

	m->open(1);	/* buffers of the method itself */
	m->close();
	settle();
	before = free_bytes();
	far(m, n, false);
	settle();
	pending = (before - free_bytes()) / n;
	m->close();
	settle();
	kept = (before - free_bytes()) / n;
	before = free_bytes();
	m->open(n);
	live(m, n, SAME, &unused);
	settle();
	held = (before - free_bytes()) / n;
	m->close();
	result("memory", m->name, n, "-", pending, pending, pending);
	result("memory_held", m->name, n, "-", held, held, held);
	result("memory_kept", m->name, n, "-", kept, kept, kept);
}

static int open_null(void) { return open("/dev/null", O_RDWR); }
static int open_device(void) { return open(device, O_RDWR); }
static int open_eventfd(void) { return eventfd(0, 0); }
static int open_timerfd(void) { return timerfd_create(CLOCK_MONOTONIC, 0); }

/* A descriptor that is not used. */
static void measure_open_close(const char *name, int (*make)(void))
{
	static struct samples s;
	uint64_t start;
	int i;

	for (i = 0; i < FRESH; i++) {
		start = ticks();
		close(make());
		sample(&s, ticks() - start);
	}
	summary("open_close", name, 1, "-", &s);
}

/* What every call pays, whatever it does. */
static void measure_floor(void)
{
	int fd = open("/dev/null", O_RDONLY), dev = open(device, O_RDWR);
	uint64_t t0, t1, t2, t3;
	char byte;
	int i;

	if (fd < 0 || dev < 0)
		die("open /dev/null and %s: %s", device, strerror(errno));
	t0 = ticks();
	for (i = 0; i < FLOOR; i++)
		syscall(SYS_getppid);
	t1 = ticks();
	for (i = 0; i < FLOOR; i++)
		if (read(fd, &byte, 1))
			die("/dev/null is not empty");
	t2 = ticks();
	for (i = 0; i < FLOOR; i++)
		if (ioctl(dev, _IO(0xED, 0xff)) != -1)
			die("%s knows ioctl 0xff", device);
	t3 = ticks();
	close(fd);
	close(dev);
	result("floor", "getppid", 1, "-", (double)(t1 - t0) / FLOOR, 0, 0);
	result("floor", "read /dev/null", 1, "-", (double)(t2 - t1) / FLOOR, 0, 0);
	result("floor", "unknown ioctl", 1, "-", (double)(t3 - t2) / FLOOR, 0, 0);
	measure_open_close("/dev/null", open_null);
	measure_open_close("eventfd", open_eventfd);
	measure_open_close("timerfd", open_timerfd);
	measure_open_close("evnotify", open_device);
}

static bool wanted(const char *name, const char *only)
{
	return !strncmp(name, only, strlen(only));
}

static void measure_method(const struct method *m, const unsigned int *counts, unsigned int nr)
{
	static struct life unused;
	unsigned int most = m->most && m->most < max_n ? m->most : max_n, i;
	enum order order;

	if (m->supported && !m->supported()) {
		progress("%s: not on this kernel", m->name);
		return;
	}
	warming_up = true;
	measure_memory(m, most);
	m->open(100);
	live(m, 100, SAME, &unused);
	m->close();
	measure_close_later(m, most);
	measure_first(m);
	warming_up = false;
	measure_repeat(m);
	if (m->update)
		measure_update_to(m, 1, "later");
	for (i = 0; i < nr; i++) {
		if (counts[i] > most)
			continue;
		progress("%s, %u requests", m->name, counts[i]);
		for (order = 0; order < NR_ORDERS; order++)
			if (wanted(orders[order].name, only_order))
				measure_life(m, counts[i], order);
		measure_cancel(m, counts[i]);
		measure_update(m, counts[i]);
		measure_close(m, counts[i]);
	}
}

int main(int argc, char **argv)
{
	unsigned int counts[16] = { 100, 1000, 10000, 100000 }, nr = 4, i;
	struct rlimit many = { 1048576, 1048576 };
	struct rlimit infinite = { RLIM_INFINITY, RLIM_INFINITY };
	bool latency = false, irqs_off = false, cpus = false;
	char *word;
	int c;

	while ((c = getopt(argc, argv, "n:m:o:r:d:licp:")) != -1) {
		switch (c) {
		case 'n':
			nr = 0;
			for (word = strtok(optarg, ","); word && nr < 16; word = strtok(NULL, ","))
				counts[nr++] = strtoul(word, NULL, 0);
			break;
		case 'm':
			only_method = optarg;
			break;
		case 'o':
			only_order = optarg;
			break;
		case 'r':
			repeats_wanted = strtoul(optarg, NULL, 0);
			break;
		case 'd':
			device = optarg;
			break;
		case 'l':
			latency = true;
			break;
		case 'i':
			irqs_off = true;
			break;
		case 'c':
			cpus = true;
			break;
		case 'p':
			mark_as(strtoul(optarg, NULL, 0));
			break;
		default:
			die("see the top of bench.c for the options");
		}
	}
	for (i = 0; i < nr; i++) {
		if (!counts[i])
			die("-n takes numbers above 0");
		if (counts[i] > max_n)
			max_n = counts[i];
	}
	if (setrlimit(RLIMIT_NOFILE, &many) || setrlimit(RLIMIT_SIGPENDING, &infinite) ||
	    setrlimit(RLIMIT_MEMLOCK, &infinite) || mlockall(MCL_CURRENT | MCL_FUTURE))
		die("raising the limits: %s; it needs root", strerror(errno));
	prctl(PR_SET_TIMERSLACK, 1);
	due = buffer(max_n, sizeof(*due));
	if (!cpus)
		stay();
	calibrate();
	printf("ticks_per_ns\t%.6f\n", ticks_per_ns);

	if (cpus) {
		measure_cpus();
		return 0;
	}
	if (irqs_off) {
		measure_irqs_off();
		return 0;
	}
	if (!latency)
		measure_floor();
	if (!latency && wanted("source", only_method))
		measure_raise();
	for (i = 0; !latency && i < sizeof(methods) / sizeof(*methods); i++)
		if (wanted(methods[i]->name, only_method))
			measure_method(methods[i], counts, nr);
	measure_latency(only_method);
	print_marked();
	return 0;
}
