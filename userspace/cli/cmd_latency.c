// SPDX-License-Identifier: GPL-2.0-only
/*
 * evnotify latency: what each way of being told costs on this machine.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <linux/evnotify_sim.h>

#include "latency.h"

/* A path that waits for what does not come is not waited for. */
#define STOP_MS		1000
#define REDRAW_MS	200
#define END_OF_LINE	"\033[K\n"
#define NO_WRAP		"\033[?7l"
#define WRAP		"\033[?7h"

struct options {
	struct latency lab;
	const char *paths;	/* as given, or NULL: all */
	const char *limits[ARRAY_SIZE(((struct latency *)NULL)->thresholds)];
	const char *raw;
	bool has_period;
};

static int conflict(const char *what)
{
	fail(EXIT_USAGE, "%s", what);
	return bad_usage(&cmd_latency);
}

static struct latency_path *find_path(const char *name)
{
	for (struct latency_path *p = latency_paths; p->path.name; p++)
		if (strcmp(p->path.name, name) == 0)
			return p;
	return NULL;
}

/* Options. */

static const char *parse_cpu(struct latency *lab, const char *text)
{
	cpu_set_t cpus;
	uint64_t cpu = 0;

	if (strcmp(text, "0") && parse_number(text, CPU_SETSIZE - 1, &cpu))
		return "is not the number of a CPU";
	sched_getaffinity(0, sizeof(cpus), &cpus);
	if (!CPU_ISSET((size_t)cpu, &cpus))
		return "is no CPU that this process may use";
	lab->cpu = (int)cpu;
	return NULL;
}

static const char *parse_load(struct latency *lab, const char *text)
{
	const char *error = NULL;

	lab->load_text = text;
	if (strcmp(text, "cpu") == 0) {
		lab->load = LOAD_CPU;
	} else if (strncmp(text, "timers:", 7) == 0) {
		lab->load = LOAD_TIMERS;
		error = parse_number(text + 7, 1 << 20, &lab->load_value);
	} else if (strncmp(text, "stall:", 6) == 0) {
		lab->load = LOAD_STALL;
		error = parse_time(text + 6, &lab->load_value);
		if (!error && (!lab->load_value || lab->load_value > NSEC_PER_SEC / 2))
			error = "is no stall of more than 0 and at most 500ms";
	} else {
		error = "is none of cpu, timers:N, stall:TIME";
	}
	return error;
}

static int parse_option(struct options *opt, int c, const char *name)
{
	struct latency *lab = &opt->lab;
	const char *error = NULL;
	uint64_t number;

	switch (c) {
	case 'w':
		opt->paths = optarg;
		break;
	case 's':
		lab->source = optarg;
		break;
	case 'd':
		lab->device = optarg;
		break;
	case 'p':
		opt->has_period = true;
		error = parse_time(optarg, &lab->period_ns);
		if (!error && lab->period_ns < 10000)
			error = "is too short: 10us at least";
		else if (!error && lab->period_ns > 3600 * NSEC_PER_SEC)
			error = "is too long: 1h at most";
		break;
	case 'J':
		error = parse_time(optarg, &lab->jitter_ns);
		break;
	case 'n':
		error = parse_number(optarg, UINT32_MAX, &lab->samples);
		break;
	case 'D':
		error = parse_time(optarg, &lab->span_ns);
		if (!error && !lab->span_ns)
			error = "is too short: more than 0";
		break;
	case 'S':
		error = parse_number(optarg, UINT64_MAX, &lab->seed);
		break;
	case 'c':
		error = parse_cpu(lab, optarg);
		break;
	case 'P':
		error = parse_number(optarg, (uint64_t)sched_get_priority_max(SCHED_FIFO), &number);
		lab->prio = error ? 0 : (int)number;
		break;
	case 'l':
		error = parse_load(lab, optarg);
		break;
	case 'm':
		if (lab->nr_thresholds == ARRAY_SIZE(lab->thresholds))
			return conflict("--max-p99 was given too often");
		opt->limits[lab->nr_thresholds++] = optarg;
		break;
	case 'g':
		lab->plot = optarg;
		break;
	case 'r':
		opt->raw = optarg;
		break;
	case 'j':
		lab->json = true;
		break;
	default:
		return other_option(&cmd_latency, c);
	}
	if (!error)
		return EXIT_OK;
	return fail(EXIT_USAGE, "--%s: '%s' %s", name, optarg, error);
}

/* Is this path one that can be measured here? Sets errno if the kernel lacks it. */
static bool is_possible(const struct latency *lab, const struct latency_path *p)
{
	/* An eventfd does not say when a driver raised what it tells of. */
	if (p->kind == KIND_SOURCE && !p->has_record && !lab->is_sim)
		return false;
	return !p->path.supported || p->path.supported();
}

static int choose_all(struct latency *lab)
{
	for (struct latency_path *p = latency_paths; p->path.name; p++) {
		p->is_chosen = (p->kind != KIND_SOURCE || lab->source) && is_possible(lab, p);
		if (!p->is_chosen && (p->kind != KIND_SOURCE || lab->source) && p->path.supported)
			notice("left out %s: this kernel does not have it, or allow it",
			       p->path.name);
	}
	return EXIT_OK;
}

static int choose_one(struct latency *lab, const char *name)
{
	struct latency_path *p = find_path(name);

	if (!p) {
		fail(EXIT_USAGE, "--path: '%s' is no path", name);
		hint("evnotify help latency");
		return EXIT_USAGE;
	}
	if (p->kind == KIND_SOURCE && !lab->source)
		return conflict("a path of a source needs --source");
	if (p->kind == KIND_SOURCE && !p->has_record && !lab->is_sim)
		return fail(EXIT_USAGE,
			    "--path: '%s' cannot be measured with that source: an eventfd does not say when it was raised",
			    name);
	if (!is_possible(lab, p))
		return fail(EXIT_FAILED, "--path: '%s' cannot be measured here: %s", name,
			    strerror(errno));
	p->is_chosen = true;
	return EXIT_OK;
}

static int choose(struct options *opt)
{
	char *words;
	char *save;
	char *word;
	int ret;

	if (!opt->paths || strcmp(opt->paths, "all") == 0)
		return choose_all(&opt->lab);
	words = strdup(opt->paths);
	if (!words)
		abort();
	word = strtok_r(words, ",", &save);
	ret = word ? EXIT_OK : fail(EXIT_USAGE, "--path: names no path");
	for (; word && !ret; word = strtok_r(NULL, ",", &save))
		ret = choose_one(&opt->lab, word);
	free(words);
	return ret;
}

/* "PATH=TIME" */
static int parse_limits(struct options *opt)
{
	for (size_t i = 0; i < opt->lab.nr_thresholds; i++) {
		struct threshold *t = &opt->lab.thresholds[i];
		const char *text = opt->limits[i];
		const char *equals = strchr(text, '=');
		const char *error;
		char name[32];

		if (!equals)
			return bad_value("--max-p99", text, "is no PATH=TIME (like wait=50us)");
		error = parse_time(equals + 1, &t->limit_ns);
		if (error)
			return bad_value("--max-p99", equals + 1, error);
		snprintf(name, sizeof(name), "%.*s", (int)(equals - text), text);
		t->path = find_path(name);
		if (!t->path || !t->path->is_chosen)
			return bad_value("--max-p99", name, "is not measured");
	}
	return EXIT_OK;
}

static int parse(struct options *opt, int argc, char **argv)
{
	static const struct option longopts[] = {
		{ "path", required_argument, NULL, 'w' },
		{ "source", required_argument, NULL, 's' },
		{ "period", required_argument, NULL, 'p' },
		{ "jitter", required_argument, NULL, 'J' },
		{ "samples", required_argument, NULL, 'n' },
		{ "duration", required_argument, NULL, 'D' },
		{ "seed", required_argument, NULL, 'S' },
		{ "cpu", required_argument, NULL, 'c' },
		{ "prio", required_argument, NULL, 'P' },
		{ "load", required_argument, NULL, 'l' },
		{ "max-p99", required_argument, NULL, 'm' },
		{ "plot", required_argument, NULL, 'g' },
		{ "raw", required_argument, NULL, 'r' },
		{ "json", no_argument, NULL, 'j' },
		{ "device", required_argument, NULL, 'd' },
		COMMON_LONG_OPTIONS,
	};
	struct latency *lab = &opt->lab;
	int index;
	int ret;
	int c;

	while (index = 0, (c = getopt_long(argc, argv, "p:n:jd:" COMMON_OPTIONS, longopts,
					   &index)) >= 0) {
		for (size_t i = 0; c > 0 && longopts[i].name; i++)
			if (longopts[i].val == c)
				index = (int)i;
		ret = parse_option(opt, c, longopts[index].name);
		if (ret)
			return ret;
	}
	if (optind < argc)
		return bad_argument(&cmd_latency, argv[optind]);
	lab->is_sim = lab->source && strcmp(lab->source, SIM_PATH) == 0;
	if (lab->jitter_ns >= lab->period_ns)
		return conflict("--jitter has to be less than the period");
	if (lab->load == LOAD_STALL && lab->cpu < 0)
		return conflict("--load stall needs --cpu: it takes that CPU away");
	ret = choose(opt);
	return ret ? ret : parse_limits(opt);
}

/* What it measures with. */

static bool is_any_chosen(enum kind kind)
{
	for (const struct latency_path *p = latency_paths; p->path.name; p++)
		if (p->is_chosen && p->kind == kind)
			return true;
	return false;
}

/* Fails as any command does that gets no device, and before the first sample. */
static int check_device(const char *path, bool wants_source)
{
	struct evnotify_info info;
	struct evn *evn;
	int ret = device_open(path, 0, &evn, &info);

	if (ret)
		return ret;
	evn_close(evn);
	if (wants_source && !(info.features & EVNOTIFY_FEATURE_HAS_SOURCE)) {
		fail(EXIT_NO_DEVICE, "%s has no source", path);
		hint("'evnotify list' shows those that there are");
		return EXIT_NO_DEVICE;
	}
	return EXIT_OK;
}

/* A source of our own, which goes when this process does. */
static int make_sim(struct latency *lab)
{
	struct evnotify_sim_new new = { .flags = O_CLOEXEC };
	int error;

	lab->sim_fd = open(SIM_PATH, O_WRONLY | O_CLOEXEC);
	if (lab->sim_fd < 0 || ioctl(lab->sim_fd, EVNOTIFY_SIM_IOC_NEW, &new) < 0) {
		error = errno;
		fail(error == EACCES || error == EPERM ? EXIT_NO_PERMISSION : EXIT_NO_DEVICE,
		     "cannot make a source by " SIM_PATH ": %s", strerror(error));
		hint_doctor(SIM_PATH);
		return error == EACCES || error == EPERM ? EXIT_NO_PERMISSION : EXIT_NO_DEVICE;
	}
	close(new.fd);
	snprintf(lab->node, sizeof(lab->node), "/dev/%s", new.name);
	lab->source = lab->node;
	if (device_await(lab->node, R_OK | W_OK))
		return EXIT_OK;
	return fail(EXIT_NO_DEVICE, "cannot open %s: %s", lab->node, strerror(errno));
}

static int prepare(struct options *opt)
{
	struct latency *lab = &opt->lab;
	int ret = EXIT_OK;

	if (is_any_chosen(KIND_TIMER) || lab->load == LOAD_TIMERS)
		ret = check_device(lab->device, false);
	if (!ret && is_any_chosen(KIND_SOURCE))
		ret = lab->is_sim ? make_sim(lab) : check_device(lab->source, true);
	if (!ret && opt->raw) {
		lab->raw = fopen(opt->raw, "we");
		if (!lab->raw)
			ret = fail(EXIT_FAILED, "cannot write %s: %s", opt->raw, strerror(errno));
	}
	if (!ret && lab->plot)
		ret = latency_plot_open(lab);
	return ret;
}

/* The table, while it is measured. */

/*
 * Draws over what it has drawn before, of @drawn lines, and as much as the terminal has
 * room for, unless it is the last time; returns how many lines these are now.
 */
static unsigned int draw(struct latency *lab, unsigned int drawn, bool last)
{
	struct winsize size = { 0 };
	FILE *out = stdout;
	unsigned int n = 0;
	char *text = NULL;
	size_t length;
	char *line;
	char *save;

	/* A terminal that does not know has the usual size. */
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0 || !size.ws_row)
		size.ws_row = 24;
	stdout = open_memstream(&text, &length);
	if (!stdout)
		abort();
	pthread_mutex_lock(&lab->lock);
	latency_print_table();
	pthread_mutex_unlock(&lab->lock);
	fclose(stdout);
	stdout = out;
	if (drawn)
		printf("\033[%uA", drawn);
	if (!last)
		printf(NO_WRAP);
	for (line = strtok_r(text, "\n", &save); line && (last || n + 1 < size.ws_row);
	     line = strtok_r(NULL, "\n", &save)) {
		printf("%s" END_OF_LINE, line);
		n++;
	}
	printf(WRAP);
	fflush(stdout);
	free(text);
	return n;
}

/* Until the measurement ends, or the user ends it. */
static void attend(struct latency *lab, struct input *input)
{
	const struct itimerspec tick = {
		{ 0, REDRAW_MS * (long)NSEC_PER_MSEC }, { 0, REDRAW_MS * (long)NSEC_PER_MSEC },
	};
	bool is_live = !lab->json && isatty(STDOUT_FILENO);
	struct pollfd fds[INPUT_FDS + 2];
	unsigned int lines = 0;
	uint64_t ticks;
	int timer = -1;
	bool ended;

	if (is_live) {
		timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
		timerfd_settime(timer, 0, &tick, NULL);
	}
	do {
		fds[INPUT_FDS] = (struct pollfd){ .fd = lab->done_fd, .events = POLLIN };
		fds[INPUT_FDS + 1] = (struct pollfd){ .fd = timer, .events = POLLIN };
		ended = input_wait(input, fds, ARRAY_SIZE(fds)) || fds[INPUT_FDS].revents;
		if (timer >= 0 && read(timer, &ticks, sizeof(ticks)) > 0 && !ended)
			lines = draw(lab, lines, false);
	} while (!ended);
	__atomic_store_n(&lab->stop, true, __ATOMIC_RELEASE);
	poll(&(struct pollfd){ .fd = lab->done_fd, .events = POLLIN }, 1, STOP_MS);
	if (is_live)
		draw(lab, lines, true);
	if (timer >= 0)
		close(timer);
}

/* What the figures are worth. */

static int check_early(const struct latency_path *p)
{
	if (!p->is_chosen || !p->early)
		return EXIT_OK;
	return fail(EXIT_FAILED, "%s: %" PRIu64 " samples were early, or their times not in order",
		    p->path.name, p->early);
}

static int check_limit(const struct threshold *t)
{
	uint64_t value = histogram_at(&t->path->delays.total, 0.99);
	char limit[32], told[32];

	format_time(t->limit_ns, limit, sizeof(limit));
	histogram_format(value, told, sizeof(told));
	if (!t->path->delays.total.samples)
		return fail(EXIT_LIMIT, "%s: there is no sample for --max-p99 %s",
			    t->path->path.name, limit);
	if (value > t->limit_ns)
		return fail(EXIT_LIMIT, "%s: the 99th percentile is %s, more than %s (--max-p99)",
			    t->path->path.name, told, limit);
	return EXIT_OK;
}

static int judge(const struct latency *lab)
{
	int status = EXIT_OK;
	int ret;

	for (size_t i = 0; i < lab->nr_thresholds; i++) {
		ret = check_limit(&lab->thresholds[i]);
		status = ret ? ret : status;
	}
	for (const struct latency_path *p = latency_paths; p->path.name; p++) {
		ret = check_early(p);
		status = ret ? ret : status;
	}
	return status;
}

/* Reports what was measured; a path that still waits adds nothing more. */
static int report(struct options *opt, char **argv, time_t start)
{
	struct latency *lab = &opt->lab;
	int status, ret;

	pthread_mutex_lock(&lab->lock);
	if (!lab->end_ns)
		lab->end_ns = now_ns(CLOCK_MONOTONIC);
	if (lab->json)
		latency_print_json(lab, argv, start);
	else if (!isatty(STDOUT_FILENO))
		latency_print_table();
	status = flush_output();
	if (lab->raw && fclose(lab->raw))
		status = fail(EXIT_FAILED, "cannot write %s: %s", opt->raw, strerror(errno));
	lab->raw = NULL;
	if (lab->plot) {
		ret = latency_plot(lab);
		status = ret ? ret : status;
	}
	ret = judge(lab);
	return status ? status : ret;
}

static int measure(struct options *opt, char **argv)
{
	struct latency *lab = &opt->lab;
	time_t start = time(NULL);
	struct input input;
	pthread_t thread;
	int ret;

	lab->done_fd = eventfd(0, EFD_CLOEXEC);
	ret = input_open(&input, INPUT_KEYS);
	if (ret)
		return ret;
	ret = latency_load(lab);
	if (!ret)
		ret = latency_start(lab, &thread);
	if (!ret) {
		if (lab->span_ns != UINT64_MAX)
			input.deadline_ns = now_ns(CLOCK_MONOTONIC) + lab->span_ns;
		attend(lab, &input);
		ret = report(opt, argv, start);
	}
	return input_close(&input, ret);
}

static int run(int argc, char **argv)
{
	static struct options opt = {
		.lab = {
			.device = DEVICE_PATH,
			.period_ns = NSEC_PER_MSEC,
			.samples = 1000,
			.span_ns = UINT64_MAX,
			.seed = 1,
			.cpu = -1,
			.sim_fd = -1,
			.plot_fd = -1,
			.lock = PTHREAD_MUTEX_INITIALIZER,
		},
	};
	int ret;

	ret = parse(&opt, argc, argv);
	if (!ret)
		ret = prepare(&opt);
	return ret ? ret : measure(&opt, argv);
}

const struct command cmd_latency = {
	.name = "latency",
	.run = run,
	.help =
"Usage: evnotify latency [OPTION]...\n"
"\n"
"Measures how long after its due time a program is told, by each path, and where\n"
"that time goes: until the interrupt, until the tasklet, until the program runs.\n"
"A key or a signal ends it; what was measured is shown. evnotify-latency(1) says\n"
"how to read it.\n"
"\n"
"      --path LIST      paths, with commas in between; all (default)\n"
"                       wait read epoll epoll-et eventfd eventfd-epoll sigio\n"
"                       uring-read uring-multishot: a timer of the device\n"
"                       source-wait and so on: an event of a source\n"
"                       timerfd nanosleep eventfd-thread uring-timeout: without\n"
"                       the module, to compare with\n"
"      --source PATH    measure this source, too: its node, or " SIM_PATH ",\n"
"                       for one that raises an event at each due time\n"
"  -p, --period TIME    from one due time to the next (default 1ms)\n"
"      --jitter TIME    each due time is up to so much later (default 0)\n"
"  -n, --samples N      of each path (default 1000)\n"
"      --duration TIME  end so long after the beginning\n"
"      --seed N         another order, jitter and load (default 1)\n"
"      --cpu N          measure on this CPU\n"
"      --prio N         with this real-time priority, 1 to 99\n"
"      --load LOAD      meanwhile cpu: a thread on each CPU computes; timers:N: so\n"
"                       many requests of somebody else expire a second;\n"
"                       stall:TIME: the CPU is taken away for so long, a tenth of\n"
"                       the time\n"
"      --max-p99 PATH=TIME  status 7 if the 99th percentile of a path is above it\n"
"      --plot FILE      percentile curves and stages as SVG, by gnuplot\n"
"      --raw FILE       each sample: path, due, expired, completed, seen\n"
"  -j, --json           one JSON document, with what the figures depend on\n"
"  -d, --device PATH    the device node (default " DEVICE_PATH ")\n",
};
