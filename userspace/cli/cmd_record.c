// SPDX-License-Identifier: GPL-2.0-only
/*
 * evnotify record: what a source raises, as a file that "evnotify sim" replays.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <string.h>

#include "sim.h"

/* Requests that wait in turn: so many events are read at once, in their order. */
#define REQUESTS	64

struct record {
	const char *device;
	uint64_t events;	/* ends after so many; UINT64_MAX: never */
	uint64_t span_ns;	/* ends so long after its beginning; UINT64_MAX: never */
	uint64_t recorded;
	uint64_t lost;
	uint64_t last_ns;	/* when the event before was raised; 0: there was none */
	uint64_t end_ns;	/* what is raised later is not wanted; 0: the end has not come */
	bool over;
};

static void print_record(struct record *record, const struct evnotify_event *ev)
{
	if (ev->lost)
		printf("# %" PRIu32 " lost\n", ev->lost);
	record->lost += ev->lost;
	record->recorded++;
	sim_print_step(record->last_ns ? ev->expired_ns - record->last_ns : 0, ev->data);
	record->last_ns = ev->expired_ns;
	record->over = record->recorded == record->events;
}

/* Takes what is ready. Returns how many records there were, or -1, and errno. */
static ssize_t take(struct record *record, struct evn *evn)
{
	struct evnotify_event ev[REQUESTS];
	ssize_t n = evn_read(evn, ev, REQUESTS);

	for (ssize_t i = 0; i < n && !record->over; i++) {
		/* Without data it says that the source has gone, after all that it raised. */
		if (!(ev[i].flags & EVNOTIFY_EVENT_DATA) ||
		    (record->end_ns && ev[i].expired_ns > record->end_ns))
			record->over = true;
		else
			print_record(record, &ev[i]);
	}
	if (n < 0 && errno == EAGAIN)
		return 0;
	return n;
}

static int loop(struct record *record, struct evn *evn, struct input *input)
{
	struct pollfd fds[INPUT_FDS + 1];
	ssize_t n = 0;

	while (!record->over) {
		fds[INPUT_FDS] = (struct pollfd){ .fd = evn_fd(evn), .events = POLLIN };
		/* What was raised before the end is recorded still. */
		if (!record->end_ns && input_wait(input, fds, INPUT_FDS + 1))
			record->end_ns = now_ns(CLOCK_MONOTONIC);
		n = take(record, evn);
		if (n < 0)
			return fail(EXIT_FAILED, "cannot read the events: %s", strerror(errno));
		if (record->end_ns && !n)
			break;
		if (fflush(stdout) && errno == EPIPE)
			input->signal = SIGPIPE;
		if (ferror(stdout))
			break;
	}
	return EXIT_OK;
}

static int arm(struct evn *evn)
{
	struct evnotify_request reqs[REQUESTS];
	size_t done = 0;
	ssize_t taken;

	for (unsigned int i = 0; i < REQUESTS; i++)
		reqs[i] = (struct evnotify_request){
			.flags = EVNOTIFY_SOURCE | EVNOTIFY_REPEAT,
			.mode = EVNOTIFY_MODE_PENDING,
			.clockid = CLOCK_MONOTONIC,
		};
	while (done < REQUESTS) {
		taken = evn_write(evn, reqs, REQUESTS - done);
		if (taken < 0)
			return fail(EXIT_FAILED, "cannot wait for events: %s", strerror(errno));
		done += (size_t)taken;
	}
	return EXIT_OK;
}

static int record_device(struct record *record, struct evn *evn)
{
	struct input input;
	int status;

	status = input_open(&input, INPUT_KEYS);
	if (status)
		return status;
	status = arm(evn);
	if (!status) {
		printf("# evnotify record %s\n", record->device);
		if (record->span_ns != UINT64_MAX)
			input.deadline_ns = now_ns(CLOCK_MONOTONIC) + record->span_ns;
		status = loop(record, evn, &input);
		notice("recorded %" PRIu64 " event%s, %" PRIu64 " lost", record->recorded,
		       record->recorded == 1 ? "" : "s", record->lost);
	}
	if (!status && !input.ended)
		status = flush_output();
	return input_close(&input, status);
}

static int record_path(struct record *record)
{
	struct evnotify_info info;
	struct evn *evn;
	int status;

	status = device_open(record->device, O_NONBLOCK, &evn, &info);
	if (status)
		return status;
	if (info.features & EVNOTIFY_FEATURE_HAS_SOURCE) {
		status = record_device(record, evn);
	} else {
		status = fail(EXIT_NO_DEVICE, "%s has no source whose events could be recorded",
			      record->device);
		hint("'evnotify list' shows those that have");
	}
	evn_close(evn);
	return status;
}

static int run(int argc, char **argv)
{
	static const struct option longopts[] = {
		{ "events", required_argument, NULL, 'e' },
		{ "for", required_argument, NULL, 'f' },
		COMMON_LONG_OPTIONS,
	};
	struct record record = { .events = UINT64_MAX, .span_ns = UINT64_MAX };
	const char *error;
	int c;

	while ((c = getopt_long(argc, argv, "e:f:" COMMON_OPTIONS, longopts, NULL)) >= 0) {
		switch (c) {
		case 'e':
			error = parse_number(optarg, UINT64_MAX - 1, &record.events);
			if (error)
				return bad_value("--events", optarg, error);
			break;
		case 'f':
			error = parse_time(optarg, &record.span_ns);
			if (error)
				return bad_value("--for", optarg, error);
			break;
		default:
			return other_option(&cmd_record, c);
		}
	}
	if (argc - optind != 1) {
		fail(EXIT_USAGE, "needs the device of one source; 'evnotify list' shows them");
		return bad_usage(&cmd_record);
	}
	record.device = argv[optind];
	return record_path(&record);
}

const struct command cmd_record = {
	.name = "record",
	.run = run,
	.help =
"Usage: evnotify record [OPTION]... DEVICE\n"
"\n"
"Writes what a source raises to standard output, for 'evnotify sim --replay': a line\n"
"for each event, +TIME DATA, so long after the one before; a comment where events\n"
"were lost. Ends when the source goes, or by a key or a signal.\n"
"\n"
"  -e, --events N       end after N events\n"
"  -f, --for TIME       end so long after the beginning\n",
};
