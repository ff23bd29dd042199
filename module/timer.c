// SPDX-License-Identifier: GPL-2.0-only
/*
 * evnotify - the source of events: a timer and an ordered queue per clock
 *
 * The timer stands for a device, evnotify_interrupt() for its interrupt: it
 * finds the requests that an event is for and hands them to the tasklet.  What
 * becomes of them there, in complete.c, knows nothing of timers.
 */
#include <linux/lockdep.h>
#include <linux/math64.h>
#include <linux/minmax.h>
#include <linux/timekeeping.h>

#include "evnotify.h"
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
	switch (clock) {
	case EVNOTIFY_BOOTTIME:
		return ktime_get_boottime();
	case EVNOTIFY_REALTIME:
		return ktime_get_real();
	case EVNOTIFY_TAI:
		return ktime_get_clocktai();
	default:
		return ktime_get();
	}
}

static struct evnotify_req *evnotify_queue_first(struct evnotify_queue *q)
{
	return rb_entry_safe(rb_first_cached(&q->pending), struct evnotify_req,
			     node);
}

/* Enter @req; true if it is now the first to expire. */
static bool evnotify_queue_insert(struct evnotify_queue *q,
				  struct evnotify_req *req)
{
	struct rb_node **link = &q->pending.rb_root.rb_node;
	struct rb_node *parent = q->last;
	bool first = !parent;

	if (parent && req->due < rb_entry(parent, struct evnotify_req, node)->due) {
		first = true;
		while (*link) {
			parent = *link;
			if (req->due < rb_entry(parent, struct evnotify_req, node)->due) {
				link = &parent->rb_left;
			} else {
				link = &parent->rb_right;
				first = false;
			}
		}
	} else {
		/* The usual case, due times that grow: no descent. */
		if (parent)
			link = &parent->rb_right;
		q->last = &req->node;
	}
	rb_link_node(&req->node, parent, link);
	rb_insert_color_cached(&req->node, &q->pending, first);
	return first;
}

/**
 * evnotify_queue_remove - take a pending request out of its queue
 * @q: the queue
 * @req: the request
 *
 * The timer is left alone: if it runs for @req, it finds nothing due and is
 * set right then.
 *
 * Context: inst->lock held.
 */
void evnotify_queue_remove(struct evnotify_queue *q, struct evnotify_req *req)
{
	if (q->last == &req->node)
		q->last = rb_prev(&req->node);
	rb_erase_cached(&req->node, &q->pending);
	RB_CLEAR_NODE(&req->node);
}

/* Let the timer run out when the first pending request is due. */
static void evnotify_queue_start(struct evnotify_queue *q)
{
	struct evnotify_req *first = evnotify_queue_first(q);

	if (first)
		hrtimer_start(&q->timer, first->due, HRTIMER_MODE_ABS);
}

/**
 * evnotify_queue_add - let a request expire at its due time
 * @q: the queue of its clock
 * @req: the request
 *
 * Context: inst->lock held.
 */
void evnotify_queue_add(struct evnotify_queue *q, struct evnotify_req *req)
{
	lockdep_assert_held(&q->inst->lock);
	/* Only a new first one touches the timer. */
	if (evnotify_queue_insert(q, req))
		evnotify_queue_start(q);
}

/**
 * evnotify_expire - hand what is due at q->now to the tasklet
 * @q: the queue
 * @n: requests at most; if there are more, q->backlog says so
 *
 * The requests leave the queue; a periodic one comes back to it at once.
 *
 * Context: inst->lock held.
 */
void evnotify_expire(struct evnotify_queue *q, unsigned int n)
{
	struct evnotify_instance *inst = q->inst;
	struct evnotify_req *req;

	lockdep_assert_held(&inst->lock);
	while ((req = evnotify_queue_first(q)) && req->due <= q->now) {
		u64 count = 1;
		bool last = true;

		if (!n--) {
			q->backlog = true;
			return;
		}
		evnotify_queue_remove(q, req);
		if (req->period) {
			u64 late = ktime_sub(q->now, req->due);

			if (late >= req->period)
				count += div64_u64(late, req->period);
			if (req->left) {
				count = min_t(u64, count, req->left);
				req->left -= count;
				last = !req->left;
			} else {
				last = false;
			}
		}
		req->event_due = req->due + (count - 1) * req->period;
		req->expired = q->now;
		req->count += count;
		if (req->mode == EVNOTIFY_MODE_EVENTFD)
			req->count = min(req->count, EVNOTIFY_MAX_SIGNALS);
		if (last) {
			inst->pending--;
			inst->completed++;
		} else {
			req->due = ktime_add_safe(req->event_due, req->period);
			evnotify_queue_insert(q, req);
		}
		trace_evnotify_expire(inst, req);

		if (req->list == EVNOTIFY_NO_LIST) {
			req->list = EVNOTIFY_EXPIRED;
			evnotify_fifo_push(&inst->expired, req);
		} else if (req->list == EVNOTIFY_READY) {
			/* An overrun: the process sees it in the record. */
			req->completed = q->now;
		}
	}
	q->backlog = false;
	evnotify_queue_start(q);
}

/*
 * The interrupt.  On PREEMPT_RT it runs in a thread, like the tasklet: the
 * timer is not marked for expiry in hard interrupt context, so the spinlock
 * may sleep there.
 *
 * It sets the timer itself, under the lock, and never by returning
 * HRTIMER_RESTART: another CPU may have started the timer between the expiry
 * and our taking the lock, and the expiry time of a queued timer must not be
 * touched.
 */
static enum hrtimer_restart evnotify_interrupt(struct hrtimer *timer)
{
	struct evnotify_queue *q = container_of(timer, struct evnotify_queue,
						timer);
	struct evnotify_instance *inst = q->inst;
	unsigned long flags;

	spin_lock_irqsave(&inst->lock, flags);
	q->now = hrtimer_cb_get_time(timer);
	evnotify_expire(q, EVNOTIFY_IRQ_BATCH);
	if (inst->expired.head || q->backlog)
		tasklet_schedule(&inst->dpc);
	evnotify_check(inst);
	spin_unlock_irqrestore(&inst->lock, flags);
	return HRTIMER_NORESTART;
}

/**
 * evnotify_queue_init - set up the queue of a clock
 * @q: zeroed memory
 * @inst: the instance that it belongs to
 * @clock: enum evnotify_clock
 *
 * Context: process.
 */
void evnotify_queue_init(struct evnotify_queue *q,
			 struct evnotify_instance *inst, unsigned int clock)
{
	q->inst = inst;
	q->pending = RB_ROOT_CACHED;
	hrtimer_setup(&q->timer, evnotify_interrupt, evnotify_clockids[clock],
		      HRTIMER_MODE_ABS);
}
