// SPDX-License-Identifier: GPL-2.0-only
/*
 * evnotify - the engine: from armed request to completion
 *
 * The source of events is a timer per clock: evnotify_interrupt() stands for
 * the interrupt of a device, finds the requests that its event is for and
 * schedules evnotify_dpc(), the tasklet, which completes them.  Everything
 * from inst->expired on knows nothing of timers.
 *
 * The rules of locking and the life of a request are at the top of
 * evnotify.h.
 */
#include <linux/bug.h>
#include <linux/eventfd.h>
#include <linux/fs.h>
#include <linux/lockdep.h>
#include <linux/math64.h>
#include <linux/minmax.h>
#include <linux/poll.h>
#include <linux/sched.h>
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

static void evnotify_fifo_push(struct evnotify_fifo *fifo,
			       struct evnotify_req *req)
{
	req->next = NULL;
	if (fifo->head)
		fifo->tail->next = req;
	else
		WRITE_ONCE(fifo->head, req);	/* poll() looks without lock */
	fifo->tail = req;
}

static struct evnotify_req *evnotify_fifo_pop(struct evnotify_fifo *fifo)
{
	struct evnotify_req *req = fifo->head;

	if (req) {
		WRITE_ONCE(fifo->head, req->next);
		req->list = EVNOTIFY_NO_LIST;
	}
	return req;
}

static bool evnotify_is_pending(const struct evnotify_req *req)
{
	return !RB_EMPTY_NODE(&req->node);
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

static void evnotify_queue_erase(struct evnotify_queue *q,
				 struct evnotify_req *req)
{
	if (q->last == &req->node)
		q->last = rb_prev(&req->node);
	rb_erase_cached(&req->node, &q->pending);
	RB_CLEAR_NODE(&req->node);
}

/*
 * Let the timer run out when the first pending request is due.  A timer that
 * runs for a request that has gone finds nothing, and is set right then.
 */
static void evnotify_queue_start(struct evnotify_queue *q)
{
	struct evnotify_req *first = evnotify_queue_first(q);

	if (first)
		hrtimer_start(&q->timer, first->due, HRTIMER_MODE_ABS);
}

#ifdef CONFIG_EVNOTIFY_DEBUG
static void evnotify_check_fifo(const struct evnotify_fifo *fifo)
{
	WARN_ON_ONCE(fifo->head && fifo->tail->next);
}

/* The origin's checked build: what must hold after each step. */
static void evnotify_check(struct evnotify_instance *inst)
{
	struct evnotify_queue *q;
	bool empty = true;

	lockdep_assert_held(&inst->lock);
	for (q = inst->queues; q < inst->queues + EVNOTIFY_NR_CLOCKS; q++) {
		WARN_ON_ONCE(q->last != rb_last(&q->pending.rb_root));
		WARN_ON_ONCE(rb_first_cached(&q->pending) !=
			     rb_first(&q->pending.rb_root));
		empty &= !q->last;
	}
	WARN_ON_ONCE(empty != !inst->pending);
	WARN_ON_ONCE(inst->armed != inst->completed + inst->cancelled +
				    inst->pending);
	WARN_ON_ONCE(inst->pending > inst->used || inst->unread > inst->used);
	WARN_ON_ONCE(inst->used > inst->limit);
	WARN_ON_ONCE(!inst->unread != !inst->ready.head);
	WARN_ON_ONCE(!inst->nr_free != !inst->free);
	evnotify_check_fifo(&inst->expired);
	evnotify_check_fifo(&inst->ready);
}
#else
static inline void evnotify_check(struct evnotify_instance *inst)
{
}
#endif

static void evnotify_free(struct evnotify_instance *inst,
			  struct evnotify_req *req)
{
	if (req->mode == EVNOTIFY_MODE_EVENTFD) {
		eventfd_ctx_put(req->eventfd);
		inst->eventfds--;
	}
	evnotify_pool_give(inst, req);
}

/* Tell those who read or poll that a record is ready; without inst->lock. */
static void evnotify_wake(struct evnotify_instance *inst)
{
	/* Pairs with the barrier in evnotify_poll(), and in prepare_to_wait. */
	if (wq_has_sleeper(&inst->wait))
		wake_up_interruptible_poll(&inst->wait, EPOLLIN | EPOLLRDNORM);
	kill_fasync(&inst->fasync, SIGIO, POLL_IN);
}

static void evnotify_make_ready(struct evnotify_instance *inst,
				struct evnotify_req *req)
{
	req->seq = ++inst->seq;
	req->list = EVNOTIFY_READY;
	evnotify_fifo_push(&inst->ready, req);
	inst->unread++;
}

/*
 * Complete a PENDING request whose record is on no list.  True if a reader
 * has to be woken.
 */
static bool evnotify_complete(struct evnotify_instance *inst,
			      struct evnotify_req *req, ktime_t now)
{
	req->completed = now;
	trace_evnotify_complete(inst, req);
	if (req->waiter) {
		req->seq = ++inst->seq;
		/* From here on the record belongs to evnotify_wait(). */
		complete(req->waiter);
		return false;
	}
	evnotify_make_ready(inst, req);
	return true;
}

/*
 * Take what is due at q->now, at most @n requests, out of the queue and to the
 * tasklet.  A periodic request goes back into the queue at once.
 */
static void evnotify_expire(struct evnotify_queue *q, unsigned int n)
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
		evnotify_queue_erase(q, req);
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

/*
 * Signal the eventfds of @signalled, once each.  A record comes back for each
 * further expiration that it counts, so that an eventfd counts them all and
 * yet no step is longer than another.
 */
static void evnotify_signal(struct evnotify_instance *inst,
			    struct evnotify_fifo *signalled)
{
	struct evnotify_req *req;

	for (req = signalled->head; req; req = req->next)
		eventfd_signal(req->eventfd);

	spin_lock_irq(&inst->lock);
	while ((req = evnotify_fifo_pop(signalled))) {
		if (--req->count && !req->cancelled) {
			req->list = EVNOTIFY_EXPIRED;
			evnotify_fifo_push(&inst->expired, req);
			tasklet_schedule(&inst->dpc);
		} else if (!evnotify_is_pending(req)) {
			evnotify_free(inst, req);
		}
	}
	evnotify_check(inst);
	spin_unlock_irq(&inst->lock);
}

/*
 * The DPC: complete what has expired, one batch at a time.
 *
 * A tasklet is what the WDK sample's DPC is.  New code would take a work item
 * on a BH workqueue (Linux 6.9): tasklet_schedule() and tasklet_kill() are all
 * that would change.
 */
static void evnotify_dpc(struct tasklet_struct *dpc)
{
	struct evnotify_instance *inst = from_tasklet(inst, dpc, dpc);
	unsigned int clock = EVNOTIFY_NR_CLOCKS;
	struct evnotify_fifo signalled = {};
	struct evnotify_queue *q;
	struct evnotify_req *req;
	bool wake = false;
	ktime_t now = 0;
	unsigned int n;

	spin_lock_irq(&inst->lock);
	if (inst->closing)
		goto unlock;
	for (q = inst->queues; q < inst->queues + EVNOTIFY_NR_CLOCKS; q++)
		if (q->backlog)
			evnotify_expire(q, EVNOTIFY_BATCH);

	for (n = 0; n < EVNOTIFY_BATCH; n++) {
		req = evnotify_fifo_pop(&inst->expired);
		if (!req)
			break;
		if (req->clock != clock) {
			clock = req->clock;
			now = evnotify_now(clock);
		}
		if (req->mode == EVNOTIFY_MODE_PENDING) {
			wake |= evnotify_complete(inst, req, now);
		} else if (req->cancelled) {
			evnotify_free(inst, req);
		} else {
			req->completed = now;
			req->list = EVNOTIFY_SIGNALLING;
			evnotify_fifo_push(&signalled, req);
			trace_evnotify_complete(inst, req);
		}
	}
	if (inst->expired.head)
		tasklet_schedule(dpc);
	for (q = inst->queues; q < inst->queues + EVNOTIFY_NR_CLOCKS; q++)
		if (q->backlog)
			tasklet_schedule(dpc);
unlock:
	evnotify_check(inst);
	spin_unlock_irq(&inst->lock);

	if (wake)
		evnotify_wake(inst);
	if (signalled.head)
		evnotify_signal(inst, &signalled);
}

/**
 * evnotify_reserve - take records and fill them in
 * @inst: the instance
 * @specs: what to fill in; of those that get a record, references to eventfds
 *	go over to it
 * @n: how many, at least 1
 * @reqs: set to the records, which have their ids but are not pending yet
 * @gfp: GFP_KERNEL, or GFP_NOWAIT if the caller must not sleep
 *
 * Ids exist before the requests are armed, so that they can be handed to the
 * process while nothing has happened that would have to be undone.
 *
 * Context: process.
 * Return: how many records were taken, fewer than @n if limit or memory ran
 * out, or -ENOSPC (limit) or -ENOMEM if there was none.
 */
int evnotify_reserve(struct evnotify_instance *inst,
		     const struct evnotify_spec *specs, unsigned int n,
		     struct evnotify_req **reqs, gfp_t gfp)
{
	struct evnotify_req *req;
	unsigned int i;
	int ret = 0;

	spin_lock_irq(&inst->lock);
	while (!ret && inst->nr_free < min(n, inst->limit - inst->used)) {
		spin_unlock_irq(&inst->lock);
		ret = evnotify_pool_grow(inst, gfp);
		spin_lock_irq(&inst->lock);
	}
	n = min3(n, inst->limit - inst->used, inst->nr_free);
	for (i = 0; i < n; i++) {
		req = evnotify_pool_take(inst);
		req->user_data = specs[i].user_data;
		req->due = specs[i].due;
		req->period = specs[i].period;
		req->left = specs[i].left;
		req->clock = specs[i].clock;
		req->mode = specs[i].mode;
		if (req->mode == EVNOTIFY_MODE_EVENTFD) {
			req->eventfd = specs[i].eventfd;
			inst->eventfds++;
		} else {
			req->waiter = specs[i].waiter;
		}
		req->event_due = 0;
		req->expired = 0;
		req->completed = 0;
		req->seq = 0;
		req->count = 0;
		req->cancelled = false;
		req->list = EVNOTIFY_RESERVED;
		trace_evnotify_register(inst, req);
		reqs[i] = req;
	}
	evnotify_check(inst);
	spin_unlock_irq(&inst->lock);

	if (n)
		return n;
	return ret ?: -ENOSPC;
}

/**
 * evnotify_unreserve - give records back that were not armed
 * @inst: the instance
 * @reqs: from evnotify_reserve()
 * @n: how many
 *
 * Context: process.
 */
void evnotify_unreserve(struct evnotify_instance *inst,
			struct evnotify_req **reqs, unsigned int n)
{
	unsigned int i;

	spin_lock_irq(&inst->lock);
	for (i = 0; i < n; i++)
		evnotify_free(inst, reqs[i]);
	spin_unlock_irq(&inst->lock);
}

/*
 * What follows when a request was cancelled: it is not pending, and counted.
 * True if a reader has to be woken.
 */
static bool evnotify_cancelled(struct evnotify_instance *inst,
			       struct evnotify_req *req)
{
	inst->cancelled++;
	req->cancelled = true;
	if (!req->count) {
		req->event_due = req->due;
		req->expired = 0;
	}
	trace_evnotify_cancel(inst, req);

	/* On a list, the record is yet to be seen: it tells of this, too. */
	if (req->list != EVNOTIFY_NO_LIST)
		return false;
	if (req->mode == EVNOTIFY_MODE_PENDING)
		return evnotify_complete(inst, req, evnotify_now(req->clock));
	evnotify_free(inst, req);
	return false;
}

/**
 * evnotify_arm - let requests expire
 * @inst: the instance
 * @reqs: from evnotify_reserve(); not to be touched any more
 * @n: how many
 *
 * Context: process.
 */
void evnotify_arm(struct evnotify_instance *inst, struct evnotify_req **reqs,
		  unsigned int n)
{
	bool wake = false;
	unsigned int i;

	spin_lock_irq(&inst->lock);
	for (i = 0; i < n; i++) {
		struct evnotify_req *req = reqs[i];
		struct evnotify_queue *q = &inst->queues[req->clock];

		inst->armed++;
		req->list = EVNOTIFY_NO_LIST;
		trace_evnotify_arm(inst, req);
		if (req->cancelled) {
			/* Another thread had the id already, and cancelled. */
			wake |= evnotify_cancelled(inst, req);
			continue;
		}
		inst->pending++;
		if (evnotify_queue_insert(q, req))
			evnotify_queue_start(q);
	}
	evnotify_check(inst);
	spin_unlock_irq(&inst->lock);
	if (wake)
		evnotify_wake(inst);
}

/* Find a request that can still be cancelled or updated. */
static struct evnotify_req *evnotify_find(struct evnotify_instance *inst,
					  u64 id)
{
	struct evnotify_req *req = evnotify_pool_find(inst, id);

	if (IS_ERR(req) || evnotify_is_pending(req))
		return req;
	if (req->list == EVNOTIFY_RESERVED && !req->cancelled)
		return req;
	return ERR_PTR(-EALREADY);
}

/*
 * Cancel a request that evnotify_find() returned.  True if a reader has to be
 * woken.
 */
static bool evnotify_cancel_req(struct evnotify_instance *inst,
				struct evnotify_req *req)
{
	if (!evnotify_is_pending(req)) {
		/* Reserved: evnotify_arm() will see it. */
		req->cancelled = true;
		return false;
	}
	evnotify_queue_erase(&inst->queues[req->clock], req);
	inst->pending--;
	return evnotify_cancelled(inst, req);
}

/**
 * evnotify_cancel - cancel a request
 * @inst: the instance
 * @id: names the request
 *
 * When it returns 0, an eventfd is not signalled any more.
 *
 * Context: process.
 * Return: 0, -EALREADY if the request has completed or been cancelled, or
 * -ENOENT if there never was one of that id.
 */
int evnotify_cancel(struct evnotify_instance *inst, u64 id)
{
	struct evnotify_req *req;
	bool signalling = false;
	bool wake = false;

	spin_lock_irq(&inst->lock);
	req = evnotify_find(inst, id);
	if (!IS_ERR(req)) {
		signalling = req->list == EVNOTIFY_SIGNALLING;
		wake = evnotify_cancel_req(inst, req);
	}
	evnotify_check(inst);
	spin_unlock_irq(&inst->lock);

	if (wake)
		evnotify_wake(inst);
	if (signalling)
		tasklet_unlock_wait(&inst->dpc);
	return PTR_ERR_OR_ZERO(req);
}

/**
 * evnotify_cancel_all - cancel whatever is armed when the call begins
 * @inst: the instance
 *
 * It goes by records and not by due times: each step is short, and what other
 * threads arm meanwhile neither delays it nor is hit.
 *
 * Context: process.
 * Return: how many requests it cancelled.
 */
u64 evnotify_cancel_all(struct evnotify_instance *inst)
{
	struct evnotify_req *reqs;
	unsigned long chunk;
	u64 cancelled = 0;
	u64 serial;

	spin_lock_irq(&inst->lock);
	serial = inst->serial;
	spin_unlock_irq(&inst->lock);

	xa_for_each(&inst->chunks, chunk, reqs) {
		unsigned int nr = chunk ? EVNOTIFY_CHUNK_REQS :
					  EVNOTIFY_FIRST_REQS;
		bool wake = false;
		unsigned int i;

		spin_lock_irq(&inst->lock);
		for (i = 0; i < nr; i++) {
			if (!evnotify_is_pending(&reqs[i]) ||
			    reqs[i].id >> EVNOTIFY_PLACE_BITS > serial)
				continue;
			wake |= evnotify_cancel_req(inst, &reqs[i]);
			cancelled++;
		}
		evnotify_check(inst);
		spin_unlock_irq(&inst->lock);
		if (wake)
			evnotify_wake(inst);
		cond_resched();
	}
	tasklet_unlock_wait(&inst->dpc);
	return cancelled;
}

/**
 * evnotify_clock_of - the clock of an armed request
 * @inst: the instance
 * @id: names the request
 *
 * Context: process.
 * Return: enum evnotify_clock, or an error as of evnotify_cancel().
 */
int evnotify_clock_of(struct evnotify_instance *inst, u64 id)
{
	struct evnotify_req *req;
	int ret;

	spin_lock_irq(&inst->lock);
	req = evnotify_find(inst, id);
	ret = IS_ERR(req) ? PTR_ERR(req) : req->clock;
	spin_unlock_irq(&inst->lock);
	return ret;
}

/**
 * evnotify_update - give an armed request new times
 * @inst: the instance
 * @id: names the request
 * @due: see struct evnotify_req
 * @period: see struct evnotify_req
 * @left: see struct evnotify_req
 *
 * Context: process.
 * Return: 0, -EINVAL if @period is not 0 for a WAIT, or an error as of
 * evnotify_cancel().
 */
int evnotify_update(struct evnotify_instance *inst, u64 id, ktime_t due,
		    u64 period, u32 left)
{
	struct evnotify_queue *q;
	struct evnotify_req *req;
	int ret = 0;

	spin_lock_irq(&inst->lock);
	req = evnotify_find(inst, id);
	if (IS_ERR(req)) {
		ret = PTR_ERR(req);
		goto unlock;
	}
	if (period && req->mode == EVNOTIFY_MODE_PENDING && req->waiter) {
		ret = -EINVAL;
		goto unlock;
	}
	q = &inst->queues[req->clock];
	if (evnotify_is_pending(req)) {
		evnotify_queue_erase(q, req);
		req->due = due;
		if (evnotify_queue_insert(q, req))
			evnotify_queue_start(q);
	}
	req->due = due;
	req->period = period;
	req->left = left;
	trace_evnotify_update(inst, req);
unlock:
	evnotify_check(inst);
	spin_unlock_irq(&inst->lock);
	return ret;
}

static void evnotify_fill(struct evnotify_event *event,
			  const struct evnotify_req *req, const s64 *offsets)
{
	s64 offset = offsets[req->clock];

	event->user_data = req->user_data;
	event->id = req->id;
	event->due_ns = req->event_due + offset;
	event->expired_ns = req->expired ? req->expired + offset : 0;
	event->completed_ns = req->completed + offset;
	event->seq = req->seq;
	event->count = req->count;
	event->status = req->cancelled ? -ECANCELED : 0;
	event->flags = evnotify_is_pending(req) ? EVNOTIFY_EVENT_MORE : 0;
}

/**
 * evnotify_wait - block until a request completes
 * @inst: the instance
 * @req: an armed request with a waiter
 * @event: set to its completion
 * @offsets: see evnotify_peek()
 *
 * A signal cancels the request, unless its completion has won: then that is
 * what the caller learns.
 *
 * Context: process.
 * Return: 0: evnotify_wait_end() has to follow; or -EINTR: @req is gone.
 */
int evnotify_wait(struct evnotify_instance *inst, struct evnotify_req *req,
		  struct evnotify_event *event, const s64 *offsets)
{
	struct completion *done = req->waiter;

	/* Freezable: suspend is no reason to cancel. */
	if (wait_for_completion_state(done, TASK_INTERRUPTIBLE |
					    TASK_FREEZABLE)) {
		spin_lock_irq(&inst->lock);
		if (evnotify_is_pending(req)) {
			evnotify_queue_erase(&inst->queues[req->clock], req);
			inst->pending--;
			inst->cancelled++;
			req->cancelled = true;
			trace_evnotify_cancel(inst, req);
			evnotify_free(inst, req);
			evnotify_check(inst);
			spin_unlock_irq(&inst->lock);
			return -EINTR;
		}
		spin_unlock_irq(&inst->lock);
		/* The tasklet has it in hand: this does not take long. */
		wait_for_completion(done);
	}

	/* complete() was called under the lock: wait for it to be released. */
	spin_lock_irq(&inst->lock);
	evnotify_fill(event, req, offsets);
	spin_unlock_irq(&inst->lock);
	return 0;
}

/**
 * evnotify_wait_end - finish a WAIT
 * @inst: the instance
 * @req: what evnotify_wait() waited for
 * @told: the process has the event; if not, read() gives it
 *
 * Context: process.
 */
void evnotify_wait_end(struct evnotify_instance *inst,
		       struct evnotify_req *req, bool told)
{
	spin_lock_irq(&inst->lock);
	if (told) {
		trace_evnotify_read(inst, req);
		evnotify_free(inst, req);
	} else {
		req->waiter = NULL;
		req->list = EVNOTIFY_READY;
		evnotify_fifo_push(&inst->ready, req);
		inst->unread++;
	}
	evnotify_check(inst);
	spin_unlock_irq(&inst->lock);
	if (!told)
		evnotify_wake(inst);
}

/**
 * evnotify_peek - look at the event records that read() takes next
 * @inst: the instance
 * @events: set to them
 * @n: how many at most
 * @offsets: to add to the times of each clock: the reader's time namespace
 *
 * Context: process, inst->readers held.
 * Return: how many there are.
 */
unsigned int evnotify_peek(struct evnotify_instance *inst,
			   struct evnotify_event *events, unsigned int n,
			   const s64 *offsets)
{
	struct evnotify_req *req;
	unsigned int i = 0;

	lockdep_assert_held(&inst->readers);
	spin_lock_irq(&inst->lock);
	for (req = inst->ready.head; req && i < n; req = req->next)
		evnotify_fill(&events[i++], req, offsets);
	spin_unlock_irq(&inst->lock);
	return i;
}

/**
 * evnotify_consume - take event records that the process has been given
 * @inst: the instance
 * @events: the records, from evnotify_peek()
 * @n: how many of them
 *
 * Context: process, inst->readers held since evnotify_peek().
 */
void evnotify_consume(struct evnotify_instance *inst,
		      const struct evnotify_event *events, unsigned int n)
{
	struct evnotify_req *req;
	bool wake = false;
	unsigned int i;

	lockdep_assert_held(&inst->readers);
	spin_lock_irq(&inst->lock);
	for (i = 0; i < n; i++) {
		req = evnotify_fifo_pop(&inst->ready);
		inst->unread--;
		trace_evnotify_read(inst, req);
		req->count -= events[i].count;
		if (!evnotify_is_pending(req) &&
		    !(events[i].flags & EVNOTIFY_EVENT_MORE)) {
			evnotify_free(inst, req);
		} else if (req->count || !evnotify_is_pending(req)) {
			/* It expired or ended since: that is a new record. */
			evnotify_make_ready(inst, req);
			wake = true;
		}
	}
	evnotify_check(inst);
	spin_unlock_irq(&inst->lock);
	if (wake)
		evnotify_wake(inst);
}

/**
 * evnotify_instance_init - set up the engine of a new instance
 * @inst: zeroed memory
 *
 * Context: process.
 * Return: 0 or -ENOMEM.
 */
int evnotify_instance_init(struct evnotify_instance *inst)
{
	unsigned int clock;

	spin_lock_init(&inst->lock);
	tasklet_setup(&inst->dpc, evnotify_dpc);
	mutex_init(&inst->readers);
	init_waitqueue_head(&inst->wait);
	for (clock = 0; clock < EVNOTIFY_NR_CLOCKS; clock++) {
		inst->queues[clock].inst = inst;
		hrtimer_setup(&inst->queues[clock].timer, evnotify_interrupt,
			      evnotify_clockids[clock], HRTIMER_MODE_ABS);
	}
	return evnotify_pool_init(inst);
}

/**
 * evnotify_instance_destroy - stop the engine and drop what is left
 * @inst: the instance; no file refers to it any more
 *
 * Context: process.  When it returns, no callback runs, nor ever will.
 */
void evnotify_instance_destroy(struct evnotify_instance *inst)
{
	unsigned int clock;

	/* Nothing to expire: the interrupt does not start the timer again. */
	spin_lock_irq(&inst->lock);
	inst->closing = true;
	inst->cancelled += inst->pending;
	inst->pending = 0;
	for (clock = 0; clock < EVNOTIFY_NR_CLOCKS; clock++) {
		inst->queues[clock].pending = RB_ROOT_CACHED;
		inst->queues[clock].last = NULL;
		inst->queues[clock].backlog = false;
	}
	spin_unlock_irq(&inst->lock);

	/* First what schedules the tasklet, then the tasklet. */
	for (clock = 0; clock < EVNOTIFY_NR_CLOCKS; clock++)
		hrtimer_cancel(&inst->queues[clock].timer);
	tasklet_kill(&inst->dpc);

	evnotify_pool_destroy(inst);
}
