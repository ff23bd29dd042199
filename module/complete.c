// SPDX-License-Identifier: GPL-2.0-only
/*
 * evnotify - from expired to told: the tasklet, and how the process hears of it
 */
#include <linux/bits.h>
#include <linux/completion.h>
#include <linux/eventfd.h>
#include <linux/fs.h>
#include <linux/lockdep.h>
#include <linux/minmax.h>
#include <linux/poll.h>
#include <linux/sched.h>
#include <linux/uaccess.h>
#include <linux/uio.h>

#include "evnotify.h"
#include "trace.h"

/**
 * evnotify_free - give up a record and what it holds
 * @inst: the instance
 * @req: a record that is not pending and on no list
 *
 * Context: inst->lock held.
 */
void evnotify_free(struct evnotify_instance *inst, struct evnotify_req *req)
{
	if (req->mode == EVNOTIFY_MODE_EVENTFD)
		eventfd_ctx_put(req->eventfd);
	evnotify_pool_give(inst, req);
}

/**
 * evnotify_wake - tell those who read or poll that a record is ready
 * @inst: the instance
 *
 * Context: any but hard interrupt, inst->lock not held.
 */
void evnotify_wake(struct evnotify_instance *inst)
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

/**
 * evnotify_complete - complete a PENDING request
 * @inst: the instance
 * @req: a record on no list
 * @now: the time on the request's clock
 *
 * Context: inst->lock held.
 * Return: true if evnotify_wake() has to follow.
 */
bool evnotify_complete(struct evnotify_instance *inst,
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
		if (--req->count && req->state != EVNOTIFY_CANCELLED) {
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

/* Go on where an interrupt left off. */
static void evnotify_expire_backlog(struct evnotify_instance *inst)
{
	struct evnotify_queue *q;

	for (q = inst->queues; q < inst->queues + EVNOTIFY_NR_CLOCKS; q++) {
		if (!(inst->backlog & BIT(q->clock)) ||
		    evnotify_expire(q, EVNOTIFY_BATCH))
			continue;
		inst->backlog &= ~BIT(q->clock);
		evnotify_queue_start(q);
	}
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
	if (inst->closing)
		goto unlock;
	if (inst->backlog)
		evnotify_expire_backlog(inst);

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
		} else if (req->state == EVNOTIFY_CANCELLED) {
			evnotify_free(inst, req);
		} else {
			req->completed = now;
			req->list = EVNOTIFY_SIGNALLING;
			evnotify_fifo_push(&signalled, req);
			trace_evnotify_complete(inst, req);
		}
	}
	if (inst->expired.head || inst->backlog)
		tasklet_schedule(dpc);
unlock:
	evnotify_check(inst);
	spin_unlock_irq(&inst->lock);

	if (wake)
		evnotify_wake(inst);
	if (signalled.head)
		evnotify_signal(inst, &signalled);
}

static s32 evnotify_status(const struct evnotify_req *req)
{
	return req->state == EVNOTIFY_CANCELLED ? -ECANCELED : 0;
}

/* The event record of @req, for a process whose clock is @offset ahead. */
static void evnotify_fill(struct evnotify_event *event,
			  const struct evnotify_req *req, s64 offset)
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
 * what the caller learns.
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
			evnotify_queue_remove(&inst->queues[req->clock], req);
			inst->pending--;
			inst->cancelled++;
			req->state = EVNOTIFY_CANCELLED;
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
		req->list = EVNOTIFY_READY;
		evnotify_fifo_push(&inst->ready, req);
		inst->unread++;
	}
	evnotify_check(inst);
	spin_unlock_irq(&inst->lock);
	if (!told)
		evnotify_wake(inst);
}

/* evnotify_fill() straight into the memory of the process; no page faults. */
static bool evnotify_fill_user(struct evnotify_event __user *event,
			       const struct evnotify_req *req, s64 offset)
{
	if (!user_write_access_begin(event, sizeof(*event)))
		return false;
	unsafe_put_user(req->user_data, &event->user_data, fault);
	unsafe_put_user(req->id, &event->id, fault);
	unsafe_put_user(req->event_due + offset, &event->due_ns, fault);
	unsafe_put_user(req->expired ? req->expired + offset : 0,
			&event->expired_ns, fault);
	unsafe_put_user(req->completed + offset, &event->completed_ns, fault);
	unsafe_put_user(req->seq, &event->seq, fault);
	unsafe_put_user(req->count, &event->count, fault);
	unsafe_put_user(evnotify_status(req), &event->status, fault);
	unsafe_put_user(evnotify_is_pending(req) ? EVNOTIFY_EVENT_MORE : 0,
			&event->flags, fault);
	user_write_access_end();
	return true;
fault:
	user_write_access_end();
	return false;
}

/* The same for memory of any other kind. */
static bool evnotify_fill_iter(struct iov_iter *to,
			       const struct evnotify_req *req, s64 offset)
{
	struct evnotify_event event;
	size_t copied;

	evnotify_fill(&event, req, offset);
	copied = copy_to_iter(&event, sizeof(event), to);
	if (copied < sizeof(event))
		iov_iter_revert(to, copied);
	return copied == sizeof(event);
}

/**
 * evnotify_read - give ready event records to the process
 * @inst: the instance
 * @uptr: memory of the process
 * @to: memory of any other kind, in place of @uptr; or NULL
 * @room: how many records there is room for
 * @offsets: to add to the times of each clock: the reader's time namespace
 *
 * Up to EVNOTIFY_BATCH records.  Each leaves the ready list once it is copied.
 * Page faults are disabled meanwhile: if the memory is away, fewer are copied,
 * and the caller has to bring it in and come again.
 *
 * Context: process.
 * Return: how many records were copied.
 */
size_t evnotify_read(struct evnotify_instance *inst,
		     struct evnotify_event __user *uptr, struct iov_iter *to,
		     size_t room, const s64 *offsets)
{
	struct evnotify_req *req;
	size_t told = 0;

	room = min_t(size_t, room, EVNOTIFY_BATCH);
	spin_lock_irq(&inst->lock);
	pagefault_disable();
	while (told < room && (req = inst->ready.head)) {
		s64 offset = offsets[req->clock];

		if (to ? !evnotify_fill_iter(to, req, offset) :
			 !evnotify_fill_user(uptr + told, req, offset))
			break;
		trace_evnotify_read(inst, req);
		evnotify_fifo_pop(&inst->ready);
		if (evnotify_is_pending(req))
			req->count = 0;
		else
			evnotify_pool_give(inst, req);
		told++;
	}
	pagefault_enable();
	inst->unread -= told;
	evnotify_check(inst);
	spin_unlock_irq(&inst->lock);
	return told;
}
