// SPDX-License-Identifier: GPL-2.0-only
/*
 * evnotify - read(): event records, and the sleep until there are some
 */
#include <linux/fs.h>
#include <linux/minmax.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/uaccess.h>
#include <linux/uio.h>
#include <linux/wait.h>

#include "evnotify.h"
#include "trace.h"

/*
 * The host's @time on a clock that is @offset ahead.  KTIME_MAX, a time that
 * never comes, stays that; a time before the clock began is 0.
 */
static u64 evnotify_shift(ktime_t time, s64 offset)
{
	if (!offset || time == KTIME_MAX)
		return time;
	if (offset > 0)
		return min_t(u64, (u64)time + offset, KTIME_MAX);
	return max(time + offset, 0);
}

/* When the request expired; 0 would say that it did not. */
static u64 evnotify_expired_ns(const struct evnotify_record *req, s64 offset)
{
	return req->expired ? evnotify_shift(req->expired, offset) ?: 1 : 0;
}

/**
 * evnotify_fill - make the event record of a request
 * @event: where to
 * @req: the request
 * @offset: how far the clock of the process is ahead of the host's
 *
 * Context: inst->lock held.
 */
void evnotify_fill(struct evnotify_event *event,
		   const struct evnotify_record *req, s64 offset)
{
	const bool data = req->source && req->count;

	event->user_data = req->user_data;
	event->id = req->id;
	if (data)
		event->data = req->data;
	else if (req->source && !req->due)
		event->due_ns = 0;
	else
		event->due_ns = evnotify_shift(req->event_due, offset);
	event->expired_ns = evnotify_expired_ns(req, offset);
	event->completed_ns = evnotify_shift(req->completed, offset);
	event->seq = req->seq;
	event->count = req->count;
	event->lost = req->source ? req->lost : 0;
	event->status = evnotify_status(req);
	event->flags = (evnotify_is_pending(req) ? EVNOTIFY_EVENT_MORE : 0) |
		       (data ? EVNOTIFY_EVENT_DATA : 0);
}

/* Of a request that waits for events: evnotify_fill() and a copy. */
static noinline bool evnotify_fill_source(struct evnotify_event __user *uptr,
					  const struct evnotify_record *req,
					  s64 offset)
{
	struct evnotify_event event;

	evnotify_fill(&event, req, offset);
	return access_ok(uptr, sizeof(event)) &&
	       !__copy_to_user_inatomic(uptr, &event, sizeof(event));
}

/*
 * The same as evnotify_fill(), straight into memory of the process, with page
 * faults disabled: it takes 40 instructions less than by way of the stack.
 */
static __always_inline bool
evnotify_fill_user(struct evnotify_event __user *event,
		   const struct evnotify_record *req, s64 offset)
{
	u64 due = req->event_due, expired = req->expired;
	u64 completed = req->completed;

	if (unlikely(req->source))
		return evnotify_fill_source(event, req, offset);
	/* Tested once, not for each: that takes 23 instructions less. */
	if (unlikely(offset)) {
		due = evnotify_shift(due, offset);
		expired = evnotify_expired_ns(req, offset);
		completed = evnotify_shift(completed, offset);
	}
	if (!user_write_access_begin(event, sizeof(*event)))
		return false;
	unsafe_put_user(req->user_data, &event->user_data, fault);
	unsafe_put_user(req->id, &event->id, fault);
	unsafe_put_user(due, &event->due_ns, fault);
	unsafe_put_user(expired, &event->expired_ns, fault);
	unsafe_put_user(completed, &event->completed_ns, fault);
	unsafe_put_user(req->seq, &event->seq, fault);
	unsafe_put_user(req->count, &event->count, fault);
	unsafe_put_user(0, &event->lost, fault);
	unsafe_put_user(req->state == EVNOTIFY_CANCELLED ? -ECANCELED : 0,
			&event->status, fault);
	unsafe_put_user(evnotify_is_pending(req) ? EVNOTIFY_EVENT_MORE : 0,
			&event->flags, fault);
	user_write_access_end();
	return true;
fault:
	user_write_access_end();
	return false;
}

/* The same by way of the stack, for read_iter(). */
static noinline bool evnotify_fill_iter(struct iov_iter *to,
					const struct evnotify_record *req,
					s64 offset)
{
	struct evnotify_event event;
	size_t copied;

	evnotify_fill(&event, req, offset);
	copied = copy_to_iter(&event, sizeof(event), to);
	if (copied < sizeof(event))
		iov_iter_revert(to, copied);
	return copied == sizeof(event);
}

/*
 * Copy up to EVNOTIFY_READ_BATCH event records to @uptr or, if @to is not NULL,
 * there; each leaves the ready list once it is copied.  Page faults are
 * disabled: sets @fault if memory has to be faulted in for the next record.
 * Returns how many were copied.
 */
static __always_inline size_t
evnotify_take_batch(struct evnotify_instance *inst,
		    struct evnotify_event __user *uptr, struct iov_iter *to,
		    size_t count, bool *fault)
{
	s64 offsets[EVNOTIFY_NR_CLOCKS];
	struct evnotify_record *req;
	bool kick = false;
	size_t taken = 0;

	*fault = false;
	evnotify_offsets(offsets);
	count = min_t(size_t, count, EVNOTIFY_READ_BATCH);
	spin_lock_irq(&inst->lock);
	pagefault_disable();
	while (taken < count && (req = inst->ready.head)) {
		s64 offset = offsets[req->clock];

		if (to ? !evnotify_fill_iter(to, req, offset) :
			 !evnotify_fill_user(uptr + taken, req, offset)) {
			*fault = true;
			break;
		}
		trace_evnotify_read(inst, req);
		WRITE_ONCE(inst->ready.head, req->next);
		if (evnotify_is_pending(req)) {
			req->list = EVNOTIFY_NO_LIST;
			req->count = 0;
			if (unlikely(req->state == EVNOTIFY_UNREAD))
				kick |= evnotify_source_again(inst, req);
		} else {
			evnotify_pool_give(inst, req);
		}
		taken++;
	}
	pagefault_enable();
	inst->unread -= taken;
	evnotify_check(inst);
	spin_unlock_irq(&inst->lock);
	if (unlikely(kick))
		evnotify_source_kick(inst);
	return taken;
}

/*
 * Fault in the memory for one event record by writing zeroes to it, as
 * evnotify_take_batch() will write to it: what kind of memory it is makes no
 * difference.  Returns false if there is no such memory.
 */
static noinline bool
evnotify_fault_in_event(struct evnotify_event __user *event,
			struct iov_iter *to)
{
	size_t cleared;

	if (!to)
		return !clear_user(event, sizeof(*event));
	cleared = iov_iter_zero(sizeof(*event), to);
	iov_iter_revert(to, cleared);
	return cleared == sizeof(*event);
}

/*
 * Sleep until there may be an event record.  Returns false if there is none,
 * but a signal.  prepare_to_wait_exclusive() has the barrier that
 * evnotify_has_waiters() pairs with: inst->ready.head is read after it.
 */
static bool evnotify_sleep(struct evnotify_instance *inst)
{
	DEFINE_WAIT(wait);

	prepare_to_wait_exclusive(&inst->wait, &wait,
				  TASK_INTERRUPTIBLE | TASK_FREEZABLE);
	if (!READ_ONCE(inst->ready.head) && !evnotify_source_over(inst) &&
	    !signal_pending(current))
		schedule();
	finish_wait(&inst->wait, &wait);
	return READ_ONCE(inst->ready.head) || !signal_pending(current);
}

/*
 * Faults in a row after which memory counts as missing, though it could be
 * written to each time: another thread may unmap it between the fault and the
 * copy, over and over.
 */
#define EVNOTIFY_MAX_FAULTS	100

/*
 * Take up to @count event records of those that are ready when the call begins:
 * periodic requests may make others ready for as long as it runs.  Returns how
 * many records, or -EFAULT; 0 if another reader took them all.
 */
static __always_inline ssize_t
evnotify_take_ready(struct evnotify_instance *inst,
		    struct evnotify_event __user *uptr, struct iov_iter *to,
		    size_t count)
{
	unsigned int faults = 0;
	size_t done = 0;
	size_t n;
	bool fault;

	count = min_t(size_t, count, max(READ_ONCE(inst->unread), 1));
	for (;;) {
		n = evnotify_take_batch(inst, uptr + done, to, count - done,
					&fault);
		done += n;
		if (done == count)
			return done;
		if (fault) {
			faults = n ? 0 : faults + 1;
			if (faults > EVNOTIFY_MAX_FAULTS ||
			    !evnotify_fault_in_event(uptr + done, to) ||
			    fatal_signal_pending(current))
				return done ?: -EFAULT;
			/* The record that was not copied is still first. */
			continue;
		}
		if (!READ_ONCE(inst->ready.head))
			return done;
		cond_resched();
	}
}

/* read() to memory of the process or, for read_iter(), to @to. */
static __always_inline ssize_t
evnotify_do_read(struct file *file, char __user *buf, struct iov_iter *to,
		 size_t size, bool nowait)
{
	struct evnotify_instance *inst = file->private_data;
	size_t count = size / sizeof(struct evnotify_event);
	bool slept = false;
	ssize_t ret;

	if (!count)
		return -EINVAL;
	do {
		while (!READ_ONCE(inst->ready.head)) {
			if (unlikely(evnotify_source_over(inst)))
				return -ENODEV;
			if (nowait || file->f_flags & O_NONBLOCK)
				return -EAGAIN;
			slept = true;
			if (!evnotify_sleep(inst))
				return -ERESTARTSYS;
		}
		ret = evnotify_take_ready(inst, (void __user *)buf, to, count);
	} while (!ret);
	/*
	 * A wake-up for several records wakes as many exclusive waiters, but
	 * one may have come here in place of another, and leave records behind.
	 */
	if (slept && READ_ONCE(inst->ready.head))
		evnotify_wake(inst, 1);
	return ret < 0 ? ret : ret * sizeof(struct evnotify_event);
}

ssize_t evnotify_read(struct file *file, char __user *buf, size_t size,
		      loff_t *pos)
{
	return evnotify_do_read(file, buf, NULL, size, false);
}

ssize_t evnotify_read_iter(struct kiocb *iocb, struct iov_iter *to)
{
	return evnotify_do_read(iocb->ki_filp, NULL, to, iov_iter_count(to),
				iocb->ki_flags & IOCB_NOWAIT);
}
