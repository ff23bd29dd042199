// SPDX-License-Identifier: GPL-2.0-only
/*
 * A differential oracle: random programs run against the device and against a small model
 * of what it promises, which knows no kernel. Every return value, every event record and
 * every signal of an eventfd must be one that the model can explain.
 *
 * EVNOTIFY_ORACLE_MS: how long (8000); EVNOTIFY_SEED: the first program, as printed.
 */
#include <sys/time.h>

#include "oracle.h"

/*
 * What the model knows of a request. When a relative request is due, it learns from the
 * first record: until then it knows between which times.
 */
struct ref {
	struct evnotify_request request;
	__u64 due_min, due_max;	/* first expiration since it was armed or updated */
	__u64 period;
	__u64 limit;		/* expirations then, 0: no end */
	__u64 told;		/* of these, what records told */
	__u64 carry;		/* at most so many unread from before an update */
	__u64 old_due_max;	/* of these */
	__u64 old_signals;	/* at most so many signals before an update */
	__u64 signals;		/* eventfd */
	bool vague;		/* records of two schedules that cannot be told apart */
	bool cancelled;
	bool final;		/* its last record was read */
	__u64 owed;		/* the most signals that it may have had when cancelled */
	bool left;		/* by a WAIT that was interrupted */
	bool let_go;		/* and cancelled then: it may be forgotten */
};

struct program {
	int fd;
	unsigned int seed;
	__u64 random;
	int step;
	int count;
	__u64 min_period;
	unsigned int armed, cancelled;
	__u64 records, max_seq;
	__u64 forgotten;	/* records that were let go, each with its number */
	unsigned int exact, explained;	/* what was checked */
	bool wrong;
	struct ref refs[MAX_REQS];
	bool seen[MAX_RECORDS];
};

/* The most expirations that there can have been at a time. */
static __u64 most_by(const struct ref *r, __u64 now)
{
	__u64 n;

	if (now < r->due_min)
		return 0;
	if (!r->period)
		return 1;
	n = (now - r->due_min) / r->period + 1;
	return r->limit && n > r->limit ? r->limit : n;
}

/* May it have completed? */
static bool may_be_over(const struct ref *r, __u64 now)
{
	return (!r->period || r->limit) && most_by(r, now) == (r->period ? r->limit : 1);
}

static __u64 now_of(const struct ref *r)
{
	return now_ns(r->request.clockid);
}

/* --- what the model expects of a record ----------------------------------------------- */

static bool in_schedule(const struct ref *r, __u64 due)
{
	if (due < r->due_min)
		return false;
	return due <= r->due_max ||
	       (r->period && (due - r->due_min) % r->period <= r->due_max - r->due_min);
}

static void check_times(struct program *p, const struct ref *r, const struct evnotify_event *e)
{
	if (e->expired_ns < e->due_ns)
		wrong(p, "request %llu is early: due %llu, expired %llu",
		      e->id, e->due_ns, e->expired_ns);
	if (e->completed_ns < e->expired_ns)
		wrong(p, "request %llu completed before it expired", e->id);
	if (now_of(r) < e->completed_ns)
		wrong(p, "request %llu completed in the future", e->id);
}

static void check_expired(struct program *p, struct ref *r, const struct evnotify_event *e)
{
	bool more = e->flags & EVNOTIFY_EVENT_MORE;
	__u64 index;

	check_times(p, r, e);
	if (r->vague)
		return;
	if (r->carry && e->count <= r->carry && e->due_ns <= r->old_due_max) {
		/* It may be from before an update: certainly so if it is no time of the new one. */
		r->vague = in_schedule(r, e->due_ns);
		r->carry -= e->count;
		return;
	}

	if (!r->told && r->due_min != r->due_max) {
		/*
		 * A relative request: its first record tells when it really began. Which
		 * period it is tells the time, or the count if there is doubt.
		 */
		bool doubt = r->period && r->due_max - r->due_min >= r->period;

		if (r->carry && doubt) {
			r->vague = true;
			return;
		}
		index = !r->period || e->due_ns < r->due_min ? 0 :
			doubt ? e->count - 1 : (e->due_ns - r->due_min) / r->period;
		if (e->due_ns < r->due_min + index * r->period ||
		    e->due_ns > r->due_max + index * r->period) {
			wrong(p, "request %llu: due %llu, not %llu to %llu + %llu * %llu", e->id,
			      e->due_ns, r->due_min, r->due_max, index, r->period);
			return;
		}
		r->due_min = e->due_ns - index * r->period;
		r->due_max = r->due_min;
	}
	if (e->due_ns < r->due_min || (r->period ? (e->due_ns - r->due_min) % r->period :
						   e->due_ns - r->due_min)) {
		wrong(p, "request %llu: due %llu is not a time of its schedule (%llu + n * %llu)",
		      e->id, e->due_ns, r->due_min, r->period);
		return;
	}
	index = r->period ? (e->due_ns - r->due_min) / r->period : 0;
	if (index + 1 + r->carry < r->told + e->count)
		wrong(p, "request %llu: count %u after %llu is more than the %llu that are due",
		      e->id, e->count, r->told, index + 1);
	if (e->count + r->told < index + 1)
		wrong(p, "request %llu: count %u after %llu, expirations lost before number %llu",
		      e->id, e->count, r->told, index + 1);
	r->told = index + 1;
	if (r->limit && r->told > r->limit)
		wrong(p, "request %llu: %llu expirations of %llu", e->id, r->told, r->limit);
	/* Everything that was due when the interrupt came has to be in the record. */
	if (r->period && (!r->limit || r->told < r->limit) &&
	    e->expired_ns - e->due_ns >= r->period)
		wrong(p, "request %llu: expired %llu late, more than its period %llu",
		      e->id, e->expired_ns - e->due_ns, r->period);
	if (!e->status && more != (r->period && (!r->limit || r->told < r->limit)))
		wrong(p, "request %llu: flags %#x after %llu of %llu",
		      e->id, e->flags, r->told, r->limit);
	if (!r->carry)
		p->exact++;
	r->carry = 0;
}

static void check_record(struct program *p, const struct evnotify_event *e)
{
	struct ref *r;

	if (e->user_data >= (unsigned int)p->count) {
		wrong(p, "a record with user_data %llu, which nobody armed", e->user_data);
		return;
	}
	r = &p->refs[e->user_data];
	if (!r->request.id)
		r->request.id = e->id;
	if (e->id != r->request.id || r->request.mode != EVNOTIFY_MODE_PENDING)
		wrong(p, "a record of request %llu with the id %llu", r->request.id, e->id);
	if (!e->seq || e->seq >= MAX_RECORDS || p->seen[e->seq]) {
		wrong(p, "sequence number %llu comes twice, or is none", e->seq);
		return;
	}
	p->seen[e->seq] = true;
	p->records++;
	if (e->seq > p->max_seq)
		p->max_seq = e->seq;
	if (e->lost)
		wrong(p, "request %llu: %u of %u lost", e->id, e->lost, e->count);
	if (r->final)
		wrong(p, "request %llu: a record after the last one", e->id);
	r->final = !(e->flags & EVNOTIFY_EVENT_MORE);
	if (e->flags & ~EVNOTIFY_EVENT_MORE)
		wrong(p, "request %llu: unknown flags %#x", e->id, e->flags);

	if (e->status == -ECANCELED) {
		if (!r->cancelled)
			wrong(p, "request %llu was not cancelled, but says so", e->id);
		if (!r->final)
			wrong(p, "request %llu was cancelled and has more", e->id);
		if (!e->count && e->expired_ns)
			wrong(p, "request %llu: no expiration, but it expired", e->id);
	} else if (e->status) {
		wrong(p, "request %llu: status %d", e->id, e->status);
	} else if (!e->count) {
		wrong(p, "request %llu: a record that stands for nothing", e->id);
	} else if (r->cancelled && r->final) {
		wrong(p, "request %llu: was cancelled, and completed", e->id);
	}
	if (e->count)
		check_expired(p, r, e);
	p->explained++;
}

static int read_records(struct program *p)
{
	struct evnotify_event events[16];
	int n, i;

	n = read_some(p->fd, events, 1 + pick(p, 16));
	if (n < 0 && n != -EAGAIN)
		wrong(p, "read: %s", strerror(-n));
	for (i = 0; i < n; i++) {
		if (events[i].user_data < (unsigned int)p->count &&
		    p->refs[events[i].user_data].left)
			wrong(p, "request %llu belongs to a WAIT", events[i].id);
		if (i && events[i].seq <= events[i - 1].seq)
			wrong(p, "sequence number %llu after %llu",
			      events[i].seq, events[i - 1].seq);
		check_record(p, &events[i]);
	}
	return n;
}

/* --- eventfds ------------------------------------------------------------------------- */

static void check_eventfd(struct program *p, struct ref *r)
{
	__u64 most;

	r->signals += eventfd_take(r->request.eventfd);
	most = r->cancelled ? r->owed : r->old_signals + most_by(r, now_of(r));
	if (r->signals > most)
		wrong(p, "request %llu: %llu signals, at most %llu",
		      r->request.id, r->signals, most);
	p->explained++;
}

/* --- the steps of a program ----------------------------------------------------------- */

static void random_times(struct program *p, const struct ref *r, __u64 *due, __u32 *flags,
			 __u64 *period, __u32 *count)
{
	static const __u64 delays[] = {
		0, 1, 1000, 50 * NSEC_PER_USEC, NSEC_PER_MSEC, 3 * NSEC_PER_MSEC, FAR_NS,
	};

	*due = delays[pick(p, ARRAY_SIZE(delays))];
	*flags = 0;
	if (pick(p, 2)) {
		*flags = EVNOTIFY_ABSTIME;
		*due += now_of(r) - pick(p, NSEC_PER_MSEC);
	}
	*period = 0;
	*count = 0;
	if (pick(p, 2)) {
		*period = p->min_period * (1 + pick(p, 20));
		*count = pick(p, 6);
	}
}

static void expect_times(struct ref *r, __u64 due, __u32 flags, __u64 period, __u32 count,
			 __u64 before, __u64 after)
{
	bool abstime = flags & EVNOTIFY_ABSTIME;

	r->due_min = abstime ? due : before + due;
	r->due_max = abstime ? due : after + due;
	r->period = period;
	r->limit = count;
	r->told = 0;
}

/*
 * WAIT with a signal that may come first. Then the request is left: pending, complete, or
 * cancelled, it is told to the WAIT that comes again with its id, and to nobody else. What was
 * cancelled, or is cancelled once it is complete, may be forgotten, though: such a WAIT is another
 * request.
 */
static void handle_signal(int signo)
{
	(void)signo;
}

static int interruptible_wait(struct program *p, struct evnotify_wait *wait)
{
	struct sigaction action = { .sa_handler = handle_signal };
	struct itimerval soon = {}, never = {};
	int ret;

	if (pick(p, 2))
		action.sa_flags = SA_RESTART;
	sigaction(SIGALRM, &action, NULL);
	/* over and over: it may come before the call */
	soon.it_value.tv_usec = 1 + pick(p, 2000);
	soon.it_interval.tv_usec = 500;
	setitimer(ITIMER_REAL, &soon, NULL);
	ret = call(p->fd, EVNOTIFY_IOC_WAIT, wait);
	setitimer(ITIMER_REAL, &never, NULL);
	return ret;
}

static void step_wait_again(struct program *p)
{
	struct evnotify_wait wait;
	struct ref *r = NULL, *next;
	__u64 before;
	int i, n, ret;

	n = p->count ? pick(p, p->count) : 0;
	for (i = 0; i < p->count && !(r && r->left); i++)
		r = &p->refs[(n + i) % p->count];
	if (!r || !r->left || p->count == MAX_REQS)
		return;
	wait.request = r->request;
	/* what the structure says besides is of no account, unless it is forgotten */
	next = &p->refs[p->count];
	wait.request.user_data = p->count;
	wait.request.due_ns = 0;
	wait.request.flags = 0;
	before = now_of(r);
	ret = interruptible_wait(p, &wait);
	if (wait.request.id != r->request.id) {
		if (!r->let_go)
			wrong(p, "request %llu was forgotten", r->request.id);
		r->left = false;
		r->final = true;
		p->forgotten++;
		*next = (struct ref){ .request = wait.request };
		expect_times(next, 0, 0, 0, 0, before, now_of(next));
		p->count++;
		p->armed++;
		r = next;
	}
	if (ret == -EINTR) {
		r->left = true;
		return;
	}
	if (ret) {
		wrong(p, "wait again: %s", strerror(-ret));
		return;
	}
	r->left = false;
	check_record(p, &wait.event);
}

static void step_arm(struct program *p)
{
	static const int clocks[] = { CLOCK_MONOTONIC, CLOCK_BOOTTIME, CLOCK_REALTIME, CLOCK_TAI };
	struct evnotify_request *q;
	struct evnotify_wait wait;
	struct ref *r;
	__u64 before;
	int ret;

	if (p->count == MAX_REQS)
		return;
	r = &p->refs[p->count];
	q = &r->request;
	q->user_data = p->count;
	q->clockid = clocks[pick(p, ARRAY_SIZE(clocks))];
	random_times(p, r, &q->due_ns, &q->flags, &q->period_ns, &q->count);
	if (!pick(p, 3)) {
		q->mode = EVNOTIFY_MODE_EVENTFD;
		q->eventfd = eventfd(0, EFD_CLOEXEC);
	}
	p->count++;

	before = now_of(r);
	expect_times(r, q->due_ns, q->flags, 0, 0, before, before);
	if (q->mode == EVNOTIFY_MODE_PENDING && !q->period_ns && !pick(p, 3)) {
		wait.request = *q;
		ret = interruptible_wait(p, &wait);
		q->id = wait.request.id;
		expect_times(r, q->due_ns, q->flags, 0, 0, before, now_of(r));
		if (!ret)
			check_record(p, &wait.event);
		else if (ret == -EINTR)
			r->left = true;
		if (ret == -EINTR)
			ret = 0;
	} else if (pick(p, 2)) {
		ret = arm(p->fd, q);
		expect_times(r, q->due_ns, q->flags, q->period_ns, q->count, before, now_of(r));
	} else {
		/* write() does not tell the id: the first record does. */
		ret = write(p->fd, q, sizeof(*q)) == sizeof(*q) ? 0 : -errno;
		expect_times(r, q->due_ns, q->flags, q->period_ns, q->count, before, now_of(r));
	}
	if (ret)
		wrong(p, "arm: %s", strerror(-ret));
	else
		p->armed++;
}

static struct ref *random_ref(struct program *p)
{
	struct ref *r = p->count ? &p->refs[pick(p, p->count)] : NULL;

	return r && r->request.id ? r : NULL;
}

/* Outcomes of CANCEL and UPDATE that the model has an explanation for */
static bool outcome_ok(struct program *p, const struct ref *r, const char *what, int ret)
{
	if (ret == -EALREADY && !r->final && !r->cancelled && !may_be_over(r, now_of(r)))
		wrong(p, "%s: EALREADY, but request %llu is pending", what, r->request.id);
	else if (!ret && (r->final || r->cancelled))
		wrong(p, "%s: 0, but request %llu is over", what, r->request.id);
	else if (ret && ret != -EALREADY)
		wrong(p, "%s of request %llu: %s", what, r->request.id, strerror(-ret));
	return !ret;
}

static void now_cancelled(struct ref *r)
{
	r->cancelled = true;
	r->owed = r->old_signals + most_by(r, now_of(r));
	if (r->request.mode == EVNOTIFY_MODE_EVENTFD) {
		/* No signal comes once cancel has returned. */
		r->signals += eventfd_take(r->request.eventfd);
		if (r->signals < r->owed)
			r->owed = r->signals;
	}
}

static void step_cancel(struct program *p)
{
	struct ref *r = random_ref(p);

	if (!r)
		return;
	if (outcome_ok(p, r, "cancel", cancel(p->fd, r->request.id))) {
		now_cancelled(r);
		p->cancelled++;
	}
	r->let_go |= r->left;
}

static void step_update(struct program *p)
{
	struct evnotify_update args = {};
	struct ref *r = random_ref(p);
	__u64 before, after, most;
	struct ref old;

	if (!r)
		return;
	random_times(p, r, &args.due_ns, &args.flags, &args.period_ns, &args.count);
	if (r->left) {
		/* it belongs to a WAIT */
		args.period_ns = 0;
		args.count = 0;
	}
	args.id = r->request.id;
	old = *r;
	before = now_of(r);
	if (!outcome_ok(p, r, "update", call(p->fd, EVNOTIFY_IOC_UPDATE, &args)))
		return;
	after = now_of(r);
	most = most_by(&old, after);
	r->carry = old.carry + most - (old.told < most ? old.told : most);
	if (most)
		r->old_due_max = old.due_max + (most - 1) * old.period;
	if (old.carry && old.old_due_max > r->old_due_max)
		r->old_due_max = old.old_due_max;
	r->old_signals += most;
	expect_times(r, args.due_ns, args.flags, args.period_ns, args.count, before, after);
}

static void step_unknown(struct program *p)
{
	int ret = cancel(p->fd, pick(p, 2) ? 0 : ~pick(p, 1 << 20));

	if (ret != -ENOENT)
		wrong(p, "cancel of an id that was never issued: %d", ret);
}

static void step_sleep(struct program *p)
{
	struct timespec ts = { .tv_nsec = pick(p, 2 * NSEC_PER_MSEC) };

	nanosleep(&ts, NULL);
}

/* --- the end of a program ------------------------------------------------------------- */

static bool signalled(struct ref *r, __u64 least)
{
	r->signals += eventfd_take(r->request.eventfd);
	return r->signals >= least;
}

/* One that has completed has signalled each expiration: those of its latest schedule at least. */
static void end_eventfd(struct program *p, struct ref *r)
{
	__u64 least = r->period ? r->limit : 1;

	if (outcome_ok(p, r, "cancel", cancel(p->fd, r->request.id))) {
		now_cancelled(r);
		p->cancelled++;
		return;
	}
	/* the tasklet may be at it yet */
	if (!UNTIL(signalled(r, least)))
		wrong(p, "request %llu: %llu signals, at least %llu", r->request.id, r->signals,
		      least);
	p->exact++;
}

/* What became of a request that a WAIT has left: only now, when all are cancelled. */
static void end_left(struct program *p, struct ref *r)
{
	struct evnotify_wait wait = { .request = r->request };
	int ret;

	wait.request.due_ns = 0;
	wait.request.flags = 0;
	wait.request.user_data = MAX_REQS;
	ret = call(p->fd, EVNOTIFY_IOC_WAIT, &wait);
	r->left = false;
	if (ret) {
		wrong(p, "wait at the end: %s", strerror(-ret));
	} else if (wait.event.id == r->request.id) {
		if (wait.event.status == -ECANCELED)
			r->cancelled = true;
		check_record(p, &wait.event);
	} else {
		/* its place was used again: by this one, or another before */
		p->forgotten++;
		r->final = true;
		if (wait.event.status || wait.event.user_data != MAX_REQS)
			wrong(p, "request %llu is another's", wait.event.id);
		p->records++;
		if (wait.event.seq > p->max_seq)
			p->max_seq = wait.event.seq;
	}
}

/* What is left is cancelled: then every request must have ended, in its way. */
static void finish(struct program *p)
{
	struct counters c;
	long all;
	int i;

	for (i = 0; i < p->count; i++)
		if (p->refs[i].request.mode == EVNOTIFY_MODE_EVENTFD && p->refs[i].request.id &&
		    !p->refs[i].cancelled)
			end_eventfd(p, &p->refs[i]);
	all = cancel_all(p->fd);
	if (all < 0)
		wrong(p, "cancel all: %s", strerror(-all));
	p->cancelled += all;
	c = counters(p->fd);
	if (c.armed != p->armed || c.cancelled != p->cancelled || c.pending ||
	    c.completed != p->armed - p->cancelled || c.completing)
		wrong(p, "counters %llu %llu %llu %llu, not %u armed, %u cancelled",
		      c.armed, c.completed, c.cancelled, c.pending, p->armed, p->cancelled);
	for (i = 0; i < p->count; i++) {
		struct ref *r = &p->refs[i];

		/* Which of these it hit, the model does not know for all. */
		if (!r->cancelled && !r->final)
			r->cancelled = r->request.mode == EVNOTIFY_MODE_PENDING &&
				       !may_be_over(r, now_of(r));
	}
	for (i = 0; i < p->count; i++)
		if (p->refs[i].left)
			end_left(p, &p->refs[i]);
	for (i = 0; i < p->count; i++) {
		struct ref *r = &p->refs[i];
		bool eventfd = r->request.mode == EVNOTIFY_MODE_EVENTFD;

		if (!eventfd) {
			while (!r->final && !p->wrong) {
				struct evnotify_event e;

				/* CANCEL of all has waited for it */
				if (!readable(p->fd, 0) || read_some(p->fd, &e, 1) != 1) {
					wrong(p, "request %llu never ended", r->request.id);
					break;
				}
				if (e.status == -ECANCELED && e.user_data < (unsigned int)p->count)
					p->refs[e.user_data].cancelled = true;
				check_record(p, &e);
			}
		} else {
			check_eventfd(p, r);
			close(r->request.eventfd);
		}
	}
	if (readable(p->fd, 0))
		wrong(p, "a record is left when all have ended");
	if (p->max_seq < p->records || p->max_seq > p->records + p->forgotten)
		wrong(p, "%llu records, but the last is number %llu", p->records, p->max_seq);
}

static void run(struct program *p)
{
	static void (*const steps[])(struct program *) = {
		step_arm, step_arm, step_arm, step_cancel, step_update, step_update,
		step_sleep, step_sleep, step_unknown, step_wait_again,
	};
	int i;

	for (p->step = 0; p->step < STEPS && !p->wrong; p->step++) {
		if (pick(p, 2))
			read_records(p);
		steps[pick(p, ARRAY_SIZE(steps))](p);
		for (i = 0; i < p->count && !pick(p, 4); i++)
			if (p->refs[i].request.mode == EVNOTIFY_MODE_EVENTFD)
				check_eventfd(p, &p->refs[i]);
	}
	if (!p->wrong)
		finish(p);
}

TEST_F(instance, random_programs)
{
	__u64 end = now_ns(CLOCK_MONOTONIC) + setting("EVNOTIFY_ORACLE_MS", 8000) * NSEC_PER_MSEC;
	unsigned int first = setting("EVNOTIFY_SEED", now_ns(CLOCK_REALTIME) / 1000 % 1000000);
	unsigned int programs = 0, explained = 0, exact = 0;
	struct program *p = malloc(sizeof(*p));
	struct evnotify_info info;

	ASSERT_TRUE(p);
	printf("# the first program is EVNOTIFY_SEED=%u\n", first);
	do {
		memset(p, 0, sizeof(*p));
		p->seed = first + programs++;
		p->random = p->seed * 0x9e3779b97f4a7c15ULL + 1;
		p->fd = open_device(_metadata, O_RDWR | O_NONBLOCK);
		ASSERT_EQ(0, call(p->fd, EVNOTIFY_IOC_INFO, &info));
		p->min_period = info.min_period_ns;
		run(p);
		explained += p->explained;
		exact += p->exact;
		close(p->fd);
	} while (!p->wrong && now_ns(CLOCK_MONOTONIC) < end);
	printf("# %u programs, %u records and eventfds explained, %u with exact counts\n",
	       programs, explained, exact);
	EXPECT_FALSE(p->wrong);
	EXPECT_LT(0, exact);
	free(p);
}

TEST_HARNESS_MAIN
