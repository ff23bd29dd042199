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
	event->user_data = req->user_data;
	event->id = req->id;
	event->due_ns = evnotify_shift(req->event_due, offset);
	event->expired_ns = req->expired ?
			    evnotify_shift(req->expired, offset) ?: 1 : 0;
	event->completed_ns = evnotify_shift(req->completed, offset);
	event->seq = req->seq;
	event->count = req->count;
	event->lost = 0;
	event->status = evnotify_status(req);
	event->flags = evnotify_is_pending(req) ? EVNOTIFY_EVENT_MORE : 0;
}

/* evnotify_fill() straight into the memory of the process; no page faults. */
static __always_inline bool
evnotify_fill_user(struct evnotify_event __user *event,
		   const struct evnotify_record *req, s64 offset)
{
	u64 due = req->event_due, expired = req->expired;
	u64 completed = req->completed;

	if (unlikely(offset)) {
		due = evnotify_shift(due, offset);
		/* 0 would mean that there was none. */
		expired = expired ? evnotify_shift(expired, offset) ?: 1 : 0;
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
	unsafe_put_user(evnotify_status(req), &event->status, fault);
	unsafe_put_user(evnotify_is_pending(req) ? EVNOTIFY_EVENT_MORE : 0,
			&event->flags, fault);
	user_write_access_end();
	return true;
fault:
	user_write_access_end();
	return false;
}

/* The same for memory of any other kind; out of the way of the usual one. */
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
 * Give the process up to EVNOTIFY_READ_BATCH ready event records, in @uptr or, if
 * @to is not NULL, there.  Each leaves the ready list once it is copied.  Page
 * faults are disabled meanwhile: if the memory is @away, fewer are copied, and
 * the caller has to bring it in and come again.  Returns how many were copied.
 */
static __always_inline size_t
evnotify_take_batch(struct evnotify_instance *inst,
		    struct evnotify_event __user *uptr, struct iov_iter *to,
		    size_t room, bool *away)
{
	s64 offsets[EVNOTIFY_NR_CLOCKS];
	struct evnotify_record *req;
	size_t told = 0;

	*away = false;
	evnotify_offsets(offsets);
	room = min_t(size_t, room, EVNOTIFY_READ_BATCH);
	spin_lock_irq(&inst->lock);
	pagefault_disable();
	while (told < room && (req = inst->ready.head)) {
		s64 offset = offsets[req->clock];

		if (to ? !evnotify_fill_iter(to, req, offset) :
			 !evnotify_fill_user(uptr + told, req, offset)) {
			*away = true;
			break;
		}
		trace_evnotify_read(inst, req);
		WRITE_ONCE(inst->ready.head, req->next);
		if (evnotify_is_pending(req)) {
			req->list = EVNOTIFY_NO_LIST;
			req->count = 0;
		} else {
			evnotify_pool_give(inst, req);
		}
		told++;
	}
	pagefault_enable();
	inst->unread -= told;
	evnotify_check(inst);
	spin_unlock_irq(&inst->lock);
	return told;
}

/*
 * Bring in the memory for a record, by a write as evnotify_take_batch() does it: what
 * kind of memory it is makes no difference.  False: there is none.
 */
static noinline bool
evnotify_fault_in_event(struct evnotify_event __user *event, struct iov_iter *to)
{
	size_t cleared;

	if (!to)
		return !clear_user(event, sizeof(*event));
	cleared = iov_iter_zero(sizeof(*event), to);
	iov_iter_revert(to, cleared);
	return cleared == sizeof(*event);
}

/*
 * Sleep until there may be a record; false: there is none, but a signal.
 *
 *	evnotify_sleep()			evnotify_complete(), evnotify_wake()
 *	prepare_to_wait_exclusive(), barrier	inst->ready.head = req
 *	inst->ready.head?			smp_mb() in wq_has_sleeper()
 *						somebody on inst->wait?
 *
 * Either we see the record, or whoever completes it sees us.
 */
static bool evnotify_sleep(struct evnotify_instance *inst)
{
	DEFINE_WAIT(wait);

	prepare_to_wait_exclusive(&inst->wait, &wait,
				  TASK_INTERRUPTIBLE | TASK_FREEZABLE);
	if (!READ_ONCE(inst->ready.head) && !signal_pending(current))
		schedule();
	finish_wait(&inst->wait, &wait);
	return READ_ONCE(inst->ready.head) || !signal_pending(current);
}

/*
 * Times that the memory for one record may be away, though it was written to
 * just before: by another thread that takes it away, or since it is memory that
 * can be cleared and cannot be stored to, of which no machine is known.
 */
#define EVNOTIFY_MAX_FAULTS	100

/*
 * Give the process what is ready when the call begins, as far as there is room:
 * periodic requests might supply it for ever.  Returns how many records, or
 * -EFAULT; 0: another reader was faster.
 */
static __always_inline ssize_t
evnotify_take_ready(struct evnotify_instance *inst,
		    struct evnotify_event __user *uptr, struct iov_iter *to,
		    size_t room)
{
	unsigned int faults = 0;
	size_t done = 0;
	size_t n;
	bool away;

	room = min_t(size_t, room, max(READ_ONCE(inst->unread), 1));
	for (;;) {
		n = evnotify_take_batch(inst, uptr + done, to, room - done,
					&away);
		done += n;
		if (done == room)
			return done;
		if (away) {
			faults = n ? 0 : faults + 1;
			if (faults > EVNOTIFY_MAX_FAULTS ||
			    !evnotify_fault_in_event(uptr + done, to) ||
			    fatal_signal_pending(current))
				return done ?: -EFAULT;
			/* The record is next, whatever else has come. */
			continue;
		}
		if (!READ_ONCE(inst->ready.head))
			return done;
		cond_resched();
	}
}

/* read() to memory of the process, or, if @to is not NULL, any other. */
static __always_inline ssize_t
evnotify_do_read(struct file *file, char __user *buf, struct iov_iter *to,
		 size_t size, bool nowait)
{
	struct evnotify_instance *inst = file->private_data;
	size_t room = size / sizeof(struct evnotify_event);
	bool slept = false;
	ssize_t ret;

	if (!room)
		return -EINVAL;
	do {
		while (!READ_ONCE(inst->ready.head)) {
			if (nowait || file->f_flags & O_NONBLOCK)
				return -EAGAIN;
			slept = true;
			if (!evnotify_sleep(inst))
				return -ERESTARTSYS;
		}
		ret = evnotify_take_ready(inst, (void __user *)buf, to, room);
	} while (!ret);
	/* Who was woken in place of another, and leaves records, wakes that one. */
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
