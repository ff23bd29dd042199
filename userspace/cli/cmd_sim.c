// SPDX-License-Identifier: GPL-2.0-only
/*
 * evnotify sim: a source that raises what a test wants, in place of a device.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/pidfd.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sim.h"

/* Exit status for a command that cannot be run, as of env(1) and the shells. */
enum {
	EXIT_CANNOT_RUN = 126,
	EXIT_NOT_FOUND = 127,
};

extern char **environ;

struct options {
	const char *device;
	struct sim_list list;
	const char *replay;
	bool print;
	char **command;		/* NULL: none */
	FILE *shape;		/* options that make the list up, as they were given */
	char *shape_text;
	size_t shape_size;
	bool has_seed;
};

/* What is under way. */
struct sim {
	const struct options *opt;
	struct sim_player player;
	char node[64];
	bool playing;
	bool opened;		/* somebody has opened the node */
	int inotify;		/* told of that */
	pid_t child;
	int pidfd;
};

enum { FD_DONE = INPUT_FDS, FD_OPENED, FD_CHILD, NR_FDS };

/* Options. */

static const char *parse_late(struct sim_list *list, char *text)
{
	char *colon = strchr(text, ':');
	const char *error;

	if (!colon)
		return "is not a time and a percentage (like 2ms:0.5%)";
	*colon = '\0';
	error = parse_time(text, &list->late_ns);
	*colon = ':';
	return error ? error : sim_parse_percent(colon + 1, &list->late);
}

static const char *parse_data(struct sim_list *list, const char *text)
{
	const char *error = NULL;

	if (strcmp(text, "count") == 0)
		list->data = SIM_COUNT;
	else if (strcmp(text, "random") == 0)
		list->data = SIM_RANDOM;
	else if (!sim_parse_data(text, &list->constant))
		list->data = SIM_CONSTANT;
	else
		error = "is none of count, random, and a number (like 42 or 0x2a)";
	return error;
}

/* An option that makes a list up. */
static const char *parse_shape(struct options *opt, int c)
{
	struct sim_list *list = &opt->list;
	const char *error;

	switch (c) {
	case 'E':
		error = parse_time(optarg, &list->every_ns);
		if (!error && !list->every_ns)
			error = "is too short: more than 0; --burst has many at once";
		return error;
	case 'b':
		return parse_number(optarg, UINT32_MAX, &list->burst);
	case 'J':
		return parse_time(optarg, &list->jitter_ns);
	case 'l':
		return parse_late(list, optarg);
	case 'D':
		return sim_parse_percent(optarg, &list->drop);
	case 'u':
		return sim_parse_percent(optarg, &list->duplicate);
	case 'x':
		return parse_data(list, optarg);
	default:
		opt->has_seed = true;
		return parse_number(optarg, UINT64_MAX, &list->seed);
	}
}

static int parse_option(struct options *opt, int c, const char *name)
{
	const char *error = NULL;

	switch (c) {
	case 'e':
		error = parse_number(optarg, UINT64_MAX - 1, &opt->list.events);
		name = "events";
		break;
	case 'f':
		error = parse_time(optarg, &opt->list.span_ns);
		name = "for";
		break;
	case 'r':
		opt->replay = optarg;
		return EXIT_OK;
	case 'p':
		opt->print = true;
		return EXIT_OK;
	case 'd':
		opt->device = optarg;
		return EXIT_OK;
	case 'E': case 'b': case 'J': case 'l': case 'D': case 'u': case 'x': case 'S':
		error = parse_shape(opt, c);
		break;
	default:
		return other_option(&cmd_sim, c);
	}
	if (error) {
		fail(EXIT_USAGE, "--%s: '%s' %s", name, optarg, error);
		return EXIT_USAGE;
	}
	fprintf(opt->shape, " --%s %s", name, optarg);
	return EXIT_OK;
}

static int conflict(const char *what)
{
	fail(EXIT_USAGE, "%s", what);
	return bad_usage(&cmd_sim);
}

static int check(struct options *opt)
{
	const struct sim_list *list = &opt->list;
	bool is_made_up = opt->has_seed || list->burst > 1 || list->jitter_ns || list->late_ns ||
			  list->drop || list->duplicate || list->data || list->every_ns;

	if (opt->replay && is_made_up)
		return conflict("--replay has its steps from the file: it goes with --events and --for only");
	if (opt->print && opt->command)
		return conflict("--print plays nothing, so there is no device for a command");
	if (opt->print && !opt->replay && list->events == UINT64_MAX && list->span_ns == UINT64_MAX)
		return conflict("--print needs --events or --for, or there is no end");
	if (MAX(list->every_ns, MAX(list->jitter_ns, list->late_ns)) > SIM_MAX_DELAY)
		return conflict("a time is too long: 26 days at most");
	if (!list->every_ns)
		opt->list.every_ns = NSEC_PER_SEC;
	return EXIT_OK;
}

static int parse(struct options *opt, int argc, char **argv)
{
	static const struct option longopts[] = {
		{ "every", required_argument, NULL, 'E' },
		{ "burst", required_argument, NULL, 'b' },
		{ "jitter", required_argument, NULL, 'J' },
		{ "late", required_argument, NULL, 'l' },
		{ "drop", required_argument, NULL, 'D' },
		{ "duplicate", required_argument, NULL, 'u' },
		{ "data", required_argument, NULL, 'x' },
		{ "seed", required_argument, NULL, 'S' },
		{ "events", required_argument, NULL, 'e' },
		{ "for", required_argument, NULL, 'f' },
		{ "replay", required_argument, NULL, 'r' },
		{ "print", no_argument, NULL, 'p' },
		{ "device", required_argument, NULL, 'd' },
		COMMON_LONG_OPTIONS,
	};
	int index;
	int ret;
	int c;

	while (index = 0, (c = getopt_long(argc, argv, "+e:f:d:" COMMON_OPTIONS, longopts,
					   &index)) >= 0) {
		ret = parse_option(opt, c, longopts[index].name);
		if (ret)
			return ret;
	}
	if (optind < argc)
		opt->command = argv + optind;
	return check(opt);
}

/* The list. */

static int print_list(struct options *opt)
{
	struct evnotify_sim_step step;

	fflush(opt->shape);
	printf("# evnotify sim");
	if (opt->replay)
		printf(" --replay %s", opt->replay);
	else if (!opt->has_seed)
		printf(" --seed %" PRIu64, opt->list.seed);
	printf("%s\n", opt->shape_text);
	while (sim_next(&opt->list, &step) && !ferror(stdout))
		sim_print_step(step.delay_ns, step.data);
	return flush_output();
}

/* The device. */

static int cannot_use(const char *path, const char *what)
{
	int error = errno;
	int status = EXIT_FAILED;

	if (error == ENOENT || error == ENODEV || error == ENXIO)
		status = EXIT_NO_DEVICE;
	else if (error == EACCES || error == EPERM)
		status = EXIT_NO_PERMISSION;
	else if (error == ENOTTY || error == EISDIR)
		return fail(EXIT_NO_DEVICE, "%s is not the device of evnotify-sim", path);
	fail(status, "cannot %s %s: %s", what, path, strerror(error));
	if (error == ENOENT)
		hint("the module evnotify-sim makes it: sudo modprobe evnotify-sim");
	if (error == ENOSPC)
		hint("there are as many as there can be; 'evnotify list' shows them");
	return status;
}

/* Sets @fd, and the node of the source. */
static int make_source(const char *path, int *fd, char *node, size_t size)
{
	struct evnotify_sim_new new = { .flags = O_CLOEXEC };
	int status = EXIT_OK;

	*fd = open(path, O_WRONLY | O_CLOEXEC);
	if (*fd < 0)
		status = cannot_use(path, "open");
	else if (ioctl(*fd, EVNOTIFY_SIM_IOC_NEW, &new) < 0)
		status = cannot_use(path, "make a source by");
	if (status) {
		hint_doctor(path);
		return status;
	}
	close(new.fd);
	snprintf(node, size, "/dev/%s", new.name);
	if (device_await(node, R_OK | W_OK))
		return EXIT_OK;
	if (errno == ENOENT) {
		fail(EXIT_NO_DEVICE, "%s did not appear", node);
		hint("here /dev has the nodes that it was given: a container gets one only while it starts");
		return EXIT_NO_DEVICE;
	}
	fail(EXIT_NO_PERMISSION, "%s does not become yours to open: %s", node, strerror(errno));
	hint("the rule 70-evnotify.rules of udev has to give it to the group evnotify: one of this version, read with 'sudo udevadm control --reload'");
	return EXIT_NO_PERMISSION;
}

/* The command. */

/* @word with the node for each {}, as find(1) does it. */
static char *with_node(const char *word, const char *node)
{
	const char *braces;
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		abort();
	while ((braces = strstr(word, "{}"))) {
		fprintf(out, "%.*s%s", (int)(braces - word), word, node);
		word = braces + 2;
	}
	fputs(word, out);
	fclose(out);
	return text;
}

/* Signals are as they were before input_open(). */
static int spawn(struct sim *sim, const sigset_t *mask, bool has_sigpipe)
{
	char **words = sim->opt->command;
	posix_spawnattr_t attr;
	sigset_t defaults;
	int error;

	sigemptyset(&defaults);
	if (has_sigpipe)
		sigaddset(&defaults, SIGPIPE);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setsigmask(&attr, mask);
	posix_spawnattr_setsigdefault(&attr, &defaults);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	for (char **word = words; *word; word++)
		*word = with_node(*word, sim->node);
	setenv("EVNOTIFY_DEVICE", sim->node, 1);
	error = posix_spawnp(&sim->child, words[0], NULL, &attr, words, environ);
	posix_spawnattr_destroy(&attr);
	if (error)
		return fail(error == ENOENT ? EXIT_NOT_FOUND : EXIT_CANNOT_RUN, "cannot run %s: %s",
			    words[0], strerror(error));
	sim->pidfd = pidfd_open(sim->child, 0);
	if (sim->pidfd < 0)
		return fail(EXIT_FAILED, "cannot watch %s: %s", words[0], strerror(errno));
	return EXIT_OK;
}

/* Ends as the command has ended. */
static int reap(struct sim *sim, struct input *input)
{
	const struct rlimit no_core = { 0 };
	int status;

	if (waitpid(sim->child, &status, 0) < 0)
		return fail(EXIT_FAILED, "cannot wait for the command: %s", strerror(errno));
	if (WIFEXITED(status))
		return WEXITSTATUS(status);
	setrlimit(RLIMIT_CORE, &no_core);	/* it is the command's to leave one */
	input->signal = WTERMSIG(status);
	return EXIT_FAILED;
}

/* Both. */

static int begin(struct sim *sim)
{
	int status = sim_play(&sim->player);

	sim->playing = !status;
	return status;
}

/* The device is pulled out. */
static void end(struct sim *sim)
{
	if (sim->playing)
		sim_stop(&sim->player);
	sim->playing = false;
	if (sim->player.fd >= 0)
		close(sim->player.fd);
	sim->player.fd = -1;
}

/* Until the list or the user comes to an end. */
static int play(struct sim *sim, struct input *input)
{
	struct pollfd fds[NR_FDS];
	int status;

	printf("%s\n", sim->node);
	status = flush_output();
	if (!status)
		status = begin(sim);
	if (status)
		return status;
	do {
		fds[FD_DONE] = (struct pollfd){ .fd = sim->player.done_fd, .events = POLLIN };
	} while (!input_wait(input, fds, FD_DONE + 1) && !fds[FD_DONE].revents);
	return EXIT_OK;
}

/* Until the command ends; the device may go before. */
static int play_to_command(struct sim *sim, struct input *input)
{
	struct pollfd fds[NR_FDS] = { 0 };
	int status = EXIT_OK;

	while (!fds[FD_CHILD].revents) {
		fds[FD_DONE] = (struct pollfd){ .fd = sim->playing ? sim->player.done_fd : -1,
						.events = POLLIN };
		fds[FD_OPENED] = (struct pollfd){ .fd = sim->opened ? -1 : sim->inotify,
						  .events = POLLIN };
		fds[FD_CHILD] = (struct pollfd){ .fd = sim->pidfd, .events = POLLIN };
		if (input_wait(input, fds, NR_FDS)) {
			/* What the terminal sends, the command has as well. */
			if (!input->is_shared)
				kill(sim->child, input->signal);
			input->ended = false;
			input->signal = 0;
		}
		if (fds[FD_OPENED].revents) {
			sim->opened = true;
			status = begin(sim);
		}
		if (fds[FD_DONE].revents)
			end(sim);
	}
	return status;
}

static int report(const struct sim *sim, int status)
{
	uint64_t raised = sim->player.raised;

	if (sim->player.error)
		status = fail(EXIT_FAILED, "cannot raise events in %s: %s", sim->node,
			      strerror(sim->player.error));
	if (sim->opt->command && !sim->opened)
		notice("raised no event: the command did not open %s", sim->node);
	else
		notice("raised %" PRIu64 " event%s in %s", raised, raised == 1 ? "" : "s",
		       sim->node);
	return status;
}

static int run_command(struct sim *sim, struct input *input, const sigset_t *mask,
		       bool has_sigpipe)
{
	int status, ended;

	status = spawn(sim, mask, has_sigpipe);
	if (status)
		return status;
	status = play_to_command(sim, input);
	ended = reap(sim, input);
	end(sim);
	return report(sim, ended ? ended : status);
}

static int use_source(struct sim *sim)
{
	struct sigaction sigpipe;
	struct input input;
	sigset_t mask;
	int status;

	sim->player.done_fd = eventfd(0, EFD_CLOEXEC);
	if (sim->opt->command) {
		/* We have not opened it, and shall not. */
		sim->inotify = inotify_init1(IN_CLOEXEC);
		if (sim->inotify < 0 || inotify_add_watch(sim->inotify, sim->node, IN_OPEN) < 0)
			return fail(EXIT_FAILED, "cannot see who opens %s: %s", sim->node,
				    strerror(errno));
	}
	sigprocmask(SIG_BLOCK, NULL, &mask);
	sigaction(SIGPIPE, NULL, &sigpipe);
	status = input_open(&input, sim->opt->command ? INPUT_NONE : INPUT_KEYS);
	if (status)
		return status;
	if (sim->opt->command) {
		status = run_command(sim, &input, &mask, sigpipe.sa_handler == SIG_DFL);
	} else {
		status = play(sim, &input);
		end(sim);
		status = report(sim, status);
	}
	return input_close(&input, status);
}

static int run(int argc, char **argv)
{
	struct options opt = {
		.device = SIM_PATH,
		.list = {
			.seed = 1,
			.burst = 1,
			.span_ns = UINT64_MAX,
			.events = UINT64_MAX,
		},
	};
	struct sim sim = { .opt = &opt, .player = { .list = &opt.list } };
	int status;

	opt.shape = open_memstream(&opt.shape_text, &opt.shape_size);
	if (!opt.shape)
		abort();
	status = parse(&opt, argc, argv);
	if (!status && opt.replay)
		status = sim_read_file(&opt.list, opt.replay);
	if (!status && opt.print) {
		status = print_list(&opt);
	} else if (!status) {
		status = make_source(opt.device, &sim.player.fd, sim.node, sizeof(sim.node));
		if (!status)
			status = use_source(&sim);
	}
	fclose(opt.shape);
	free(opt.shape_text);
	free(opt.list.steps);
	return status;
}

const struct command cmd_sim = {
	.name = "sim",
	.run = run,
	.help =
"Usage: evnotify sim [OPTION]... [--] [COMMAND [ARGUMENT]...]\n"
"\n"
"Makes a source, and raises events in it, as a device would. COMMAND gets the node\n"
"in the environment, as EVNOTIFY_DEVICE, and for each {} in its words; events begin\n"
"when it has opened the node, and the status is its own. Without COMMAND the node\n"
"is printed, events begin at once, and a key or a signal ends them. After the last\n"
"event the source goes, as a device that is pulled out.\n"
"\n"
"      --every TIME     a burst of events every so often (default 1s)\n"
"      --burst N        so many events at once (default 1)\n"
"      --jitter TIME    each burst comes up to so much earlier or later\n"
"      --late TIME:PERCENT  so many of the bursts come so late\n"
"      --drop PERCENT   so many of the events do not come\n"
"      --duplicate PERCENT  so many of the events come twice\n"
"      --data DATA      count (default), random, or a number: what an event carries\n"
"      --seed N         makes another list of that kind (default 1)\n"
"  -e, --events N       end after N events\n"
"  -f, --for TIME       end so long after the beginning\n"
"      --replay FILE    raise what the file has; -: standard input\n"
"      --print          print the list, as such a file, and play nothing\n"
"  -d, --device PATH    the device that makes it (default " SIM_PATH ")\n"
"\n"
"The same options give the same list. A line of a file is +TIME DATA, so long after\n"
"the line before.\n",
};
