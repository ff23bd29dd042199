// SPDX-License-Identifier: GPL-2.0-only
/*
 * evnotify fuzzer - do the answers add up?
 *
 * What the counters of a file say of the calls and records that oracle.c has seen, and what is
 * there when no call is under way any more: each request has ended as the calls said, each event
 * was told or lost, and nothing more comes.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "fuzz.h"

#define NO_LIMIT	(UINT64_MAX / MAX_REQUESTS)	/* can be added up */

/* --- counters --------------------------------------------------------------------------- */

struct counters {
	unsigned long long armed, completed, cancelled, pending, unread, completing;
	char source[32];		/* or nothing: then none of what follows */
	unsigned long long raised, taken, lost;
};

static bool read_counters(int fd, struct counters *c)
{
	char path[64], text[1024], *lines;
	ssize_t n;
	int info;

	memset(c, 0, sizeof(*c));
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	info = open(path, O_RDONLY | O_CLOEXEC);
	if (info < 0)
		return false;
	n = read(info, text, sizeof(text) - 1);
	close(info);
	if (n < 0)
		return false;
	text[n] = '\0';
	lines = strstr(text, "armed:");
	if (!lines || sscanf(lines, "armed: %llu completed: %llu cancelled: %llu pending: %llu unread: %llu completing: %llu",
			     &c->armed, &c->completed, &c->cancelled, &c->pending, &c->unread,
			     &c->completing) != 6)
		return false;
	lines = strstr(lines, "source:");
	return !lines || sscanf(lines, "source: %31s raised: %llu taken: %llu lost: %llu",
				c->source, &c->raised, &c->taken, &c->lost) == 4;
}

/* @before: the file as it was before the counters were read. */
static void check_events(const struct inst *before, uint64_t raised_before,
			 const struct counters *c, bool quiet)
{
	const struct source *source = before->source;
	uint64_t raised_max;

	world_lock();
	raised_max = source->raised_max;
	world_unlock();
	if (strcmp(c->source, source->name))
		finding("the source %s is said to be %s", source->name, c->source);
	if (c->raised + before->first_max < raised_before ||
	    c->raised + before->first_min > raised_max)
		finding("raised %llu since it was opened at %llu to %llu, and %llu to %llu in all",
			c->raised, (unsigned long long)before->first_min,
			(unsigned long long)before->first_max, (unsigned long long)raised_before,
			(unsigned long long)raised_max);
	if (c->taken > c->raised || c->lost > c->taken)
		finding("raised %llu, taken %llu, lost %llu", c->raised, c->taken, c->lost);
	if (before->told > c->taken || before->lost > c->lost ||
	    (quiet && !before->to_eventfds && (before->told < c->taken || before->lost < c->lost)))
		finding("taken %llu and lost %llu, but told %llu and lost %llu", c->taken, c->lost,
			(unsigned long long)before->told, (unsigned long long)before->lost);
	feedback(SEEN_COUNTER, 0x500 | bucket(c->raised));
	feedback(SEEN_COUNTER, 0x600 | bucket(c->taken));
	feedback(SEEN_COUNTER, 0x700 | bucket(c->lost));
}

void oracle_counters(int inst_nr, int fd, bool quiet)
{
	uint64_t raised = 0;
	struct counters c;
	struct inst inst;

	world_lock();
	inst = world->insts[inst_nr];
	if (inst.source)
		raised = inst.source->raised_min;
	world_unlock();
	if (!read_counters(fd, &c))
		return;
	if (!inst.source != !*c.source)
		finding("it says that its source is '%s'", c.source);
	else if (inst.source)
		check_events(&inst, raised, &c, quiet);
	if (c.armed != c.completed + c.cancelled + c.pending)
		finding("armed %llu != completed %llu + cancelled %llu + pending %llu",
			c.armed, c.completed, c.cancelled, c.pending);
	if (quiet && (c.pending || c.unread || c.completing))
		finding("after the end %llu are pending, %llu unread and %llu completing",
			c.pending, c.unread, c.completing);
	feedback(SEEN_COUNTERS, (!!c.pending) | !!c.unread << 1 | !!c.cancelled << 2 |
				!!c.completed << 3);
	feedback(SEEN_COUNTER, 0x100 | bucket(c.completed));
	feedback(SEEN_COUNTER, 0x200 | bucket(c.cancelled));
	feedback(SEEN_COUNTER, 0x300 | bucket(c.pending));
	feedback(SEEN_COUNTER, 0x400 | bucket(c.unread));
}

/* --- the end of a sequence -------------------------------------------------------------- */

/* PENDING requests, with these flags, of which the last record is still to come. */
static int outstanding(int inst, uint32_t flags, bool by_wait)
{
	struct armed *armed;
	int n = 0;

	for (armed = world->armed; armed < armed_end(); armed++)
		n += armed->inst == inst && armed->certain && !armed->final &&
		     armed->request.mode == EVNOTIFY_MODE_PENDING &&
		     (armed->request.flags & flags) == flags && (by_wait || !armed->by_wait);
	return n;
}

static int outstanding_all(int inst, int fd)
{
	(void)fd;
	return outstanding(inst, 0, true);
}

/* Those of them that wait for an event, if there is one, or for the end of the source. */
static int outstanding_events(int inst, int fd)
{
	int n = outstanding(inst, EVNOTIFY_SOURCE, false);
	struct counters c;

	if (n && !world->insts[inst].source->gone && read_counters(fd, &c) && c.raised == c.taken)
		n = 0;
	return n;
}

void oracle_over(int inst)
{
	int n;

	if (!oracle_may_be_gone(inst))
		finding("read: the source is there");
	n = world->company || world->insts[inst].lossy ? 0 : outstanding(inst, 0, false);
	if (n)
		finding("read: the source is gone, and %d requests have not completed", n);
}

/* Cancel them one by one, where the id is known: who has completed says so. */
static void settle_eventfd_requests(int inst, int fd)
{
	struct armed *armed;

	for (armed = world->armed; armed < armed_end(); armed++) {
		struct evnotify_cancel args = { .id = armed->id };

		if (armed->inst != inst || !armed->id || armed->cancelled ||
		    armed->request.mode != EVNOTIFY_MODE_EVENTFD)
			continue;
		if (!ioctl(fd, EVNOTIFY_IOC_CANCEL, &args))
			armed->cancelled = true;
		else if (errno != EALREADY)
			finding("CANCEL of an id that was issued: %s", strerror(errno));
		else if (!world->insts[inst].all_tried)
			armed->final = true;
	}
}

/* All records were read: do they add up? */
static void settle_records(int inst)
{
	struct armed *armed;

	for (armed = world->armed; armed < armed_end(); armed++) {
		const struct evnotify_request *r = &armed->request;

		if (armed->inst != inst || !armed->final || armed->status)
			continue;
		if (armed->cancelled && r->mode == EVNOTIFY_MODE_PENDING)
			finding("CANCEL won, and yet the request ended by itself");
		if (r->mode == EVNOTIFY_MODE_PENDING && r->count && !armed->updates &&
		    !world->insts[inst].stray_updates && armed->counted != r->count &&
		    !(r->flags & EVNOTIFY_SOURCE && armed->counted > r->count))
			finding("a request ended before its limit");
	}
}

/* All are cancelled: what was left by WAITs is told to WAITs. */
static void settle_left(int inst_nr, int fd)
{
	struct inst *inst = &world->insts[inst_nr];
	struct armed *armed;

	for (armed = world->armed; armed < armed_end(); armed++) {
		struct evnotify_wait args = {
			.request = { .id = armed->id, .clockid = CLOCK_MONOTONIC },
		};

		if (armed->inst != inst_nr || !armed->left || armed->final || inst->lossy)
			continue;
		if (ioctl(fd, EVNOTIFY_IOC_WAIT, &args))
			inst->lossy = true;
		else if (args.request.id == armed->id)
			oracle_event(inst_nr, &args.event, true);
		else
			inst->lossy = true;	/* its place was used again */
	}
}

/* Read until no requests are @missing. */
static void settle_reads(int inst_nr, int fd, int (*missing)(int inst, int fd))
{
	struct inst *inst = &world->insts[inst_nr];
	uint64_t give_up_ns = clock_ns(CLOCK_MONOTONIC) + patience_ns;
	struct evnotify_event events[16];
	ssize_t n, i;

	for (;;) {
		struct pollfd pfd = { .fd = fd, .events = POLLIN };

		n = read(fd, events, sizeof(events));
		if (n < 0 && errno == ENODEV)
			oracle_over(inst_nr);
		else if (n < 0 && errno != EAGAIN && errno != EINTR)
			finding("read() at the end: %s", strerror(errno));
		for (i = 0; i < n / (ssize_t)sizeof(*events); i++)
			oracle_event(inst_nr, &events[i], false);
		if (n > 0)
			continue;
		if (inst->lossy || finding_text() || !missing(inst_nr, fd))
			return;
		if (clock_ns(CLOCK_MONOTONIC) > give_up_ns) {
			finding("%d requests never completed", missing(inst_nr, fd));
			return;
		}
		poll(&pfd, 1, 1);
	}
}

/*
 * All is over on a file that has a source: poll() and calls say whether that is gone, and a
 * timeout that has passed comes after what is kept.
 */
static void settle_source(int inst_nr, int fd)
{
	const struct source *source = world->insts[inst_nr].source;
	uint64_t give_up_ns = clock_ns(CLOCK_MONOTONIC) + patience_ns;
	int events = source->gone ? POLLIN | POLLHUP | POLLERR : 0;
	struct evnotify_wait args = {
		.request = {
			.flags = EVNOTIFY_SOURCE | EVNOTIFY_ABSTIME,
			.clockid = CLOCK_MONOTONIC,
		},
	};
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	struct counters c;
	int status;

	while (poll(&pfd, 1, 1) < 0 || pfd.revents != events) {
		if (clock_ns(CLOCK_MONOTONIC) > give_up_ns) {
			finding("poll() at the end: %#x, not %#x", pfd.revents, events);
			return;
		}
	}
	if (read(fd, &args.event, sizeof(args.event)) >= 0 ||
	    errno != (source->gone ? ENODEV : EAGAIN))
		finding("read() at the end: %s", strerror(errno));
	if (!read_counters(fd, &c))
		return;
	status = ioctl(fd, EVNOTIFY_IOC_WAIT, &args) ? -errno : args.event.status;
	if (status != (c.raised > c.taken ? 0 : source->gone ? -ENODEV : -ETIME))
		finding("wait at the end: status %d, raised %llu, taken %llu", status, c.raised,
			c.taken);
}

void oracle_settle(int inst_nr, int fd)
{
	struct evnotify_cancel args = { .flags = EVNOTIFY_CANCEL_ALL };
	struct inst *inst = &world->insts[inst_nr];
	bool readable = (fcntl(fd, F_GETFL) & O_ACCMODE) != O_WRONLY;
	struct counters counters;

	fcntl(fd, F_SETFL, O_NONBLOCK);
	if (inst->source && readable)
		settle_reads(inst_nr, fd, outstanding_events);
	settle_eventfd_requests(inst_nr, fd);
	inst->cancel_tried = true;
	inst->all_tried = true;
	if (ioctl(fd, EVNOTIFY_IOC_CANCEL, &args))
		finding("CANCEL_ALL: %s", strerror(errno));
	if (!inst->lossy && read_counters(fd, &counters) && counters.completing)
		finding("CANCEL_ALL has returned, and %llu are completing", counters.completing);
	settle_left(inst_nr, fd);
	if (!readable)
		return;
	settle_reads(inst_nr, fd, outstanding_all);
	if (inst->lossy || finding_text())
		return;
	oracle_counters(inst_nr, fd, true);
	settle_records(inst_nr);
	if (inst->source)
		settle_source(inst_nr, fd);
	if (inst->seqs != inst->max_seq)
		finding("seq has a gap: %llu records, highest %llu",
			(unsigned long long)inst->seqs, (unsigned long long)inst->max_seq);
}

/* How often an eventfd was signalled for a request, at least and at most. */
static void signals(const struct armed *armed, uint64_t *min, uint64_t *max)
{
	const struct inst *inst = &world->insts[armed->inst];
	const struct evnotify_request *r = &armed->request;
	bool source = r->flags & EVNOTIFY_SOURCE;
	bool once = !(r->period_ns || r->flags & EVNOTIFY_REPEAT);
	bool update = !source && (armed->updates || inst->stray_updates);
	uint64_t all = once ? 1 : r->count ?: NO_LIMIT;

	*min = 0;
	*max = update ? NO_LIMIT : all;
	/* Of what was lost all is signalled, also beyond the limit. */
	if (source && !once)
		*max = inst->source->raised_max - inst->first_min;
	if (update)
		return;
	/* A request whose source is gone ends without. */
	if (armed->final && all < 65535 && !(source && inst->source->closing))
		*min = all;
	else if (armed->cancelled && once)
		*max = 0;
}

void oracle_settle_eventfd(int nr, int fd)
{
	uint64_t give_up_ns = clock_ns(CLOCK_MONOTONIC) + patience_ns;
	struct armed *armed;
	struct eventfd *eventfd = &world->eventfds[nr];
	uint64_t min = 0, max = 0, some_min, some_max, value;

	for (armed = world->armed; armed < armed_end(); armed++) {
		if (armed->inst < 0 || armed->eventfd != nr)
			continue;
		signals(armed, &some_min, &some_max);
		min += some_min;
		max += some_max;
	}
	fcntl(fd, F_SETFL, O_NONBLOCK);
	for (;;) {
		struct pollfd pfd = { .fd = fd, .events = POLLIN };

		while (read(fd, &value, sizeof(value)) == sizeof(value))
			eventfd->taken += value;
		if (eventfd->unknown || finding_text() || eventfd->taken >= min)
			break;
		if (clock_ns(CLOCK_MONOTONIC) > give_up_ns) {
			finding("eventfd: %llu signals instead of at least %llu",
				(unsigned long long)eventfd->taken, (unsigned long long)min);
			return;
		}
		poll(&pfd, 1, 1);
	}
	if (!eventfd->unknown && eventfd->taken > max)
		finding("eventfd: %llu signals instead of at most %llu",
			(unsigned long long)eventfd->taken, (unsigned long long)max);
}
