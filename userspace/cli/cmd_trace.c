// SPDX-License-Identifier: GPL-2.0-only
/*
 * evnotify trace: the life of requests, from the tracepoints, as the authors of
 * the WDK sample followed it by DebugPrint.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <glob.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <tracefs.h>
#include <unistd.h>

#include "cli.h"
#include "histogram.h"
#include "trace.h"

#define BUFFER_BYTES	16384

struct step {
	const char *event;
	const char *routine;	/* of the WDK sample, or of NT */
	bool in_process;	/* runs in the process that asked for it */
	const char *details[8];	/* arguments that a line shows */
};

static const struct step steps[] = {
	{ "open", "IRP_MJ_CREATE", true, { NULL } },
	{ "arm", "IOCTL_REGISTER_EVENT", true,
	  { "mode", "clock", "due_ns", "period_ns", "user_data", "event", "repeat" } },
	{ "raise", "ISR", false, { "raised", "data" } },
	{ "expire", "timer interrupt", false, { "expired_ns", "count", "data", "lost" } },
	{ "complete", "DPC", false,
	  { "completed_ns", "count", "cancelled", "timed_out", "gone" } },
	{ "cancel", "cancel routine", true, { NULL } },
	{ "update", "KeSetTimer", true, { "due_ns", "period_ns" } },
	{ "read", "IRP completed", true,
	  { "count", "data", "lost", "cancelled", "timed_out", "gone" } },
	{ "release", "IRP_MJ_CLEANUP, _CLOSE", true, { "armed", "completed", "cancelled" } },
};

struct options {
	const char *file;	/* NULL: live */
	uint64_t pid;		/* 0: every process */
	bool json;
	bool summary;		/* no lines, but how long it took from step to step */
};

/* From each step to the next one of the same request; NULL: that did not happen. */
static struct histogram *spans[ARRAY_SIZE(steps)][ARRAY_SIZE(steps)];

/* Text that is read piece by piece and handed on line by line. */
struct text {
	int fd;
	bool ours;	/* a line of evnotify was among them */
	size_t len;
	char buf[BUFFER_BYTES];
};

static bool is_step(const struct step *step, const char *event)
{
	return strcmp(step->event, event) == 0;
}

/*
 * A cancelled request is completed by whoever cancels it, as in the WDK sample,
 * unless the DPC has it in hand. The DPC takes an event of a source for a request.
 */
static const char *routine_of(const struct trace_line *line, const struct step *step,
			      const struct trace_subject *subject)
{
	if (is_step(step, "complete") && trace_arg(line, "cancelled") && !subject->expired)
		return "cancel routine";
	if (is_step(step, "expire") && trace_arg(line, "event") && !trace_arg(line, "timed_out"))
		return "DPC";
	return step->routine;
}

static const struct step *find_step(const char *event)
{
	for (size_t i = 0; i < ARRAY_SIZE(steps); i++)
		if (strcmp(steps[i].event, event) == 0)
			return &steps[i];
	return NULL;
}

/* Did the process that is asked for take this step? */
static bool is_of_process(const struct options *opt, const struct trace_line *line)
{
	char path[64];

	if (line->tgid)
		return (uint64_t)line->tgid == opt->pid;
	if ((uint64_t)line->pid == opt->pid || opt->file)
		return (uint64_t)line->pid == opt->pid;
	/* ftrace knows the process of a thread once that has left the CPU. */
	snprintf(path, sizeof(path), "/proc/%" PRIu64 "/task/%d", opt->pid, line->pid);
	return access(path, F_OK) == 0;
}

/* Only an event has data; nothing lost is nothing to show. */
static bool is_shown(const struct trace_line *line, const char *key)
{
	if (strcmp(key, "data") == 0)
		return trace_arg(line, "source") ||
		       (trace_arg(line, "event") && trace_number(line, "count"));
	return strcmp(key, "lost") || trace_number(line, key);
}

static void print_step(const struct trace_line *line, const struct step *step,
		       const char *routine, const char *since, uint64_t id)
{
	const char *source = trace_arg(line, "source");
	char who[64];

	if (source)
		snprintf(who, sizeof(who), "%s", source);
	else if (id)
		snprintf(who, sizeof(who), "%s/%" PRIu64, trace_arg(line, "instance"), id);
	else
		snprintf(who, sizeof(who), "%s", trace_arg(line, "instance"));
	printf("%6" PRIu64 ".%06" PRIu64 "  %-9s  %-12s  %-22s  %-8s  %s-%d",
	       line->time_ns / NSEC_PER_SEC, line->time_ns % NSEC_PER_SEC / 1000, since, who,
	       routine, line->event, line->comm, line->pid);
	for (const char *const *key = step->details; *key; key++) {
		const char *value = trace_arg(line, *key);

		if (!is_shown(line, *key))
			continue;
		if (value && *value)
			printf("  %s %s", *key, value);
		else if (value)
			printf("  %s", *key);
	}
	putchar('\n');
}

/* Every argument goes in; those that are not numbers as strings. */
static void print_step_json(const struct trace_line *line, const struct step *step,
			    const char *routine, const uint64_t *since_ns)
{
	static const char *const words[] = { "event", "repeat", "cancelled", "timed_out", "gone" };

	printf("{\"time_ns\":%" PRIu64 ",\"since_ns\":", line->time_ns);
	if (since_ns)
		printf("%" PRId64, (int64_t)*since_ns);
	else
		printf("null");
	printf(",\"step\":\"%s\",\"nt_routine\":\"%s\",\"comm\":", step->event, routine);
	print_json_string(line->comm);
	printf(",\"pid\":%d,\"cpu\":%d", line->pid, line->cpu);
	for (unsigned int i = 0; i < line->nargs; i++) {
		const char *value = line->args[i].value;

		printf(",\"%s\":", line->args[i].key);
		if (!*value)
			printf("true");
		else if (value[strspn(value, "-0123456789")])
			print_json_string(value);
		else
			printf("%s", value);
	}
	/* A request has each of these words, or it does not. */
	for (size_t i = 0; i < ARRAY_SIZE(words) && trace_arg(line, "id"); i++)
		if (!trace_arg(line, words[i]))
			printf(",\"%s\":false", words[i]);
	printf("}\n");
}

/* Can no further step of the request come? Then it need not be remembered. */
static bool is_last(const struct trace_line *line, const struct step *step,
		    const struct trace_subject *subject)
{
	const char *mode = trace_arg(line, "mode");
	bool more = trace_number(line, "period_ns") || trace_arg(line, "repeat") ||
		    subject->updated;

	if (more && !trace_arg(line, "cancelled") && !trace_arg(line, "gone"))
		return false;
	return is_step(step, "read") ||
	       (mode && strcmp(mode, "eventfd") == 0 &&
		(is_step(step, "complete") || is_step(step, "cancel")));
}

/* ftrace learns the name of a task when that leaves the CPU; its first steps lack it. */
static void find_comm(struct trace_line *line)
{
	static char comm[32];
	char path[64];

	if (strcmp(line->comm, "<...>"))
		return;
	snprintf(path, sizeof(path), "/proc/%d/comm", line->pid);
	read_line(path, comm, sizeof(comm));
	if (*comm)
		line->comm = comm;
}

static void count_span(size_t from, size_t to, uint64_t ns)
{
	struct histogram **h = &spans[from][to];

	if (!*h)
		*h = calloc(1, sizeof(**h));
	if (!*h)
		abort();
	histogram_add(*h, ns);
}

static void print_summary_json(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		for (size_t j = 0; j < ARRAY_SIZE(steps); j++) {
			if (!spans[i][j])
				continue;
			printf("{\"from\":\"%s\",\"to\":\"%s\",", steps[i].event, steps[j].event);
			histogram_print_json(spans[i][j]);
			printf("}\n");
		}
	}
}

static void print_summary(const struct options *opt)
{
	struct histogram_row rows[ARRAY_SIZE(steps) * ARRAY_SIZE(steps)];
	static char names[ARRAY_SIZE(rows)][24];
	size_t n = 0;

	if (!opt->summary)
		return;
	if (opt->json) {
		print_summary_json();
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		for (size_t j = 0; j < ARRAY_SIZE(steps); j++) {
			if (!spans[i][j])
				continue;
			snprintf(names[n], sizeof(names[n]), "%s->%s", steps[i].event,
				 steps[j].event);
			rows[n] = (struct histogram_row){ names[n], spans[i][j] };
			n++;
		}
	}
	histogram_print_table("STEPS", rows, n);
}

/* A source is no process's; what it raises is of no request yet. */
static void show_raise(const struct options *opt, struct trace_line *line,
		       const struct step *step)
{
	if (opt->summary)
		return;
	if (!opt->file)
		find_comm(line);
	if (opt->json)
		print_step_json(line, step, step->routine, NULL);
	else
		print_step(line, step, step->routine, "-", 0);
}

static void show(const struct options *opt, struct trace_line *line, const struct step *step)
{
	uint64_t instance = trace_number(line, "instance");
	uint64_t id = trace_number(line, "id");
	struct trace_subject *subject;
	struct trace_subject *owner;
	const char *routine;
	char since[32] = "-";
	uint64_t since_ns;

	/* The numbers begin anew when the module is loaded anew. */
	if (is_step(step, "open"))
		trace_forget_instance(instance);
	owner = trace_subject(instance, 0);
	subject = trace_subject(instance, id);
	since_ns = line->time_ns - subject->last_ns;
	routine = routine_of(line, step, subject);
	if (opt->pid && step->in_process && is_of_process(opt, line))
		owner->used = true;
	if (opt->summary) {
		if ((!opt->pid || owner->used) && subject->last_ns)
			count_span(subject->last_step, (size_t)(step - steps), since_ns);
	} else if (!opt->pid || owner->used) {
		if (!opt->file)
			find_comm(line);
		if (subject->last_ns)
			format_span((int64_t)since_ns, since, sizeof(since));
		if (opt->json)
			print_step_json(line, step, routine, subject->last_ns ? &since_ns : NULL);
		else
			print_step(line, step, routine, since, id);
	}

	subject->last_ns = line->time_ns;
	subject->last_step = (size_t)(step - steps);
	owner->last_ns = line->time_ns;
	owner->last_step = subject->last_step;
	if (is_step(step, "expire")) {
		subject->expired = true;
		subject->updated = false;
	} else if (is_step(step, "complete") || is_step(step, "read")) {
		subject->expired = false;
	} else if (is_step(step, "update")) {
		subject->updated = true;
	}
	if (is_step(step, "release"))
		trace_forget_instance(instance);
	else if (is_last(line, step, subject))
		trace_forget_request(instance, id);
}

/* Steps are missing: a step seen before may not be the previous one. */
static void show_gap(const struct options *opt, const char *text, int cpu, uint64_t lost)
{
	trace_forget_requests();
	fail(EXIT_FAILED, "the trace has a gap: %s", text);
	if (!opt->json || opt->summary)
		return;
	printf("{\"step\":\"gap\",\"cpu\":%d,\"lost\":", cpu);
	if (lost)
		printf("%" PRIu64 "}\n", lost);
	else
		printf("null}\n");
}

/* Returns whether the line is one of ours. */
static bool take_line(const struct options *opt, char *text)
{
	const struct step *step;
	struct trace_line line;
	uint64_t lost;
	int cpu;

	if (trace_parse_gap(text, &cpu, &lost)) {
		show_gap(opt, text, cpu, lost);
		return false;
	}
	if (!trace_parse(text, &line))
		return false;
	step = find_step(line.event);
	if (step && trace_arg(&line, "source"))
		show_raise(opt, &line, step);
	else if (step && trace_arg(&line, "instance"))
		show(opt, &line, step);
	else
		return false;
	return true;
}

/* Takes what one read(2) gives, and returns its result. */
static ssize_t take_text(const struct options *opt, struct text *text)
{
	ssize_t n = read(text->fd, text->buf + text->len, sizeof(text->buf) - text->len);
	char *line = text->buf;
	char *newline;
	char *end;

	if (n <= 0)
		return n;
	end = text->buf + text->len + n;
	while ((newline = memchr(line, '\n', (size_t)(end - line)))) {
		*newline = '\0';
		text->ours |= take_line(opt, line);
		line = newline + 1;
	}
	text->len = (size_t)(end - line);
	memmove(text->buf, line, text->len);
	/* No line of a trace is that long. */
	if (text->len == sizeof(text->buf))
		text->len = 0;
	return n;
}

static void print_header(const struct options *opt)
{
	if (!opt->json && !opt->summary)
		printf("%13s  %-9s  %-12s  %-22s  %-8s  %s\n", "TIME", "SINCE", "REQUEST",
		       "NT ROUTINE", "STEP", "TASK AND DETAILS");
	fflush(stdout);
}

/* Takes all of it; a reader that goes away meanwhile ends the command as SIGPIPE. */
static int take_file(const struct options *opt, struct text *text)
{
	struct pollfd fds[] = {
		{ .fd = text->fd, .events = POLLIN },
		{ .fd = STDOUT_FILENO },
	};
	ssize_t n;

	do {
		n = 1;
		if (poll(fds, ARRAY_SIZE(fds), -1) > 0 && fds[1].revents) {
			raise(SIGPIPE);
			break;
		}
		if (fds[0].revents)
			n = take_text(opt, text);
		fflush(stdout);
	} while (n > 0);
	return n < 0 ? errno : 0;
}

static int trace_file(const struct options *opt)
{
	bool is_stdin = strcmp(opt->file, "-") == 0;
	const char *name = is_stdin ? "standard input" : opt->file;
	static struct text text;
	int error;

	text.fd = is_stdin ? STDIN_FILENO : open(opt->file, O_RDONLY | O_CLOEXEC);
	if (text.fd < 0)
		return fail(EXIT_FAILED, "cannot open %s: %s", name, strerror(errno));
	print_header(opt);
	error = take_file(opt, &text);
	close(text.fd);
	if (error)
		return fail(EXIT_FAILED, "cannot read %s: %s", name, strerror(error));
	/* The last line may lack its end. */
	text.buf[text.len] = '\0';
	text.ours |= take_line(opt, text.buf);
	if (!text.ours) {
		fail(EXIT_FAILED, "%s has no line of the tracepoints of " MODULE_NAME, name);
		hint("trace-cmd report >FILE, or sudo cat /sys/kernel/tracing/trace >FILE");
		return EXIT_FAILED;
	}
	print_summary(opt);
	return flush_output();
}

static int loop(const struct options *opt, struct text *text, struct input *input)
{
	struct pollfd fds[INPUT_FDS + 1];
	ssize_t n;
	bool stop;

	print_header(opt);
	do {
		fds[INPUT_FDS] = (struct pollfd){ .fd = text->fd, .events = POLLIN };
		stop = input_wait(input, fds, INPUT_FDS + 1);
		while ((n = take_text(opt, text)) > 0 && !ferror(stdout))
			;
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return fail(EXIT_FAILED, "cannot read the trace: %s", strerror(errno));
		if (fflush(stdout) && errno == EPIPE) {
			input->signal = SIGPIPE;
			return EXIT_OK;
		}
		if (ferror(stdout) && !input->ended)
			return flush_output();
	} while (!stop);
	print_summary(opt);
	return flush_output();
}

static int no_tracing(const char *what)
{
	/* The kernel says EPERM or EINVAL then, and root cannot help that. */
	if (file_says("/sys/kernel/security/lockdown", "[confidentiality]"))
		return fail(EXIT_REFUSED, "%s: the kernel is locked down (confidentiality)", what);
	if (errno == EACCES || errno == EPERM) {
		fail(EXIT_NO_PERMISSION, "%s: %s", what, strerror(errno));
		hint("sudo evnotify trace");
		return EXIT_NO_PERMISSION;
	}
	return fail(EXIT_FAILED, "%s: %s", what, strerror(errno));
}

static int no_tracepoints(void)
{
	if (exists("/sys/module/" MODULE_NAME))
		return fail(EXIT_FAILED, "the module has no tracepoints: this kernel has none");
	fail(EXIT_NO_DEVICE, "the module, which has the tracepoints, is not loaded");
	hint_doctor(DEVICE_PATH);
	return EXIT_NO_DEVICE;
}

#define INSTANCE_PREFIX	MODULE_NAME "-"

/*
 * Buffers of processes that are gone: SIGKILL leaves them. The kernel refuses where
 * somebody still reads one, such as a process of another PID namespace.
 */
static void remove_stale_instances(void)
{
	char pattern[PATH_MAX];
	glob_t found;
	pid_t pid;

	snprintf(pattern, sizeof(pattern), "%s/instances/" INSTANCE_PREFIX "[0-9]*",
		 tracefs_tracing_dir());
	if (glob(pattern, 0, NULL, &found) == 0) {
		for (size_t i = 0; i < found.gl_pathc; i++) {
			pid = atoi(strrchr(found.gl_pathv[i], '-') + 1);
			if (pid == getpid() || (kill(pid, 0) < 0 && errno == ESRCH))
				rmdir(found.gl_pathv[i]);
		}
	}
	globfree(&found);
}

/* A buffer of its own: whoever traces something else does not notice. */
static int trace_live(const struct options *opt, struct input *input)
{
	static struct text text;
	struct tracefs_instance *instance;
	char name[32];
	int ret;

	tracefs_set_loglevel(TEP_LOG_NONE);
	if (!tracefs_tracing_dir())
		return no_tracing("cannot use tracefs");
	remove_stale_instances();
	snprintf(name, sizeof(name), INSTANCE_PREFIX "%d", getpid());
	instance = tracefs_instance_create(name);
	if (!instance)
		return no_tracing("cannot make a trace buffer");
	/* On the clock of most requests; readable as soon as there is anything. */
	tracefs_instance_file_write(instance, "trace_clock", "mono");
	tracefs_instance_file_write(instance, "buffer_percent", "0");
	tracefs_instance_file_write(instance, "options/record-tgid", "1");
	if (tracefs_event_enable(instance, MODULE_NAME, NULL) < 0) {
		ret = no_tracepoints();
		goto destroy_instance;
	}
	text.fd = tracefs_instance_file_open(instance, "trace_pipe", O_RDONLY | O_NONBLOCK);
	if (text.fd < 0) {
		ret = no_tracing("cannot read the trace");
		goto destroy_instance;
	}
	ret = loop(opt, &text, input);
	close(text.fd);

destroy_instance:
	tracefs_event_disable(instance, MODULE_NAME, NULL);
	tracefs_instance_destroy(instance);
	tracefs_instance_free(instance);
	return ret;
}

static int run(int argc, char **argv)
{
	static const struct option longopts[] = {
		{ "file", required_argument, NULL, 'f' },
		{ "pid", required_argument, NULL, 'P' },
		{ "summary", no_argument, NULL, 's' },
		{ "json", no_argument, NULL, 'j' },
		COMMON_LONG_OPTIONS,
	};
	struct options opt = { 0 };
	struct input input;
	const char *error;
	int ret;
	int c;

	while ((c = getopt_long(argc, argv, "f:P:j" COMMON_OPTIONS, longopts, NULL)) >= 0) {
		switch (c) {
		case 'f':
			opt.file = optarg;
			break;
		case 'P':
			error = parse_number(optarg, INT32_MAX, &opt.pid);
			if (error)
				return bad_value("--pid", optarg, error);
			break;
		case 's':
			opt.summary = true;
			break;
		case 'j':
			opt.json = true;
			break;
		default:
			return other_option(&cmd_trace, c);
		}
	}
	if (optind < argc)
		return bad_argument(&cmd_trace, argv[optind]);
	if (opt.file)
		return trace_file(&opt);
	ret = input_open(&input, INPUT_KEYS);
	if (ret)
		return ret;
	return input_close(&input, trace_live(&opt, &input));
}

const struct command cmd_trace = {
	.name = "trace",
	.run = run,
	.help =
"Usage: evnotify trace [OPTION]...\n"
"\n"
"Shows the life of requests from the tracepoints, until a key is pressed: each\n"
"step, the routine of the WDK sample or of NT that does it there, and the time\n"
"since the previous step of that request. Ends with whoever reads its output.\n"
"\n"
"  -f, --file FILE      read a trace that was kept: the text of ftrace's file\n"
"                       trace, or of trace-cmd report; -: standard input\n"
"  -P, --pid PID        only instances that this process uses\n"
"      --summary        no lines: at the end, percentiles and a histogram of the\n"
"                       times from each step to the next one of a request\n"
"  -j, --json           one JSON object per line\n",
};
