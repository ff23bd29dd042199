// SPDX-License-Identifier: GPL-2.0-only
/*
 * A differential oracle: random programs run against the device and against a small model
 * of what it promises, which knows no kernel. Every return value, every event record and
 * every signal of an eventfd must be one that the model can explain.
 *
 * EVNOTIFY_ORACLE_MS: how long (8000); EVNOTIFY_SEED: the first program, as printed.
 */
#include <stdarg.h>
#include <sys/time.h>

#include "evnotify_test.h"

#define MAX_REQS	128
#define STEPS		400
#define MAX_RECORDS	(MAX_REQS * STEPS)

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

static __attribute__((format(printf, 2, 3))) void wrong(struct program *p, const char *format, ...)
{
	va_list args;

	printf("# seed %u, step %d: ", p->seed, p->step);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n");
	p->wrong = true;
}

static __u64 pick(struct program *p, __u64 below)
{
	/* xorshift64*: the same sequence everywhere */
	p->random ^= p->random >> 12;
	p->random ^= p->random << 25;
	p->random ^= p->random >> 27;
	return (p->random * 0x2545f4914f6cdd1dULL >> 33) % below;
}

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

/* --- events of a source --------------------------------------------------------------- */

/*
 * Here the model is exact: each step waits until what it has set off is over, and nothing depends
 * on a time. It knows which event each request gets, what is lost, what each record says, what
 * poll() says and what fdinfo counts, also when the source has gone.
 */
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
	struct program p;	/* what the helpers above use: fd, seed, random, step, wrong */
	int sim;		/* -1: gone */
	unsigned int count, nr_waiting, nr_ready;
	__u64 raised, taken, lost, armed, completed, cancelled;
	unsigned int waiting[MAX_REQS], ready[MAX_REQS];
	struct event_ref refs[MAX_REQS];
};

static __u64 data_of(const struct source_program *s, __u64 number)
{
	return (number + s->p.seed) * 0x9e3779b97f4a7c15ULL;
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
	r->record.seq = ++s->p.max_seq;
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
	*events = source_counters(s->p.fd);
	*c = counters(s->p.fd);
	return events->taken == s->taken && c->unread == s->nr_ready && !c->completing;
}

/* Does the kernel think so, too? */
static void compare(struct source_program *s)
{
	struct pollfd pfd = { .fd = s->p.fd, .events = POLLIN };
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
		wrong(&s->p, "raised %llu of %llu, taken %llu of %llu, lost %llu of %llu, armed %llu of %llu, completed %llu of %llu, cancelled %llu of %llu, pending %llu of %u, unread %llu of %u",
		      events.raised, s->raised, events.taken, s->taken, events.lost, s->lost,
		      c.armed, s->armed, c.completed, s->completed, c.cancelled, s->cancelled,
		      c.pending, s->nr_waiting + unread, c.unread, s->nr_ready);
	expected = s->nr_ready ? POLLIN : 0;
	if (s->sim < 0 && !unread)
		expected = POLLIN | POLLHUP | POLLERR;
	if (same && (poll(&pfd, 1, 0) < 0 || pfd.revents != expected))
		wrong(&s->p, "poll says %#x, not %#x", pfd.revents, expected);
	s->p.explained++;
}

static void check_event(struct source_program *s, const struct evnotify_event *e)
{
	struct evnotify_event *record;
	struct event_ref *r;
	unsigned int at;

	for (at = 0; at < s->nr_ready && s->ready[at] != e->user_data; at++)
		;
	if (at == s->nr_ready) {
		wrong(&s->p, "a record of %llu, which has none", e->user_data);
		return;
	}
	r = &s->refs[e->user_data];
	record = &r->record;
	if (at && !r->unordered && !r->waits)
		wrong(&s->p, "a record of %llu, which is number %u", e->user_data, at);
	if (!r->request.id)
		r->request.id = e->id;
	if (e->id != r->request.id ||
	    (r->unordered ? e->seq > s->p.max_seq : e->seq != record->seq))
		wrong(&s->p, "record of %llu: id %llu, number %llu, not %llu", e->user_data, e->id,
		      e->seq, record->seq);
	if (e->seq >= MAX_RECORDS || s->p.seen[e->seq])
		wrong(&s->p, "sequence number %llu comes twice", e->seq);
	else
		s->p.seen[e->seq] = true;
	s->p.records++;
	if (e->status != record->status || e->flags != record->flags ||
	    e->count != record->count || e->lost != record->lost ||
	    (e->count && e->data != record->data))
		wrong(&s->p, "record of %llu: status %d of %d, flags %#x of %#x, count %u of %u, lost %u of %u, data %llx of %llx",
		      e->user_data, e->status, record->status, e->flags, record->flags, e->count,
		      record->count, e->lost, record->lost, e->data, record->data);
	if (e->completed_ns < e->expired_ns || now_ns(r->request.clockid) < e->completed_ns ||
	    (e->status == -ETIME || e->count ? !e->expired_ns : e->expired_ns))
		wrong(&s->p, "record of %llu: expired %llu, completed %llu", e->user_data,
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
	unsigned int room = 1 + pick(&s->p, 16), before = s->nr_ready;
	struct evnotify_event events[16];
	int n = read_some(s->p.fd, events, room), i, expected;

	expected = before ? (int)(before < room ? before : room) :
		   s->sim < 0 && !nr_unread(s) ? -ENODEV : -EAGAIN;
	if (n != expected)
		wrong(&s->p, "read: %d, not %d", n, expected);
	for (i = 0; i < n && !s->p.wrong; i++)
		check_event(s, &events[i]);
}

/* With a timeout that has passed, one that never comes, or none */
static void random_event_request(struct source_program *s, struct evnotify_request *q, bool wait)
{
	static const int clocks[] = { CLOCK_MONOTONIC, CLOCK_BOOTTIME, CLOCK_REALTIME, CLOCK_TAI };

	*q = event_request(s->count, 0);
	q->clockid = clocks[pick(&s->p, ARRAY_SIZE(clocks))];
	if (!wait && pick(&s->p, 2)) {
		if (pick(&s->p, 2)) {
			q->flags |= EVNOTIFY_REPEAT;
			q->count = pick(&s->p, 2) ? 1 + pick(&s->p, 300) : 0;
		}
		if (pick(&s->p, 2)) {
			q->mode = EVNOTIFY_MODE_EVENTFD;
			q->eventfd = eventfd(0, EFD_CLOEXEC);
		}
	} else if (pick(&s->p, 2)) {
		q->due_ns = FAR_NS;
	} else if (pick(&s->p, 2)) {
		q->flags |= EVNOTIFY_ABSTIME;
		q->due_ns = pick(&s->p, 2);
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
	waits = s->raised > s->taken && !pick(&s->p, 3);
	random_event_request(s, q, waits);
	r->left = q->count;
	if (waits) {
		wait.request = *q;
		ret = call(s->p.fd, EVNOTIFY_IOC_WAIT, &wait);
		q->id = wait.request.id;
	} else if (pick(&s->p, 2)) {
		ret = arm(s->p.fd, q);
	} else {
		ret = write(s->p.fd, q, sizeof(*q)) == sizeof(*q) ? 0 : -errno;
	}
	if (ret != expected)
		wrong(&s->p, "arm: %d, not %d", ret, expected);
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
	n = 1 + pick(&s->p, most[pick(&s->p, kinds)]);
	for (i = 0; i < n; i++)
		steps[i] = (struct evnotify_sim_step){ pick(&s->p, 2), data_of(s, s->raised + i) };
	if (write(s->sim, steps, n * sizeof(*steps)) != (ssize_t)(n * sizeof(*steps)))
		wrong(&s->p, "raise: %s", strerror(errno));
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
	unsigned int n = s->count ? pick(&s->p, s->count) : 0;
	struct event_ref *r = &s->refs[n];
	int ret, expected = r->stage == OVER ? -EALREADY : 0;

	if (!s->count || !r->request.id)
		return;
	ret = cancel(s->p.fd, r->request.id);
	if (ret != expected)
		wrong(&s->p, "cancel of %u: %d, not %d", n, ret, expected);
	if (!ret && !s->p.wrong)
		cancelled_now(s, n, false);
}

static void step_cancel_all_events(struct source_program *s)
{
	long expected = s->nr_waiting + nr_unread(s), ret;
	unsigned int i;

	if (pick(&s->p, 10))
		return;
	ret = cancel_all(s->p.fd);
	if (ret != expected)
		wrong(&s->p, "cancel all: %ld, not %ld", ret, expected);
	for (i = 0; i < s->count && !s->p.wrong; i++)
		if (s->refs[i].stage != OVER)
			cancelled_now(s, i, true);
}

static void step_unplug(struct source_program *s)
{
	/* late, mostly */
	if (s->sim < 0 || pick(&s->p, 60))
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
			wrong(&s->p, "request %u: %llu signals, not %llu", i, got, r->signals);
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

	for (s->p.step = 0; s->p.step < STEPS && !s->p.wrong &&
	     (s->p.step < 20 || now_ns(CLOCK_MONOTONIC) < end); s->p.step++) {
		if (pick(&s->p, 2)) {
			read_some_events(s);
			compare(s);
		}
		if (!s->p.wrong)
			steps[pick(&s->p, ARRAY_SIZE(steps))](s);
		compare(s);
		check_signals(s);
	}
	/* to the end of it */
	if (s->sim >= 0)
		close(s->sim);
	s->sim = -1;
	for (compare(s); s->nr_ready && !s->p.wrong; compare(s))
		read_some_events(s);
	check_signals(s);
	for (i = 0; i < s->count; i++)
		if (s->refs[i].request.mode == EVNOTIFY_MODE_EVENTFD)
			close(s->refs[i].request.eventfd);
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

TEST_F_TIMEOUT(instance, random_programs_with_a_source, 600)
{
	const char *ms = getenv("EVNOTIFY_ORACLE_MS"), *seed = getenv("EVNOTIFY_SEED");
	__u64 end = now_ns(CLOCK_MONOTONIC) + (ms ? strtoull(ms, NULL, 0) : 8000) * NSEC_PER_MSEC;
	unsigned int first = seed ? strtoul(seed, NULL, 0) :
				    now_ns(CLOCK_REALTIME) / 1000 % 1000000;
	struct source_program *s = malloc(sizeof(*s));
	unsigned int programs = 0;
	__u64 steps = 0, records = 0, raised = 0, lost = 0;

	ASSERT_TRUE(s);
	printf("# the first program is EVNOTIFY_SEED=%u\n", first);
	do {
		memset(s, 0, sizeof(*s));
		s->p.seed = first + programs++;
		s->p.random = s->p.seed * 0x9e3779b97f4a7c15ULL + 1;
		s->sim = open_sim(_metadata);
		s->p.fd = sim_new(s->sim, O_NONBLOCK, NULL);
		ASSERT_LE(0, s->p.fd);
		run_source(s, end);
		steps += s->p.explained;
		records += s->p.records;
		raised += s->raised;
		lost += s->lost;
		close(s->p.fd);
	} while (!s->p.wrong && now_ns(CLOCK_MONOTONIC) < end);
	printf("# %u programs, %llu steps, %llu records explained, %llu events raised, %llu lost\n",
	       programs, steps, records, raised, lost);
	EXPECT_FALSE(s->p.wrong);
	EXPECT_LT(0, records);
	free(s);
}

TEST_HARNESS_MAIN
