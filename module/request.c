// SPDX-License-Identifier: GPL-2.0-only
/*
 * evnotify - arm, cancel and update requests; set up and stop an instance
 */
#include <linux/bug.h>
#include <linux/err.h>
#include <linux/lockdep.h>
#include <linux/minmax.h>
#include <linux/sched.h>

#include "evnotify.h"
#include "trace.h"

#ifdef CONFIG_EVNOTIFY_DEBUG
static void evnotify_check_fifo(const struct evnotify_fifo *fifo)
{
	WARN_ON_ONCE(fifo->head && fifo->tail->next);
}

/**
 * evnotify_check - assert what must hold after each step: the checked build
 * @inst: the instance
 *
 * Context: inst->lock held.
 */
void evnotify_check(struct evnotify_instance *inst)
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
#endif

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

		inst->armed++;
		req->list = EVNOTIFY_NO_LIST;
		trace_evnotify_arm(inst, req);
		if (req->cancelled) {
			/* Another thread had the id already, and cancelled. */
			wake |= evnotify_cancelled(inst, req);
			continue;
		}
		inst->pending++;
		evnotify_queue_add(&inst->queues[req->clock], req);
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
	evnotify_queue_remove(&inst->queues[req->clock], req);
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
			u64 id = reqs[i].id & ~EVNOTIFY_PLACE_MASK;

			if (!evnotify_is_pending(&reqs[i]) ||
			    (s64)(serial - id) < 0)
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
		evnotify_queue_remove(q, req);
		req->due = due;
		evnotify_queue_add(q, req);
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
	for (clock = 0; clock < EVNOTIFY_NR_CLOCKS; clock++)
		evnotify_queue_init(&inst->queues[clock], inst, clock);
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
