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
 *
 * Its times are those of the clocks of the process that calls.
 *
 * Context: process, inst->lock held.
 */
void evnotify_fill(struct evnotify_event *event,
		   const struct evnotify_record *req)
{
	s64 offset = evnotify_offset(req->clock);

	event->user_data = req->user_data;
	event->id = req->id;
	event->due_ns = evnotify_shift(req->event_due, offset);
	event->expired_ns = evnotify_expired_ns(req, offset);
	event->completed_ns = evnotify_shift(req->completed, offset);
	event->seq = req->seq;
	event->count = req->count;
	event->lost = 0;
	event->status = evnotify_status(req);
	event->flags = evnotify_is_pending(req) ? EVNOTIFY_EVENT_MORE : 0;
	if (!req->source)
		return;
	event->lost = req->lost;
	if (req->count) {
		event->data = req->data;
		event->flags |= EVNOTIFY_EVENT_DATA;
	} else if (!req->due) {
		event->due_ns = 0;
	}
}

/*
 * The same, straight into memory of the process, with page faults disabled: it
 * takes 40 instructions less than by way of the stack.  What is not passed in is
 * the same in the record.
 */
static __always_inline bool
evnotify_put_event(struct evnotify_event __user *to,
		   const struct evnotify_record *req, u64 due_ns, u64 expired_ns,
		   u64 completed_ns, u32 lost, s32 status, u32 flags)
{
	if (!user_write_access_begin(to, sizeof(*to)))
		return false;
	unsafe_put_user(req->user_data, &to->user_data, fault);
	unsafe_put_user(req->id, &to->id, fault);
	unsafe_put_user(due_ns, &to->due_ns, fault);
	unsafe_put_user(expired_ns, &to->expired_ns, fault);
	unsafe_put_user(completed_ns, &to->completed_ns, fault);
	unsafe_put_user(req->seq, &to->seq, fault);
	unsafe_put_user(req->count, &to->count, fault);
	unsafe_put_user(lost, &to->lost, fault);
	unsafe_put_user(status, &to->status, fault);
	unsafe_put_user(flags, &to->flags, fault);
	user_write_access_end();
	return true;
fault:
	user_write_access_end();
	return false;
}

static noinline bool
evnotify_fill_user_source(struct evnotify_event __user *to,
			  const struct evnotify_record *req)
{
	u32 flags = evnotify_is_pending(req) ? EVNOTIFY_EVENT_MORE : 0;

	if (req->count)
		flags |= EVNOTIFY_EVENT_DATA;
	/* The data of an event is where the due time is else: in both structures. */
	return evnotify_put_event(to, req, req->event_due, req->expired,
				  req->completed, req->lost,
				  evnotify_status(req), flags);
}

static noinline bool
evnotify_fill_user_shifted(struct evnotify_event __user *to,
			   const struct evnotify_record *req)
{
	struct evnotify_event event;

	evnotify_fill(&event, req);
	return evnotify_put_event(to, req, event.due_ns, event.expired_ns,
				  event.completed_ns, event.lost, event.status,
				  event.flags);
}

/* @shifted: evnotify_clocks_shifted(), asked once for all records of a call. */
static __always_inline bool
evnotify_fill_user(struct evnotify_event __user *to,
		   const struct evnotify_record *req, bool shifted)
{
	if (unlikely(shifted | req->source))
		return shifted ? evnotify_fill_user_shifted(to, req) :
				 evnotify_fill_user_source(to, req);
	return evnotify_put_event(to, req, req->event_due, req->expired,
				  req->completed, 0,
				  req->state == EVNOTIFY_CANCELLED ? -ECANCELED : 0,
				  evnotify_is_pending(req) ? EVNOTIFY_EVENT_MORE : 0);
}

/**
 * evnotify_fill_nofault - write the event record of a request to the process
 * @to: where to
 * @req: the request
 *
 * Context: process, inst->lock held.
 * Return: false if evnotify_fault_in_event() has to come first.
 */
bool evnotify_fill_nofault(struct evnotify_event __user *to,
			   const struct evnotify_record *req)
{
	bool filled;

	pagefault_disable();
	filled = evnotify_fill_user(to, req, evnotify_clocks_shifted());
	pagefault_enable();
	return filled;
}

/* The same by way of the stack, for read_iter(). */
static noinline bool evnotify_fill_iter(struct iov_iter *to,
					const struct evnotify_record *req)
{
	struct evnotify_event event;
	size_t copied;

	evnotify_fill(&event, req);
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
	const bool shifted = evnotify_clocks_shifted();
	struct evnotify_record *req;
	bool kick = false;
	size_t taken = 0;

	*fault = false;
	count = min_t(size_t, count, EVNOTIFY_READ_BATCH);
	spin_lock_irq(&inst->lock);
	pagefault_disable();
	do {
		req = inst->ready.head;
		if (!req)
			break;
		if (to ? !evnotify_fill_iter(to, req) :
			 !evnotify_fill_user(uptr + taken, req, shifted)) {
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
	} while (++taken < count);
	pagefault_enable();
	inst->unread -= taken;
	evnotify_check(inst);
	spin_unlock_irq(&inst->lock);
	if (unlikely(kick))
		evnotify_source_kick(inst);
	return taken;
}

/**
 * evnotify_fault_in_event - fault in the memory for one event record
 * @uptr: that memory, if @to is NULL
 * @to: or what read_iter() was given
 *
 * It writes zeroes, as the record will be written: what kind of memory it is makes
 * no difference.
 *
 * Context: process, inst->lock not held.
 * Return: false if there is no such memory.
 */
bool evnotify_fault_in_event(struct evnotify_event __user *uptr,
			     struct iov_iter *to)
{
	size_t cleared;

	if (!to)
		return !clear_user(uptr, sizeof(*uptr));
	cleared = iov_iter_zero(sizeof(*uptr), to);
	iov_iter_revert(to, cleared);
	return cleared == sizeof(*uptr);
}

/*
 * Sleep until there may be an event record, or a signal.
 * prepare_to_wait_exclusive() has the barrier that evnotify_has_waiters() pairs
 * with: inst->ready.head is read after it.
 */
static void evnotify_sleep(struct evnotify_instance *inst)
{
	DEFINE_WAIT(wait);

	prepare_to_wait_exclusive(&inst->wait, &wait,
				  TASK_INTERRUPTIBLE | TASK_FREEZABLE);
	if (!READ_ONCE(inst->ready.head) && !evnotify_source_over(inst) &&
	    !signal_pending(current))
		schedule();
	finish_wait(&inst->wait, &wait);
}

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
	size_t left, n;
	bool fault;

	count = min_t(size_t, count, max(READ_ONCE(inst->unread), 1));
	for (left = count;;) {
		n = evnotify_take_batch(inst, uptr, to, left, &fault);
		uptr += n;
		left -= n;
		if (!left)
			return count;
		if (fault) {
			faults = n ? 0 : faults + 1;
			if (faults > EVNOTIFY_MAX_FAULTS ||
			    !evnotify_fault_in_event(uptr, to) ||
			    fatal_signal_pending(current))
				return count - left ?: -EFAULT;
			/* The record that was not copied is still first. */
			continue;
		}
		if (!READ_ONCE(inst->ready.head))
			return count - left;
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
			if (slept && signal_pending(current))
				return -ERESTARTSYS;
			slept = true;
			evnotify_sleep(inst);
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
	bool nowait = iocb->ki_flags & IOCB_NOWAIT;
	ssize_t ret;

	/* One buffer, as that of io_uring: a record costs a third of others. */
	if (iter_is_ubuf(to)) {
		ret = evnotify_do_read(iocb->ki_filp,
				       to->ubuf + to->iov_offset, NULL,
				       iov_iter_count(to), nowait);
		if (ret > 0)
			iov_iter_advance(to, ret);
		return ret;
	}
	return evnotify_do_read(iocb->ki_filp, NULL, to, iov_iter_count(to),
				nowait);
}
