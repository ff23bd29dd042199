// SPDX-License-Identifier: GPL-2.0-only
/*
 * evnotify - from expired or cancelled to told: the tasklet, cancellation, and
 * how the process hears of it
 */
#include <linux/completion.h>
#include <linux/err.h>
#include <linux/eventfd.h>
#include <linux/fs.h>
#include <linux/lockdep.h>
#include <linux/minmax.h>
#include <linux/poll.h>
#include <linux/sched.h>

#include "evnotify.h"
#include "trace.h"

/* Give up a record that is not pending and on no list, and what it holds. */
static void evnotify_free(struct evnotify_instance *inst,
			  struct evnotify_req *req)
{
	if (req->mode == EVNOTIFY_MODE_EVENTFD)
		eventfd_ctx_put(req->eventfd);
	evnotify_pool_give(inst, req);
}

/* Tell those who read or poll that a record is ready; without inst->lock. */
static __always_inline void evnotify_wake(struct evnotify_instance *inst)
{
	/* Pairs with the barrier in evnotify_poll(), and in prepare_to_wait. */
	if (wq_has_sleeper(&inst->wait)) {
		/* wake_up_poll() would save the state of interrupts, too. */
		spin_lock_irq(&inst->wait.lock);
		wake_up_locked_poll(&inst->wait, EPOLLIN | EPOLLRDNORM);
		spin_unlock_irq(&inst->wait.lock);
	}
	if (READ_ONCE(inst->fasync))
		kill_fasync(&inst->fasync, SIGIO, POLL_IN);
}

static void evnotify_make_ready(struct evnotify_instance *inst,
				struct evnotify_req *req)
{
	req->list = EVNOTIFY_READY;
	evnotify_fifo_push(&inst->ready, req);
	inst->unread++;
}

/* Complete a PENDING request.  True if evnotify_wake() has to follow. */
static __always_inline bool
evnotify_complete(struct evnotify_instance *inst, struct evnotify_req *req,
		  ktime_t now)
{
	req->completed = now;
	req->seq = ++inst->seq;
	trace_evnotify_complete(inst, req);
	if (req->waiter) {
		/* From here on the record belongs to evnotify_wait(). */
		complete(req->waiter);
		return false;
	}
	evnotify_make_ready(inst, req);
	return true;
}

/*
 * Signal the eventfds of @signalled, once each.  A record comes back for each
 * further expiration that it counts, so that an eventfd counts them all and
 * yet no step is longer than another.
 */
static void evnotify_signal(struct evnotify_instance *inst,
			    struct evnotify_fifo *signalled)
{
	struct evnotify_req *req, *next;

	for (req = signalled->head; req; req = req->next)
		eventfd_signal(req->eventfd);

	spin_lock_irq(&inst->lock);
	for (req = signalled->head; req; req = next) {
		next = req->next;
		if (--req->count && req->state != EVNOTIFY_CANCELLED &&
		    !inst->closing) {
			req->list = EVNOTIFY_EXPIRED;
			evnotify_fifo_push(&inst->expired, req);
			tasklet_schedule(&inst->dpc);
		} else if (evnotify_is_pending(req)) {
			req->list = EVNOTIFY_NO_LIST;
		} else {
			eventfd_ctx_put(req->eventfd);
			evnotify_pool_give(inst, req);
		}
	}
	evnotify_check(inst);
	spin_unlock_irq(&inst->lock);
}

/**
 * evnotify_dpc - complete what has expired, one batch at a time
 * @dpc: inst->dpc
 *
 * A tasklet is what the DPC of the WDK sample is.  New code would take a work
 * item on a BH workqueue (Linux 6.9): tasklet_schedule(), tasklet_kill() and
 * tasklet_unlock_wait() are all that would change.
 *
 * Context: softirq.
 */
void evnotify_dpc(struct tasklet_struct *dpc)
{
	struct evnotify_instance *inst = from_tasklet(inst, dpc, dpc);
	unsigned int clock = EVNOTIFY_NR_CLOCKS;
	struct evnotify_fifo signalled = {};
	struct evnotify_req *req;
	bool wake = false;
	ktime_t now = 0;
	unsigned int n;

	spin_lock_irq(&inst->lock);
	if (inst->backlog)
		evnotify_expire_backlog(inst);

	for (n = 0; n < EVNOTIFY_BATCH; n++) {
		req = inst->expired.head;
		if (!req)
			break;
		inst->expired.head = req->next;
		if (req->mode == EVNOTIFY_MODE_PENDING) {
			if (req->clock != clock) {
				clock = req->clock;
				now = evnotify_now(clock);
			}
			req->list = EVNOTIFY_NO_LIST;
			wake |= evnotify_complete(inst, req, now);
		} else if (req->state == EVNOTIFY_CANCELLED) {
			evnotify_free(inst, req);
		} else {
			req->list = EVNOTIFY_SIGNALLING;
			evnotify_fifo_push(&signalled, req);
			/* Nobody else would see the time. */
			if (trace_evnotify_complete_enabled()) {
				req->completed = evnotify_now(req->clock);
				trace_evnotify_complete(inst, req);
			}
		}
	}
	if (inst->expired.head || inst->backlog)
		tasklet_schedule(dpc);
	evnotify_check(inst);
	spin_unlock_irq(&inst->lock);

	if (wake)
		evnotify_wake(inst);
	if (signalled.head)
		evnotify_signal(inst, &signalled);
}

/* A cancellation takes a pending request out of its queue: it has won. */
static __always_inline void
evnotify_cancel_pending(struct evnotify_instance *inst, struct evnotify_req *req)
{
	evnotify_queue_remove(&inst->queues[req->clock], req);
	inst->pending--;
	inst->cancelled++;
	req->state = EVNOTIFY_CANCELLED;
	if (!req->count) {
		req->event_due = req->due;
		req->expired = 0;
	}
	trace_evnotify_cancel(inst, req);
}

/* Cancel a pending request.  True if a reader has to be woken. */
static __always_inline bool
evnotify_cancel_req(struct evnotify_instance *inst, struct evnotify_req *req)
{
	evnotify_cancel_pending(inst, req);
	/* On a list, the record is yet to be seen: it tells of this, too. */
	if (req->list != EVNOTIFY_NO_LIST)
		return false;
	if (req->mode == EVNOTIFY_MODE_PENDING)
		return evnotify_complete(inst, req, evnotify_now(req->clock));
	evnotify_free(inst, req);
	return false;
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
 * It goes by records and not by due times: each step is a batch, and what other
 * threads arm meanwhile neither delays it nor is hit.
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
		struct evnotify_req *reqs;
		bool wake = false;

		spin_lock_irq(&inst->lock);
		reqs = inst->chunks[chunk];
		end = min(i + EVNOTIFY_BATCH, evnotify_chunk_reqs(chunk));
		for (; i < end; i++) {
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
		if (end == evnotify_chunk_reqs(chunk)) {
			chunk++;
			i = 0;
		}
		cond_resched();
	}
	tasklet_unlock_wait(&inst->dpc);
	return cancelled;
}

/**
 * evnotify_fill - make the event record of a request
 * @event: where to
 * @req: the request
 * @offset: how far the clock of the process is ahead of the host's
 *
 * Context: inst->lock held.
 */
void evnotify_fill(struct evnotify_event *event, const struct evnotify_req *req,
		   s64 offset)
{
	event->user_data = req->user_data;
	event->id = req->id;
	event->due_ns = req->event_due + offset;
	event->expired_ns = req->expired ? req->expired + offset : 0;
	event->completed_ns = req->completed + offset;
	event->seq = req->seq;
	event->count = req->count;
	event->status = evnotify_status(req);
	event->flags = evnotify_is_pending(req) ? EVNOTIFY_EVENT_MORE : 0;
}

/**
 * evnotify_wait - block until a request completes
 * @inst: the instance
 * @req: an armed request with a waiter
 * @event: set to its completion
 *
 * A signal cancels the request, unless its completion has won: then that is
 * what the caller learns.  So does all else that the kernel interrupts a sleep
 * for, such as a tracer, or work of io_uring for this thread.
 *
 * Context: process.
 * Return: 0: evnotify_wait_end() has to follow; or -EINTR: @req is gone.
 */
int evnotify_wait(struct evnotify_instance *inst, struct evnotify_req *req,
		  struct evnotify_event *event)
{
	struct completion *done = req->waiter;
	s64 offsets[EVNOTIFY_NR_CLOCKS];

	/* Freezable: suspend is no reason to cancel. */
	if (wait_for_completion_state(done, TASK_INTERRUPTIBLE |
					    TASK_FREEZABLE)) {
		spin_lock_irq(&inst->lock);
		if (evnotify_is_pending(req)) {
			evnotify_cancel_pending(inst, req);
			evnotify_free(inst, req);
			evnotify_check(inst);
			spin_unlock_irq(&inst->lock);
			return -EINTR;
		}
		spin_unlock_irq(&inst->lock);
		/* The tasklet has it in hand: this does not take long. */
		wait_for_completion(done);
	}

	evnotify_offsets(offsets);
	/* complete() was called under the lock: wait for it to be released. */
	spin_lock_irq(&inst->lock);
	evnotify_fill(event, req, offsets[req->clock]);
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
		evnotify_make_ready(inst, req);
	}
	evnotify_check(inst);
	spin_unlock_irq(&inst->lock);
	if (!told)
		evnotify_wake(inst);
}
