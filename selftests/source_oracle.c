// SPDX-License-Identifier: GPL-2.0-only
/*
 * The differential oracle for the events of a source: random programs, and a model that is exact,
 * as each step waits until what it has set off is over, and nothing depends on a time. It knows
 * which event each request gets, what is lost, what each record says, what poll() says and what
 * fdinfo counts, also when the source has gone.
 *
 * EVNOTIFY_ORACLE_MS: how long (8000); EVNOTIFY_SEED: the first program, as printed.
 */
#include "oracle.h"

#define RING		256	/* events that a source keeps */
#define MOST_RAISED	30000	/* fewer than an eventfd may be owed */

enum stage { WAITING, UNREAD, OVER };

struct event_ref {
	struct evnotify_request request;
	enum stage stage;
	__u64 left;		/* events until it has completed, 0: no end */
	__u64 signals;		/* eventfd */
	bool waits;		/* its record is not for read() */
	bool unordered;		/* by CANCEL of all, in no order that is promised */
	struct evnotify_event record;	/* what read() has to give */
};

struct source_program {
	int fd;
	unsigned int seed;
	__u64 random;
	int step;
	bool wrong;
	__u64 records, max_seq;
	unsigned int explained;	/* steps after which all was as the model says */
	bool seen[MAX_RECORDS];
	int sim;		/* -1: gone */
	unsigned int count, nr_waiting, nr_ready;
	__u64 raised, taken, lost, armed, completed, cancelled;
	unsigned int waiting[MAX_REQS], ready[MAX_REQS];
	struct event_ref refs[MAX_REQS];
};

static __u64 data_of(const struct source_program *s, __u64 number)
{
	return (number + s->seed) * 0x9e3779b97f4a7c15ULL;
}

static void push(unsigned int *list, unsigned int *nr, unsigned int n)
{
	list[(*nr)++] = n;
}

static void pull(unsigned int *list, unsigned int *nr, unsigned int at)
{
	memmove(list + at, list + at + 1, (--*nr - at) * sizeof(*list));
}

static void now_ready(struct source_program *s, unsigned int n, int status, __u32 flags)
{
	struct event_ref *r = &s->refs[n];

	r->record.user_data = n;
	r->record.status = status;
	r->record.flags = flags;
	if (r->request.mode == EVNOTIFY_MODE_EVENTFD)
		return;
	r->record.seq = ++s->max_seq;
	push(s->ready, &s->nr_ready, n);
}

/* It ends without an event. */
static void end_without(struct source_program *s, unsigned int n, int status)
{
	struct event_ref *r = &s->refs[n];

	r->stage = OVER;
	r->record = (struct evnotify_event){};
	*(status == -ECANCELED ? &s->cancelled : &s->completed) += 1;
	now_ready(s, n, status, 0);
}

static void give(struct source_program *s, unsigned int n, __u64 count)
{
	struct event_ref *r = &s->refs[n];
	bool repeats = r->request.flags & EVNOTIFY_REPEAT, more = repeats;

	if (r->left) {
		r->left -= count < r->left ? count : r->left;
		more = r->left;
	}
	r->signals += repeats ? count : 1;
	if (more && r->request.mode == EVNOTIFY_MODE_EVENTFD) {
		push(s->waiting, &s->nr_waiting, n);
		return;
	}
	r->stage = more ? UNREAD : OVER;
	s->completed += !more;
	r->record.count = count;
	r->record.lost = count - 1;
	r->record.data = data_of(s, s->taken - 1);
	now_ready(s, n, 0, EVNOTIFY_EVENT_DATA | (more ? EVNOTIFY_EVENT_MORE : 0));
}

/* What the tasklet has to do. */
static void settle(struct source_program *s)
{
	unsigned int n;
	__u64 count;

	while (s->nr_waiting && s->raised > s->taken) {
		count = s->raised - s->taken > RING ? s->raised - s->taken - RING + 1 : 1;
		s->taken += count;
		s->lost += count - 1;
		n = s->waiting[0];
		pull(s->waiting, &s->nr_waiting, 0);
		give(s, n, count);
	}
	while (s->nr_waiting && s->sim < 0) {
		n = s->waiting[0];
		pull(s->waiting, &s->nr_waiting, 0);
		end_without(s, n, -ENODEV);
	}
}

static unsigned int nr_unread(const struct source_program *s)
{
	unsigned int i, n = 0;

	for (i = 0; i < s->count; i++)
		n += s->refs[i].stage == UNREAD;
	return n;
}

static bool settled(const struct source_program *s, struct counters *c,
		    struct source_counters *events)
{
	/* in this order: what takes an event is then in the counters */
	*events = source_counters(s->fd);
	*c = counters(s->fd);
	return events->taken == s->taken && c->unread == s->nr_ready && !c->completing;
}

/* Does the kernel think so, too? */
static void compare(struct source_program *s)
{
	struct pollfd pfd = { .fd = s->fd, .events = POLLIN };
	struct source_counters events;
	struct counters c;
	unsigned int unread;
	short expected;
	bool same;

	settle(s);
	unread = nr_unread(s);
	same = UNTIL(settled(s, &c, &events));
	if (!same || events.raised != s->raised || events.lost != s->lost ||
	    c.armed != s->armed || c.completed != s->completed || c.cancelled != s->cancelled ||
	    c.pending != s->nr_waiting + unread)
		wrong(s, "raised %llu of %llu, taken %llu of %llu, lost %llu of %llu, armed %llu of %llu, completed %llu of %llu, cancelled %llu of %llu, pending %llu of %u, unread %llu of %u",
		      events.raised, s->raised, events.taken, s->taken, events.lost, s->lost,
		      c.armed, s->armed, c.completed, s->completed, c.cancelled, s->cancelled,
		      c.pending, s->nr_waiting + unread, c.unread, s->nr_ready);
	expected = s->nr_ready ? POLLIN : 0;
	if (s->sim < 0 && !unread)
		expected = POLLIN | POLLHUP | POLLERR;
	if (same && (poll(&pfd, 1, 0) < 0 || pfd.revents != expected))
		wrong(s, "poll says %#x, not %#x", pfd.revents, expected);
	s->explained++;
}

static void check_event(struct source_program *s, const struct evnotify_event *e)
{
	struct evnotify_event *record;
	struct event_ref *r;
	unsigned int at;

	for (at = 0; at < s->nr_ready && s->ready[at] != e->user_data; at++)
		;
	if (at == s->nr_ready) {
		wrong(s, "a record of %llu, which has none", e->user_data);
		return;
	}
	r = &s->refs[e->user_data];
	record = &r->record;
	if (at && !r->unordered && !r->waits)
		wrong(s, "a record of %llu, which is number %u", e->user_data, at);
	if (!r->request.id)
		r->request.id = e->id;
	if (e->id != r->request.id ||
	    (r->unordered ? e->seq > s->max_seq : e->seq != record->seq))
		wrong(s, "record of %llu: id %llu, number %llu, not %llu", e->user_data, e->id,
		      e->seq, record->seq);
	if (e->seq >= MAX_RECORDS || s->seen[e->seq])
		wrong(s, "sequence number %llu comes twice", e->seq);
	else
		s->seen[e->seq] = true;
	s->records++;
	if (e->status != record->status || e->flags != record->flags ||
	    e->count != record->count || e->lost != record->lost ||
	    (e->count && e->data != record->data))
		wrong(s, "record of %llu: status %d of %d, flags %#x of %#x, count %u of %u, lost %u of %u, data %llx of %llx",
		      e->user_data, e->status, record->status, e->flags, record->flags, e->count,
		      record->count, e->lost, record->lost, e->data, record->data);
	if (e->completed_ns < e->expired_ns || now_ns(r->request.clockid) < e->completed_ns ||
	    (e->status == -ETIME || e->count ? !e->expired_ns : e->expired_ns))
		wrong(s, "record of %llu: expired %llu, completed %llu", e->user_data,
		      e->expired_ns, e->completed_ns);
	pull(s->ready, &s->nr_ready, at);
	if (r->stage == UNREAD) {
		r->stage = WAITING;
		r->record = (struct evnotify_event){};
		push(s->waiting, &s->nr_waiting, e->user_data);
	}
}

static void read_some_events(struct source_program *s)
{
	unsigned int room = 1 + pick(s, 16), before = s->nr_ready;
	struct evnotify_event events[16];
	int n = read_some(s->fd, events, room), i, expected;

	expected = before ? (int)(before < room ? before : room) :
		   s->sim < 0 && !nr_unread(s) ? -ENODEV : -EAGAIN;
	if (n != expected)
		wrong(s, "read: %d, not %d", n, expected);
	for (i = 0; i < n && !s->wrong; i++)
		check_event(s, &events[i]);
}

/* With a timeout that has passed, one that never comes, or none */
static void random_event_request(struct source_program *s, struct evnotify_request *q, bool wait)
{
	static const int clocks[] = { CLOCK_MONOTONIC, CLOCK_BOOTTIME, CLOCK_REALTIME, CLOCK_TAI };

	*q = event_request(s->count, 0);
	q->clockid = clocks[pick(s, ARRAY_SIZE(clocks))];
	if (!wait && pick(s, 2)) {
		if (pick(s, 2)) {
			q->flags |= EVNOTIFY_REPEAT;
			q->count = pick(s, 2) ? 1 + pick(s, 300) : 0;
		}
		if (pick(s, 2)) {
			q->mode = EVNOTIFY_MODE_EVENTFD;
			q->eventfd = eventfd(0, EFD_CLOEXEC);
		}
	} else if (pick(s, 2)) {
		q->due_ns = FAR_NS;
	} else if (pick(s, 2)) {
		q->flags |= EVNOTIFY_ABSTIME;
		q->due_ns = pick(s, 2);
	}
}

static void step_arm_event(struct source_program *s)
{
	struct event_ref *r = &s->refs[s->count];
	struct evnotify_request *q = &r->request;
	int ret, expected = s->sim < 0 && s->raised == s->taken ? -ENODEV : 0;
	struct evnotify_wait wait;
	bool waits;

	if (s->count == MAX_REQS)
		return;
	/* WAIT blocks: so only if it ends */
	waits = s->raised > s->taken && !pick(s, 3);
	random_event_request(s, q, waits);
	r->left = q->count;
	if (waits) {
		wait.request = *q;
		ret = call(s->fd, EVNOTIFY_IOC_WAIT, &wait);
		q->id = wait.request.id;
	} else if (pick(s, 2)) {
		ret = arm(s->fd, q);
	} else {
		ret = write(s->fd, q, sizeof(*q)) == sizeof(*q) ? 0 : -errno;
	}
	if (ret != expected)
		wrong(s, "arm: %d, not %d", ret, expected);
	if (ret)
		return;
	s->armed++;
	push(s->waiting, &s->nr_waiting, s->count);
	settle(s);
	if (waits) {
		r->waits = true;
		check_event(s, &wait.event);
	} else if (q->flags & EVNOTIFY_ABSTIME && r->stage == WAITING) {
		pull(s->waiting, &s->nr_waiting, s->nr_waiting - 1);
		end_without(s, s->count, -ETIME);
	}
	s->count++;
}

static void step_raise(struct source_program *s)
{
	static const unsigned int most[] = { 1, 5, RING, 2 * RING };
	struct evnotify_sim_step steps[2 * RING];
	/* while requests wait, no more than are kept: time would tell whether some get lost */
	unsigned int kinds = s->nr_waiting ? 3 : 4, n, i;

	if (s->sim < 0 || s->raised > MOST_RAISED)
		return;
	n = 1 + pick(s, most[pick(s, kinds)]);
	for (i = 0; i < n; i++)
		steps[i] = (struct evnotify_sim_step){ pick(s, 2), data_of(s, s->raised + i) };
	if (write(s->sim, steps, n * sizeof(*steps)) != (ssize_t)(n * sizeof(*steps)))
		wrong(s, "raise: %s", strerror(errno));
	s->raised += n;
}

static void cancelled_now(struct source_program *s, unsigned int n, bool all)
{
	struct event_ref *r = &s->refs[n];
	unsigned int at;

	if (r->stage == UNREAD) {
		r->stage = OVER;
		s->cancelled++;
		r->record.status = -ECANCELED;
		r->record.flags &= ~EVNOTIFY_EVENT_MORE;
		return;
	}
	for (at = 0; s->waiting[at] != n; at++)
		;
	pull(s->waiting, &s->nr_waiting, at);
	r->unordered = all;
	end_without(s, n, -ECANCELED);
}

static void step_cancel_event(struct source_program *s)
{
	unsigned int n = s->count ? pick(s, s->count) : 0;
	struct event_ref *r = &s->refs[n];
	int ret, expected = r->stage == OVER ? -EALREADY : 0;

	if (!s->count || !r->request.id)
		return;
	ret = cancel(s->fd, r->request.id);
	if (ret != expected)
		wrong(s, "cancel of %u: %d, not %d", n, ret, expected);
	if (!ret && !s->wrong)
		cancelled_now(s, n, false);
}

static void step_cancel_all_events(struct source_program *s)
{
	long expected = s->nr_waiting + nr_unread(s), ret;
	unsigned int i;

	if (pick(s, 10))
		return;
	ret = cancel_all(s->fd);
	if (ret != expected)
		wrong(s, "cancel all: %ld, not %ld", ret, expected);
	for (i = 0; i < s->count && !s->wrong; i++)
		if (s->refs[i].stage != OVER)
			cancelled_now(s, i, true);
}

static void step_unplug(struct source_program *s)
{
	/* late, mostly */
	if (s->sim < 0 || pick(s, 60))
		return;
	close(s->sim);
	s->sim = -1;
}

static void check_signals(struct source_program *s)
{
	struct event_ref *r;
	unsigned int i;
	__u64 got;

	for (i = 0; i < s->count; i++) {
		r = &s->refs[i];
		if (r->request.mode != EVNOTIFY_MODE_EVENTFD)
			continue;
		got = eventfd_take(r->request.eventfd);
		if (got != r->signals)
			wrong(s, "request %u: %llu signals, not %llu", i, got, r->signals);
		r->signals = 0;
	}
}

/* A slow kernel does not get far, but does something. */
static void run_source(struct source_program *s, __u64 end)
{
	static void (*const steps[])(struct source_program *) = {
		step_arm_event, step_arm_event, step_arm_event, step_raise, step_raise,
		step_cancel_event, step_cancel_all_events, step_unplug,
	};
	unsigned int i;

	for (s->step = 0; s->step < STEPS && !s->wrong &&
	     (s->step < 20 || now_ns(CLOCK_MONOTONIC) < end); s->step++) {
		if (pick(s, 2)) {
			read_some_events(s);
			compare(s);
		}
		if (!s->wrong)
			steps[pick(s, ARRAY_SIZE(steps))](s);
		compare(s);
		check_signals(s);
	}
	/* to the end of it */
	if (s->sim >= 0)
		close(s->sim);
	s->sim = -1;
	for (compare(s); s->nr_ready && !s->wrong; compare(s))
		read_some_events(s);
	check_signals(s);
	for (i = 0; i < s->count; i++)
		if (s->refs[i].request.mode == EVNOTIFY_MODE_EVENTFD)
			close(s->refs[i].request.eventfd);
}

TEST_F_TIMEOUT(instance, random_programs, 600)
{
	__u64 end = now_ns(CLOCK_MONOTONIC) + setting("EVNOTIFY_ORACLE_MS", 8000) * NSEC_PER_MSEC;
	unsigned int first = setting("EVNOTIFY_SEED", now_ns(CLOCK_REALTIME) / 1000 % 1000000);
	struct source_program *s = malloc(sizeof(*s));
	unsigned int programs = 0;
	__u64 steps = 0, records = 0, raised = 0, lost = 0;

	ASSERT_TRUE(s);
	printf("# the first program is EVNOTIFY_SEED=%u\n", first);
	do {
		memset(s, 0, sizeof(*s));
		s->seed = first + programs++;
		s->random = s->seed * 0x9e3779b97f4a7c15ULL + 1;
		s->sim = open_sim(_metadata);
		s->fd = sim_new(s->sim, O_NONBLOCK, NULL);
		ASSERT_LE(0, s->fd);
		run_source(s, end);
		steps += s->explained;
		records += s->records;
		raised += s->raised;
		lost += s->lost;
		close(s->fd);
	} while (!s->wrong && now_ns(CLOCK_MONOTONIC) < end);
	printf("# %u programs, %llu steps, %llu records explained, %llu events raised, %llu lost\n",
	       programs, steps, records, raised, lost);
	EXPECT_FALSE(s->wrong);
	EXPECT_LT(0, records);
	free(s);
}

TEST_HARNESS_MAIN
