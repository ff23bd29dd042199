// SPDX-License-Identifier: GPL-2.0-only
/*
 * evnotify - complete requests: the tasklet, or a cancellation
 */
#include <linux/completion.h>
#include <linux/err.h>
#include <linux/eventfd.h>
#include <linux/jiffies.h>
#include <linux/lockdep.h>
#include <linux/minmax.h>
#include <linux/sched.h>

#include "evnotify.h"
#include "queue.h"
#include "source.h"
#include "trace.h"

/**
 * evnotify_free - give up a record, and what it holds
 * @inst: the instance
 * @req: a record that is not pending and on no list
 *
 * Context: inst->lock held.
 */
void evnotify_free(struct evnotify_instance *inst, struct evnotify_record *req)
{
	if (req->mode == EVNOTIFY_MODE_EVENTFD)
		eventfd_ctx_put(req->eventfd);
	evnotify_pool_give(inst, req);
}

/**
 * evnotify_make_ready - let read() give the event record of a request
 * @inst: the instance
 * @req: a record that is complete and on no list
 *
 * Context: inst->lock held; evnotify_wake() has to follow.
 */
void evnotify_make_ready(struct evnotify_instance *inst,
			 struct evnotify_record *req)
{
	req->list = EVNOTIFY_READY;
	evnotify_fifo_push(&inst->ready, req);
	inst->unread++;
}

/*
 * Let the record of a request be used again that an interrupted WAIT has left
 * behind.  A CANCEL calls this, whether it was the one that ended the request
 * or not: a process that cancels wants the place under its limit back.  But the
 * WAIT may be about to come again, after a stop, and then has to learn how its
 * request ended.  So the record goes to inst->let_go, from where it is taken
 * when no other is free.
 *
 * A request that has expired and that the tasklet has not completed yet is
 * marked for that: evnotify_complete() calls this again.
 */
static void evnotify_let_go(struct evnotify_instance *inst,
			    struct evnotify_record *req)
{
	if (req->list == EVNOTIFY_EXPIRED && req->wait && !req->waiter)
		req->wait = EVNOTIFY_FOR_NOBODY;
	if (req->list != EVNOTIFY_HELD || req->waiter)
		return;
	req->list = EVNOTIFY_LET_GO;
	evnotify_fifo_push(&inst->let_go, req);
}

/* Complete a PENDING request.  Returns how many event records became ready. */
static __always_inline unsigned int
evnotify_complete(struct evnotify_instance *inst, struct evnotify_record *req,
		  ktime_t now)
{
	req->completed = now;
	req->seq = ++inst->seq;
	trace_evnotify_complete(inst, req);
	if (req->wait) {
		req->list = EVNOTIFY_HELD;
		if (req->waiter)
			complete(req->waiter);
		else if (req->wait == EVNOTIFY_FOR_NOBODY)
			evnotify_let_go(inst, req);
		return 0;
	}
	evnotify_make_ready(inst, req);
	return 1;
}

/*
 * Complete what has expired, one batch of it.  Requests of mode EVENTFD go to
 * inst->batch, and the caller is the signaller; or they are deferred, if @defer
 * is true, or others are signalled in process context.  Returns how many event
 * records became ready.
 */
static __always_inline unsigned int
evnotify_complete_batch(struct evnotify_instance *inst, bool defer)
{
	unsigned int clock = EVNOTIFY_NR_CLOCKS;
	unsigned int n, records = 0;
	struct evnotify_record *req;
	ktime_t now = 0;

	lockdep_assert_held(&inst->lock);
	for (n = 0; n < EVNOTIFY_BATCH; n++) {
		req = evnotify_fifo_pop(&inst->expired);
		if (!req)
			break;
		if (req->mode == EVNOTIFY_MODE_PENDING) {
			if (req->clock != clock) {
				clock = req->clock;
				now = evnotify_now(clock);
			}
			inst->completing--;
			records += evnotify_complete(inst, req, now);
		} else if (req->state == EVNOTIFY_CANCELLED || !req->count) {
			inst->completing--;
			evnotify_free(inst, req);
		} else if (defer || inst->flushing ||
			   evnotify_signals_in_process(inst)) {
			evnotify_defer(inst, req);
		} else {
			inst->signaller = EVNOTIFY_TASKLET;
			evnotify_signal_add(inst, req);
		}
	}
	return records;
}

/**
 * evnotify_complete_expired - complete what has expired, one batch of it
 * @inst: the instance
 *
 * Eventfds will be signalled in process context.
 *
 * Context: inst->lock held.
 * Return: how many event records became ready.
 */
unsigned int evnotify_complete_expired(struct evnotify_instance *inst)
{
	return evnotify_complete_batch(inst, true);
}

/**
 * evnotify_dpc - complete what has expired, one batch at a time
 * @dpc: inst->dpc
 *
 * The tasklet, which corresponds to the DPC of the WDK sample.  New code would
 * use a work item on a BH workqueue (Linux 6.9): tasklet_setup(),
 * tasklet_schedule() and tasklet_kill() are all that would change.
 *
 * Context: softirq.
 */
void evnotify_dpc(struct tasklet_struct *dpc)
{
	struct evnotify_instance *inst = from_tasklet(inst, dpc, dpc);
	unsigned long tick = jiffies;
	unsigned int records;
	bool over, signals;
	u64 began;

	began = evnotify_budget_begin();
	over = began && evnotify_budget_is_over();
	spin_lock_irq(&inst->lock);
	/* First, so that evnotify_expire() finds no timeout that has to wait. */
	if (unlikely(inst->source))
		evnotify_source_take(inst);
	if (inst->backlog)
		evnotify_expire_backlog(inst);
	records = evnotify_complete_batch(inst, over);
	signals = inst->signaller == EVNOTIFY_TASKLET;
	if (inst->expired.head || inst->backlog)
		tasklet_schedule(dpc);
	if (unlikely(inst->source) && READ_ONCE(inst->source->gone))
		records += evnotify_source_told(inst);
	evnotify_check(inst);
	spin_unlock_irq(&inst->lock);

	if (records && unlikely(over) && evnotify_has_waiters(inst))
		evnotify_defer_wake(inst, records);
	else if (records)
		evnotify_wake(inst, records);
	if (signals)
		evnotify_signal(inst);
	evnotify_budget_end(began, tick);
}

/* Take a pending request out of its queue, to cancel it. */
static __always_inline void
evnotify_cancel_pending(struct evnotify_instance *inst,
			struct evnotify_record *req)
{
	evnotify_queue_remove(&inst->queues[req->queue], req);
	inst->pending--;
	inst->cancelled++;
	WRITE_ONCE(req->state, EVNOTIFY_CANCELLED);
	if (!req->count) {
		req->event_due = evnotify_on_clock(req, req->due);
		req->expired = 0;
	}
	trace_evnotify_cancel(inst, req);
}

/* Cancel a pending request.  Returns how many event records became ready. */
static __always_inline unsigned int
evnotify_cancel_req(struct evnotify_instance *inst, struct evnotify_record *req)
{
	unsigned int records;

	evnotify_cancel_pending(inst, req);
	/*
	 * The record is on its way to the process, since the request expired
	 * before: whoever passes it on sees that it is cancelled.
	 */
	if (req->list != EVNOTIFY_NO_LIST)
		return 0;
	if (req->mode == EVNOTIFY_MODE_PENDING) {
		records = evnotify_complete(inst, req, evnotify_now(req->clock));
		evnotify_let_go(inst, req);
		return records;
	}
	evnotify_free(inst, req);
	return 0;
}

/**
 * evnotify_drop - end a pending request, and tell nobody
 * @inst: the instance
 * @req: a request of a WAIT, on no list
 *
 * Context: inst->lock held.
 */
void evnotify_drop(struct evnotify_instance *inst, struct evnotify_record *req)
{
	evnotify_cancel_pending(inst, req);
	evnotify_free(inst, req);
}

/**
 * evnotify_cancel_one - cancel a request
 * @inst: the instance
 * @id: names the request
 *
 * If eventfd_signal() is being called for this request, wait until it is not:
 * after this function has returned 0, the eventfd is not signalled for it.
 *
 * Context: process.
 * Return: 0; -EALREADY if the request has been cancelled, or has expired for
 * the last time and its record or signal has come or will come; or -ENOENT if
 * there never was a request of that id.
 */
int evnotify_cancel_one(struct evnotify_instance *inst, u64 id)
{
	struct evnotify_record *req;
	unsigned int records = 0;
	bool signalling = false;
	int ret = 0;

	spin_lock_irq(&inst->lock);
	req = evnotify_lookup(inst, id);
	if (IS_ERR(req)) {
		ret = PTR_ERR(req);
	} else if (evnotify_is_pending(req)) {
		signalling = req->list == EVNOTIFY_SIGNALLING;
		records = evnotify_cancel_req(inst, req);
	} else {
		evnotify_let_go(inst, req);
		ret = -EALREADY;
	}
	evnotify_check(inst);
	spin_unlock_irq(&inst->lock);

	if (records)
		evnotify_wake(inst, records);
	if (unlikely(inst->source))
		evnotify_source_ended(inst);
	if (signalling)
		evnotify_signal_wait(inst, req);
	return ret;
}

/**
 * evnotify_cancel_all - cancel whatever is armed when the call begins
 * @inst: the instance
 *
 * It goes through the records, not through the queues.  So it can let go of the
 * lock after each EVNOTIFY_STEP of them, and knows by its id each request that
 * another thread has armed since: those are not cancelled.  When it returns,
 * requests that had expired before are readable, or signalled.
 *
 * Context: process.
 * Return: how many requests it cancelled.
 */
u64 evnotify_cancel_all(struct evnotify_instance *inst)
{
	unsigned int chunk = 0, i = 0, chunks, end;
	u64 cancelled = 0;
	u64 serial;

	spin_lock_irq(&inst->lock);
	serial = inst->serial;
	chunks = inst->nr_chunks;
	spin_unlock_irq(&inst->lock);

	while (chunk < chunks) {
		struct evnotify_record *reqs;
		unsigned int records = 0;

		spin_lock_irq(&inst->lock);
		reqs = inst->chunks[chunk];
		end = min(i + EVNOTIFY_STEP, evnotify_chunk_reqs(chunk));
		for (; i < end; i++) {
			u64 id = reqs[i].id & ~EVNOTIFY_PLACE_MASK;

			if ((s64)(serial - id) < 0)
				continue;
			if (evnotify_is_pending(&reqs[i])) {
				records += evnotify_cancel_req(inst, &reqs[i]);
				cancelled++;
			} else {
				evnotify_let_go(inst, &reqs[i]);
			}
		}
		evnotify_check(inst);
		spin_unlock_irq(&inst->lock);
		if (records)
			evnotify_wake(inst, records);
		if (end == evnotify_chunk_reqs(chunk)) {
			chunk++;
			i = 0;
		}
		cond_resched();
	}
	evnotify_flush(inst);
	if (unlikely(inst->source))
		evnotify_source_ended(inst);
	return cancelled;
}
