// SPDX-License-Identifier: GPL-2.0-only
/*
 * evnotify - the source of events: a timer for each clock
 *
 * The timer stands for a device, evnotify_interrupt() for its interrupt
 * handler: it finds the requests that an event is for and hands them to the
 * tasklet.  What complete.c does with them there has nothing to do with due
 * times.
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
 * evnotify_on_clock - convert a time to the clock that the process gave
 * @req: the request
 * @time: on the clock of the queue of @req
 *
 * Context: any.
 * Return: the same moment on the clock of @req, as that is set now; what is no
 * moment, as 0 for no timeout and KTIME_MAX for never, stays that.
 */
ktime_t evnotify_on_clock(const struct evnotify_record *req, ktime_t time)
{
	ktime_t shifted;

	if (req->clock == req->queue || !time || time == KTIME_MAX)
		return time;
	shifted = ktime_mono_to_any(time, req->clock == EVNOTIFY_TAI ?
					  TK_OFFS_TAI : TK_OFFS_REAL);
	return shifted < 0 ? KTIME_MAX : shifted;
}

/**
 * evnotify_timer_start - let the timer run out when the first request is due
 * @q: the queue
 * @first: its first request
 *
 * A timer that runs out earlier is left alone: then the interrupt finds nothing
 * due, and sets the timer again.  Of many requests that are cancelled or put
 * off before they are due, as timeouts are, few cost an interrupt, and none a
 * start of the timer.
 *
 * Context: inst->lock held.
 */
void evnotify_timer_start(struct evnotify_queue *q,
			  const struct evnotify_record *first)
{
	lockdep_assert_held(&q->inst->lock);
	/* If the timer runs out right now, its interrupt waits for the lock. */
	if (hrtimer_is_queued(&q->timer) &&
	    hrtimer_get_expires(&q->timer) <= first->due)
		return;
	hrtimer_start(&q->timer, first->due, HRTIMER_MODE_ABS);
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
	if (req->remaining)
		count = min_t(u64, count, req->remaining);
	req->event_due += (count - 1) * req->period;
	req->count = min(req->count + count,
			 req->mode == EVNOTIFY_MODE_EVENTFD ?
			 EVNOTIFY_MAX_SIGNALS : U32_MAX);
	if (req->remaining) {
		req->remaining -= count;
		if (!req->remaining)
			return false;
	}
	req->due = ktime_add_safe(req->event_due, req->period);
	return true;
}

/*
 * A relative time on a clock that can be set is measured on CLOCK_MONOTONIC.
 * Convert the times of such a record, which has just expired, to the clock that
 * the process gave: the difference of the two stays the same.
 */
static noinline void evnotify_convert(struct evnotify_record *req)
{
	ktime_t expired = evnotify_on_clock(req, req->expired);

	req->event_due = expired - (req->expired - req->event_due);
	req->expired = expired;
}

/*
 * @req is due and in no queue: hand it to the tasklet.  A periodic one goes back
 * to its queue at once, unless its eventfd is signalled in process context.
 * Then it is parked, in no queue, until it has been signalled;
 * evnotify_unpark() then counts the expirations that have passed.  So no
 * request costs its CPU more interrupts than process context can give signals
 * for.
 */
static __always_inline void
evnotify_expire_req(struct evnotify_instance *inst, struct evnotify_queue *q,
		    struct evnotify_record *req, ktime_t now)
{
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
	evnotify_expired(inst, req);
}

/* No event has come for @req in time. */
static noinline void evnotify_time_out(struct evnotify_queue *q,
				       struct evnotify_record *req, ktime_t now)
{
	struct evnotify_instance *inst = q->inst;

	evnotify_queue_remove(q, req);
	inst->pending--;
	inst->completed++;
	req->state = EVNOTIFY_TIMED_OUT;
	req->event_due = req->due;
	req->expired = now;
	if (req->clock != q->clock)
		evnotify_convert(req);
	trace_evnotify_expire(inst, req);
	evnotify_expired(inst, req);
}

/**
 * evnotify_unpark - let a parked request expire again
 * @inst: the instance
 * @req: the request
 *
 * The expirations that have passed while it was parked are counted now.  They
 * may be its last; or it is parked again, if their signals have to be given in
 * process context as well.
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
	if (req->due > now)
		evnotify_queue_insert(q, req);
	else
		evnotify_expire_req(inst, q, req, now);
	if (evnotify_queue_first(q) == req)
		evnotify_timer_start(q, req);
}

/*
 * Take what is due out of a queue, at most @n requests, and hand it to the
 * tasklet.  Returns the first request of the queue after that, due or not, or
 * NULL.
 */
static __always_inline struct evnotify_record *
evnotify_expire(struct evnotify_instance *inst, struct evnotify_queue *q,
		ktime_t now, unsigned int n)
{
	struct evnotify_record *req;

	lockdep_assert_held(&inst->lock);
	while ((req = evnotify_queue_first(q)) && req->due <= now && n--) {
		if (unlikely(req->state == EVNOTIFY_WAITING_TIMED)) {
			/* The tasklet gives the events first. */
			if (evnotify_source_behind(inst))
				break;
			evnotify_time_out(q, req, now);
			continue;
		}
		evnotify_queue_remove(q, req);
		evnotify_expire_req(inst, q, req, now);
	}
	return req;
}

/**
 * evnotify_expire_backlog - expire what an interrupt left to the tasklet
 * @inst: the instance
 *
 * It takes a batch, a share of it from each clock; the tasklet runs again for
 * the rest.  It does not use the time of the interrupt: a request may have been
 * armed since, and must not expire before that; and the clock may have been set
 * back, so that what was due then is not due now.
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
		first = evnotify_expire(inst, q, now, share);
		if (first && first->due <= now)
			continue;
		inst->backlog &= ~BIT(q->clock);
		if (first)
			evnotify_timer_start(q, first);
	}
}

/*
 * The interrupt.  On PREEMPT_RT it runs in a thread, as the tasklet does: there
 * inst->lock may sleep, so the timer is not marked for expiry in hard interrupt
 * context.
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
	first = evnotify_expire(inst, q, now, EVNOTIFY_IRQ_BATCH);
	/*
	 * The core of hrtimers has read the clock once, and calls this function
	 * for as long as the expiry of the timer is not later than that.  If
	 * the clock has been set back since, nothing is due by the new time,
	 * and the core would call for as long as it takes to get there again.
	 * So a timer on a clock that can be set is started by the tasklet.
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
		 * The core keeps queued timers in the order of their expiry:
		 * that of one that is queued must not be written.
		 *
		 *	the interrupt			another CPU
		 *	the core dequeues the timer
		 *					spin_lock_irq()
		 *					inserts a new first
		 *					hrtimer_start(): queued
		 *					spin_unlock_irq()
		 *	spin_lock()
		 *	hrtimer_is_queued(): true
		 */
		evnotify_timer_start(q, first);
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
