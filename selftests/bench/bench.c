// SPDX-License-Identifier: GPL-2.0-only
/*
 * bench - what it costs to be told that a time has come
 *
 *   bench [-n LIST] [-m METHOD] [-o ORDER] [-r N] [-d DEVICE] [-l] [-c] [-p]
 *
 * Prints one line per figure, with tabs between: figure, method, n, order of
 * the due times, median, lowest, highest.  Values are per request.
 *
 * -n LIST    numbers of requests (default 100,1000,10000,100000)
 * -m METHOD  only rows whose name begins with METHOD
 * -o ORDER   only same, sorted, random or apart
 * -r N       repetitions of each measurement (default 0: fewer with larger n)
 * -d DEVICE  (default /dev/evnotify)
 * -l         only latency    -c  only two CPUs
 * -p         tell the profiling plugin which phase begins
 *
 * What happens in interrupts is measured as stolen time: a loop of known cost
 * per turn spins while the requests expire, and what is missing from its turns
 * went to the kernel.  The same window without requests is taken off.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <termios.h>
#include <unistd.h>

#include "bench.h"

#define REPEATS_MAX	1000

static const struct method *const methods[] = {
	&evnotify_64, &evnotify_1, &evnotify_eventfd,
	&timerfd_epoll, &timerfd_et, &uring, &uring_defer, &posix_timer,
	&user_heap,
};

/* How due times lie to each other, and the nanoseconds between neighbours. */
enum order { SAME, SORTED, RANDOM, APART, NR_ORDERS };
static const struct {
	const char *name;
	uint64_t step;
} orders[NR_ORDERS] = {
	[SAME] = { "same", 0 },
	[SORTED] = { "sorted", 10 },
	[RANDOM] = { "random", 10 },
	[APART] = { "apart", 100000 },	/* each has an interrupt of its own */
};
#define APART_MAX	1000	/* as many suffice, and take 0.1 s */
#define CANCEL_MAX	1000	/* io_uring would take minutes for more */
#define FRESH		200
#define FLOOR		1000

unsigned int max_n;
const char *device = "/dev/evnotify";
double ticks_per_ns;

static const char *only_method = "", *only_order = "";
static unsigned int repeats_wanted;
static bool marks;
static unsigned int marked[NR_PHASES];
static double ticks_per_turn;

void die(const char *fmt, ...)
{
	va_list args;

	fflush(stdout);
	fputs("bench: ", stderr);
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fputc('\n', stderr);
	exit(1);
}

static void progress(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fputc('\n', stderr);
	/* No interrupts of the serial line in what is measured next. */
	tcdrain(STDERR_FILENO);
	usleep(20000);
}

/* Memory that is there: no page fault in what is measured. */
void *buffer(size_t count, size_t size)
{
	void *p = calloc(count, size);

	if (!p)
		die("no memory for %zu times %zu bytes", count, size);
	return memset(p, 0xff, count * size);
}

/* How many different numbers below n there are among n, one every stride. */
unsigned int distinct(const void *first, size_t stride, unsigned int n)
{
	static unsigned char *seen;
	unsigned int i, found = 0;

	if (!seen)
		seen = buffer(max_n, 1);
	memset(seen, 0, n);
	for (i = 0; i < n; i++) {
		uint64_t number = *(const uint64_t *)((const char *)first + i * stride);

		if (number < n && !seen[number]) {
			seen[number] = 1;
			found++;
		}
	}
	return found;
}

int cmp_u64(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

void result(const char *figure, const char *method, unsigned int n, const char *order,
	    double value, double low, double high)
{
	printf("%s\t%s\t%u\t%s\t%.1f\t%.1f\t%.1f\n", figure, method, n, order, value, low, high);
}

/*
 * A mark is a call to an address that the plugin knows; see plugin.c. The
 * page holds return instructions.
 */
void mark(enum phase phase, unsigned int requests)
{
	static unsigned char *page;

	if (!marks)
		return;
	marked[phase] += requests;
	if (!page) {
		page = mmap((void *)MARKS, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
		if (page == MAP_FAILED)
			die("mmap: %s", strerror(errno));
		memset(page, 0xc3, 4096);
	}
	((void (*)(void))(page + phase * MARK_STEP))();
}

/* --- samples: a figure is the median of its repetitions -------------------------------- */

struct samples {
	double values[REPEATS_MAX];
	unsigned int nr;
};

static void sample(struct samples *s, double value)
{
	if (s->nr < REPEATS_MAX)
		s->values[s->nr++] = value;
}

static int cmp_double(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(struct samples *s)
{
	qsort(s->values, s->nr, sizeof(*s->values), cmp_double);
	return s->values[s->nr / 2];
}

static void summary(const char *figure, const struct method *m, unsigned int n,
		    const char *order, struct samples *s)
{
	double middle = median(s);

	result(figure, m->name, n, order, middle, s->values[0], s->values[s->nr - 1]);
	s->nr = 0;
}

/* --- time ------------------------------------------------------------------------------ */

/* Spin until end; returns the turns. */
static __attribute__((noinline)) uint64_t spin(uint64_t end, uint64_t *stopped)
{
	uint64_t turns = 0, t;

	do {
		turns++;
		t = ticks();
	} while (t < end);
	*stopped = t;
	return turns;
}

/* Ticks that the kernel takes from us until end. */
static double stolen_until(uint64_t end)
{
	uint64_t start = ticks(), stopped, turns;

	turns = spin(end, &stopped);
	return (stopped - start) - turns * ticks_per_turn;
}

static void calibrate(void)
{
	uint64_t ns, t, stopped, turns;
	double cost;
	int i;

	ns = now_ns();
	t = ticks();
	usleep(200000);
	ticks_per_ns = (double)(ticks() - t) / (now_ns() - ns);

	/* The shortest is the one without interrupts. */
	ticks_per_turn = 1e9;
	for (i = 0; i < 200; i++) {
		t = ticks();
		turns = spin(t + 100000 * ticks_per_ns, &stopped);
		cost = (double)(stopped - t) / turns;
		if (cost < ticks_per_turn)
			ticks_per_turn = cost;
	}
}

static void sleep_until(uint64_t ns)
{
	struct timespec ts = { ns / NSEC_PER_SEC, ns % NSEC_PER_SEC };

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL))
		;
}

/* Let the kernel finish what it has put off: frees of what was closed. */
static void settle(void)
{
	usleep(100000);
}

static uint64_t random_u64(void)
{
	static uint64_t state = 88172645463325252ULL;

	state ^= state << 13;
	state ^= state >> 7;
	return state ^= state << 17;
}

static void due_times(uint64_t *due, unsigned int n, enum order order, uint64_t base)
{
	unsigned int i, j;
	uint64_t swap;

	for (i = 0; i < n; i++)
		due[i] = base + i * orders[order].step;
	for (i = n - 1; order == RANDOM && i > 0; i--) {
		j = random_u64() % (i + 1);
		swap = due[i];
		due[i] = due[j];
		due[j] = swap;
	}
}

/* --- measurements ---------------------------------------------------------------------- */

static uint64_t *due;

static unsigned int repeats(unsigned int n)
{
	if (repeats_wanted)
		return repeats_wanted;
	return n <= 100 ? 9 : n <= 1000 ? 5 : n <= 10000 ? 3 : 1;
}

struct life {
	struct samples arm, fire, reap, life;
};

/* Arm n requests, let them expire, collect them. */
static void live(const struct method *m, unsigned int n, enum order order, struct life *s)
{
	uint64_t t0, t1, t2, t3, start, end, base;
	double arm, fire, reap, empty;

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
	end = start + (200000 + n * (2000 + orders[order].step)) * ticks_per_ns;
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

	empty = stolen_until(ticks() + (end - start));
	arm = (double)(t1 - t0) / n;
	fire = (fire - empty) / n;
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
	for (i = 0; i < repeats(n); i++) {
		m->open(n);
		live(m, n, order, &fresh);
		live(m, n, order, &again);
		m->close();
	}
	summary("arm", m, n, name, &fresh.arm);
	summary("fire", m, n, name, &fresh.fire);
	summary("reap", m, n, name, &fresh.reap);
	summary("life", m, n, name, &fresh.life);
	summary("life_again", m, n, name, &again.life);
	again.arm.nr = again.fire.nr = again.reap.nr = 0;
}

/* Due times that do not come. */
static void far(const struct method *m, unsigned int n, bool ids)
{
	due_times(due, n, SORTED, now_ns() + 1000 * NSEC_PER_SEC);
	m->open(n);
	if (ids && m->arm_ids)
		m->arm_ids(due, n);
	else
		m->arm(due, n);
}

static void measure_cancel(const struct method *m, unsigned int n)
{
	static struct samples s;
	unsigned int *which = buffer(n, sizeof(*which));
	unsigned int nr = n < CANCEL_MAX ? n : CANCEL_MAX, i, r, swap, j;
	uint64_t t0, t1;

	if (!m->cancel)
		goto out;
	for (r = 0; r < repeats(n); r++) {
		settle();
		far(m, n, true);
		for (i = 0; i < n; i++)
			which[i] = i;
		for (i = 0; i < nr; i++) {
			j = i + random_u64() % (n - i);
			swap = which[i];
			which[i] = which[j];
			which[j] = swap;
		}
		mark(CANCEL, nr);
		t0 = ticks();
		m->cancel(which, nr);
		t1 = ticks();
		mark(OTHER, 0);
		m->close();
		sample(&s, (double)(t1 - t0) / nr);
	}
	summary("cancel", m, n, "random", &s);
out:
	free(which);
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
	summary("close", m, n, "-", &s);
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
	summary("open", m, 1, "-", &opened);
	summary("first", m, 1, "-", &armed);
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

/* Kernel memory of a pending request, everything included. */
static void measure_memory(const struct method *m)
{
	double before, after;

	m->open(1);	/* buffers of the method itself */
	m->close();
	settle();
	before = free_bytes();
	far(m, max_n, false);
	settle();
	after = free_bytes();
	m->close();
	settle();
	result("memory", m->name, max_n, "-", (before - after) / max_n,
	       (before - after) / max_n, (before - after) / max_n);
	result("kept", m->name, max_n, "-", (before - free_bytes()) / max_n, 0, 0);
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
}

static bool wanted(const char *name, const char *only)
{
	return !strncmp(name, only, strlen(only));
}

static void measure_method(const struct method *m, const unsigned int *counts, unsigned int nr)
{
	static struct life warm_up;
	enum order order;
	unsigned int i;

	measure_memory(m);
	m->open(100);
	live(m, 100, SAME, &warm_up);
	m->close();
	measure_first(m);
	for (i = 0; i < nr; i++) {
		progress("%s, %u requests", m->name, counts[i]);
		for (order = 0; order < NR_ORDERS; order++)
			if (wanted(orders[order].name, only_order))
				measure_life(m, counts[i], order);
		measure_cancel(m, counts[i]);
		measure_close(m, counts[i]);
	}
}

int main(int argc, char **argv)
{
	unsigned int counts[16] = { 100, 1000, 10000, 100000 }, nr = 4, i;
	struct rlimit many = { 1048576, 1048576 };
	struct rlimit infinite = { RLIM_INFINITY, RLIM_INFINITY };
	bool latency = false, cpus = false;
	char *word;
	int c;

	while ((c = getopt(argc, argv, "n:m:o:r:d:lcp")) != -1) {
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
		case 'c':
			cpus = true;
			break;
		case 'p':
			marks = true;
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
	mark(OTHER, 0);
	calibrate();
	printf("ticks_per_ns\t%.6f\nticks_per_turn\t%.3f\n", ticks_per_ns, ticks_per_turn);

	if (cpus) {
		measure_cpus();
		return 0;
	}
	if (!latency)
		measure_floor();
	for (i = 0; !latency && i < sizeof(methods) / sizeof(*methods); i++)
		if (wanted(methods[i]->name, only_method))
			measure_method(methods[i], counts, nr);
	measure_latency(only_method);
	for (i = OTHER + 1; marks && i < NR_PHASES; i++)
		printf("marked\t%u\t%u\n", i, marked[i]);
	return 0;
}
