// SPDX-License-Identifier: GPL-2.0-only
/*
 * evnotify - WAIT: block until a request completes, and what interrupts that
 */
#include <linux/completion.h>
#include <linux/err.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>

#include "evnotify.h"
#include "trace.h"

/**
 * evnotify_wait_block - block until a request completes
 * @inst: the instance
 * @req: an armed request, whose @waiter is @done
 * @done: completed when @req is
 *
 * If something interrupts the sleep, the request goes on as it is, and a WAIT
 * with its id can take it up again.  Who makes that call depends on what it
 * was.  After a signal without handler (a stop, a tracer), the freezer, or work
 * of io_uring for this thread, the kernel does; after a handler, the process
 * may.  Only a signal that kills the thread ends the request.  All of that
 * holds as long as the request is pending: if it has expired, or been
 * cancelled, the call waits until it has completed, whatever signal there is.
 *
 * Context: process.
 * Return: 0: evnotify_wait_end() has to follow; or -ERESTARTNOHAND.
 */
int evnotify_wait_block(struct evnotify_instance *inst,
			struct evnotify_record *req, struct completion *done)
{
	/* Freezable: suspend is no reason to interrupt. */
	if (wait_for_completion_state(done, TASK_INTERRUPTIBLE |
					    TASK_FREEZABLE)) {
		spin_lock_irq(&inst->lock);
		if (evnotify_is_pending(req)) {
			req->waiter = NULL;
			if (fatal_signal_pending(current)) {
				req->wait = EVNOTIFY_FOR_READ;
				evnotify_drop(inst, req);
			}
			evnotify_check(inst);
			spin_unlock_irq(&inst->lock);
			if (unlikely(inst->source))
				evnotify_source_ended(inst);
			return -ERESTARTNOHAND;
		}
		spin_unlock_irq(&inst->lock);
		/* It has expired, and the tasklet is about to complete it. */
		wait_for_completion(done);
	}
	return 0;
}

/**
 * evnotify_wait_resume - take up a request that an interrupted WAIT has left
 * @inst: the instance
 * @id: what the process passed in
 * @done: completed when the request is
 * @event: set if the request was cancelled meanwhile
 *
 * Context: process.
 * Return: the request, for evnotify_wait_block(); NULL if @event is set, and
 * the WAIT ends with that; or ERR_PTR(-ENOENT) if no WAIT has left such a
 * request.
 */
struct evnotify_record *evnotify_wait_resume(struct evnotify_instance *inst,
					     u64 id, struct completion *done,
					     struct evnotify_event *event)
{
	struct evnotify_record *req;

	spin_lock_irq(&inst->lock);
	req = evnotify_lookup(inst, id);
	if (IS_ERR(req) || !req->wait || req->waiter) {
		req = ERR_PTR(-ENOENT);
	} else if (req->list == EVNOTIFY_LET_GO) {
		evnotify_fill(event, req);
		trace_evnotify_read(inst, req);
		req->list = EVNOTIFY_FREE;
		req->wait = EVNOTIFY_FOR_READ;
		req = NULL;
	} else {
		req->waiter = done;
		req->wait = EVNOTIFY_FOR_WAIT;
		/* It has completed while no thread blocked on it. */
		if (req->list == EVNOTIFY_HELD)
			complete(done);
	}
	spin_unlock_irq(&inst->lock);
	return req;
}

/**
 * evnotify_wait_end - finish a WAIT
 * @inst: the instance
 * @req: what evnotify_wait_block() waited for
 * @to: where its event record goes
 *
 * Context: process.
 * Return: 0; or -EFAULT if the record could not be written: then read() gives it.
 */
int evnotify_wait_end(struct evnotify_instance *inst,
		      struct evnotify_record *req,
		      struct evnotify_event __user *to)
{
	unsigned int faults = 0;
	bool memory = true;
	bool written;

	/*
	 * complete() is called with the lock held: whoever did that may still
	 * be at work on the record.
	 */
	spin_lock_irq(&inst->lock);
	while (!(written = evnotify_fill_nofault(to, req)) && memory) {
		spin_unlock_irq(&inst->lock);
		memory = faults++ < EVNOTIFY_MAX_FAULTS &&
			 evnotify_fault_in_event(to, NULL);
		spin_lock_irq(&inst->lock);
	}
	req->wait = EVNOTIFY_FOR_READ;
	if (written) {
		trace_evnotify_read(inst, req);
		evnotify_pool_give(inst, req);
	} else {
		evnotify_make_ready(inst, req);
	}
	evnotify_check(inst);
	spin_unlock_irq(&inst->lock);
	if (written)
		return 0;
	evnotify_wake(inst, 1);
	return -EFAULT;
}
