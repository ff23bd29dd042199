// SPDX-License-Identifier: GPL-2.0-only
/*
 * evnotify - the source of events: a timer per clock
 *
 * The timer stands for a device, evnotify_interrupt() for its interrupt: it
 * finds the requests that an event is for and hands them to the tasklet.  What
 * becomes of them there, in complete.c, knows nothing of due times.
 */
#include <linux/bitops.h>
#include <linux/lockdep.h>
#include <linux/math64.h>
#include <linux/minmax.h>
#include <linux/timekeeping.h>

#include "evnotify.h"
#include "queue.h"
#include "trace.h"

static const clockid_t evnotify_clockids[EVNOTIFY_NR_CLOCKS] = {
	[EVNOTIFY_MONOTONIC] = CLOCK_MONOTONIC,
	[EVNOTIFY_BOOTTIME] = CLOCK_BOOTTIME,
	[EVNOTIFY_REALTIME] = CLOCK_REALTIME,
	[EVNOTIFY_TAI] = CLOCK_TAI,
};

/**
 * evnotify_now - the time on a clock
 * @clock: enum evnotify_clock
 *
 * Context: any.
 * Return: host time.
 */
ktime_t evnotify_now(unsigned int clock)
{
	if (clock == EVNOTIFY_MONOTONIC)
		return ktime_get();
	if (clock == EVNOTIFY_BOOTTIME)
		return ktime_get_boottime();
	if (clock == EVNOTIFY_REALTIME)
		return ktime_get_real();
	return ktime_get_clocktai();
}

/* What the clock of @req says at a time on the clock of its queue. */
ktime_t evnotify_on_clock(const struct evnotify_record *req, ktime_t time)
{
	ktime_t shifted;

	if (req->clock == req->queue || time == KTIME_MAX)
		return time;
	shifted = ktime_mono_to_any(time, req->clock == EVNOTIFY_TAI ?
					  TK_OFFS_TAI : TK_OFFS_REAL);
	return shifted < 0 ? KTIME_MAX : shifted;
}

/**
 * evnotify_timer_start - let the timer run out when the first request is due
 * @q: the queue
 *
 * A timer that runs out earlier is left alone: it finds nothing due, and is set
 * then.  That costs an interrupt, and saves a start for each request that is
 * cancelled or put off before it is due, as timeouts are.
 *
 * Context: inst->lock held.
 */
void evnotify_timer_start(struct evnotify_queue *q)
{
	struct evnotify_record *first = evnotify_queue_first(q);

	lockdep_assert_held(&q->inst->lock);
	if (!first)
		return;
	/* If it is running out just now, its interrupt waits for our lock. */
	if (hrtimer_is_queued(&q->timer) &&
	    hrtimer_get_expires(&q->timer) <= first->due)
		return;
	hrtimer_start(&q->timer, first->due, HRTIMER_MODE_ABS);
}

/**
 * evnotify_timer_add - insert a request, and start the timer if it is for it
 * @q: its queue
 * @req: the request
 *
 * Context: inst->lock held.
 */
void evnotify_timer_add(struct evnotify_queue *q, struct evnotify_record *req)
{
	lockdep_assert_held(&q->inst->lock);
	if (evnotify_queue_insert(q, req))
		evnotify_timer_start(q);
}

/*
 * Count the expirations of @req that are due.  True if more are to come: then
 * @req->due is the time of the next one.
 */
static __always_inline bool
evnotify_count(struct evnotify_record *req, ktime_t now)
{
	u64 count = 1;
	u64 late;

	req->event_due = req->due;
	req->expired = now;
	if (likely(!req->period)) {
		req->count++;
		return false;
	}

	late = ktime_sub(now, req->due);
	if (late >= req->period)
		count += div64_u64(late, req->period);
	if (req->left)
		count = min_t(u64, count, req->left);
	req->event_due += (count - 1) * req->period;
	req->count = min(req->count + count,
			 req->mode == EVNOTIFY_MODE_EVENTFD ?
			 EVNOTIFY_MAX_SIGNALS : U32_MAX);
	if (req->left) {
		req->left -= count;
		if (!req->left)
			return false;
	}
	req->due = ktime_add_safe(req->event_due, req->period);
	return true;
}

/*
 * The times of a record that was measured on CLOCK_MONOTONIC for another clock,
 * by what that clock says now: how late it is stays as it is.
 */
static noinline void evnotify_convert(struct evnotify_record *req)
{
	ktime_t expired = evnotify_on_clock(req, req->expired);

	req->event_due = expired - (req->expired - req->event_due);
	req->expired = expired;
}

/*
 * @req is due and in no queue: it goes to the tasklet, and a periodic one goes
 * back to its queue at once, but not if its eventfd is signalled in process
 * context.  Then its timer waits for that, and the expirations that pass in the
 * meantime are counted when the signal has been given: no request costs its CPU
 * more interrupts than that thread can give signals.
 */
static __always_inline void
evnotify_expire_req(struct evnotify_queue *q, struct evnotify_record *req,
		    ktime_t now)
{
	struct evnotify_instance *inst = q->inst;

	if (!evnotify_count(req, now)) {
		inst->pending--;
		inst->completed++;
	} else if (req->mode == EVNOTIFY_MODE_EVENTFD &&
		   evnotify_signals_in_process(inst)) {
		req->state = EVNOTIFY_PARKED;
	} else {
		evnotify_queue_insert(q, req);
	}
	if (unlikely(req->clock != q->clock))
		evnotify_convert(req);
	trace_evnotify_expire(inst, req);

	if (req->list == EVNOTIFY_NO_LIST) {
		req->list = EVNOTIFY_EXPIRED;
		inst->completing++;
		evnotify_fifo_push(&inst->expired, req);
	} else if (req->list == EVNOTIFY_READY) {
		/* An overrun: the process sees it in the record. */
		req->completed = req->expired;
	}
}

/**
 * evnotify_unpark - let a parked request expire again
 * @inst: the instance
 * @req: the request; what it expired while it was parked is counted now, and it
 *	may have completed by that
 *
 * It stays parked if it expired again and its signal has to be given in process
 * context, too.
 *
 * Context: inst->lock held.
 */
void evnotify_unpark(struct evnotify_instance *inst,
		     struct evnotify_record *req)
{
	struct evnotify_queue *q = &inst->queues[req->queue];
	ktime_t now = evnotify_now(q->clock);

	lockdep_assert_held(&inst->lock);
	req->state = EVNOTIFY_EXPIRES_NO_MORE;
	if (req->due > now) {
		evnotify_timer_add(q, req);
		return;
	}
	evnotify_expire_req(q, req, now);
	if (evnotify_queue_first(q) == req)
		evnotify_timer_start(q);
}

/*
 * Hand what is due to the tasklet, at most @n requests: they leave the queue; a
 * periodic one comes back to it at once.  Returns the first that is left in the
 * queue, due or not, or NULL.
 */
static __always_inline struct evnotify_record *
evnotify_expire(struct evnotify_queue *q, ktime_t now, unsigned int n)
{
	struct evnotify_record *req;

	lockdep_assert_held(&q->inst->lock);
	while ((req = evnotify_queue_first(q)) && req->due <= now && n--) {
		evnotify_queue_remove(q, req);
		evnotify_expire_req(q, req, now);
	}
	return req;
}

/**
 * evnotify_expire_backlog - go on where an interrupt left off
 * @inst: the instance
 *
 * It takes a batch, a share of it from each clock: the tasklet comes again for
 * the rest.  It reads the clock anew, since a request may have been armed after
 * the interrupt, and the clock may have been set back: no time of expiration lies
 * before the call that armed the request, and nothing expires too early.
 *
 * Context: inst->lock held; inst->backlog is not 0.
 */
void evnotify_expire_backlog(struct evnotify_instance *inst)
{
	struct evnotify_record *first;
	unsigned int share = EVNOTIFY_BATCH / hweight8(inst->backlog);
	struct evnotify_queue *q;
	ktime_t now;

	for (q = inst->queues; q < inst->queues + EVNOTIFY_NR_CLOCKS; q++) {
		if (!(inst->backlog & BIT(q->clock)))
			continue;
		now = evnotify_now(q->clock);
		first = evnotify_expire(q, now, share);
		if (first && first->due <= now)
			continue;
		inst->backlog &= ~BIT(q->clock);
		evnotify_timer_start(q);
	}
}

/*
 * The interrupt.  On PREEMPT_RT it runs in a thread, like the tasklet: the
 * timer is not marked for expiry in hard interrupt context, so the spinlock
 * may sleep there.
 */
static enum hrtimer_restart evnotify_interrupt(struct hrtimer *timer)
{
	struct evnotify_queue *q = container_of(timer, struct evnotify_queue,
						timer);
	enum hrtimer_restart restart = HRTIMER_NORESTART;
	struct evnotify_instance *inst = q->inst;
	struct evnotify_record *first;
	ktime_t now;

	spin_lock(&inst->lock);
	now = hrtimer_cb_get_time(timer);
	first = evnotify_expire(q, now, EVNOTIFY_IRQ_BATCH);
	/*
	 * The core has read the clock before, once, and calls us again for as
	 * long as the timer's time has passed by that.  If the clock has been
	 * set back since, it would do so until the clock gets there again.  So
	 * where the clock can be set, the tasklet starts the timer.
	 */
	if (first && (first->due <= now || q->clock == EVNOTIFY_REALTIME ||
		      q->clock == EVNOTIFY_TAI)) {
		inst->backlog |= BIT(q->clock);
		first = NULL;
	} else if (inst->backlog) {
		inst->backlog &= ~BIT(q->clock);
	}
	if (inst->expired.head || inst->backlog)
		tasklet_schedule(&inst->dpc);

	if (first && hrtimer_is_queued(timer)) {
		/*
		 * Between the expiry and our taking the lock, another CPU
		 * started the timer: its time must not be touched in place.
		 */
		evnotify_timer_start(q);
	} else if (first) {
		hrtimer_set_expires(timer, first->due);
		restart = HRTIMER_RESTART;
	}
	evnotify_check(inst);
	spin_unlock(&inst->lock);
	return restart;
}

/**
 * evnotify_timer_init - set up the queue and the timer of a clock
 * @q: zeroed memory
 * @inst: the instance that it belongs to
 * @clock: enum evnotify_clock
 *
 * Context: process.
 */
void evnotify_timer_init(struct evnotify_queue *q,
			 struct evnotify_instance *inst, unsigned int clock)
{
	q->inst = inst;
	q->clock = clock;
	evnotify_queue_clear(q);
	hrtimer_setup(&q->timer, evnotify_interrupt, evnotify_clockids[clock],
		      HRTIMER_MODE_ABS);
}
