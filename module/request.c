// SPDX-License-Identifier: GPL-2.0-only
/*
 * evnotify - arm and update requests
 */
#include <linux/bits.h>
#include <linux/build_bug.h>
#include <linux/compiler.h>
#include <linux/err.h>
#include <linux/eventfd.h>
#include <linux/lockdep.h>
#include <linux/minmax.h>
#include <linux/nospec.h>
#include <linux/sched/signal.h>
#include <linux/uaccess.h>
#include <linux/uio.h>

#include "evnotify.h"
#include "queue.h"
#include "trace.h"

/*
 * The clocks as they were at the start of a call: all its relative times count
 * from then.
 */
struct evnotify_times {
	ktime_t now[EVNOTIFY_NR_CLOCKS];	/* by clock, if read */
	bool shifted;				/* see evnotify_clocks_shifted() */
	u32 read;				/* clocks, a bit each */
};

static __always_inline void evnotify_times_init(struct evnotify_times *times)
{
	times->read = 0;
	times->shifted = evnotify_clocks_shifted();
}

/*
 * The queue for a due time.  A relative time elapses whatever the clock is set
 * to: it is measured on CLOCK_MONOTONIC if the clock can be set.
 */
static __always_inline unsigned int evnotify_queue_for(unsigned int clock,
						       u32 flags)
{
	return flags & EVNOTIFY_ABSTIME || clock == EVNOTIFY_BOOTTIME ?
	       clock : EVNOTIFY_MONOTONIC;
}

/* The due time as host time, on the clock of evnotify_queue_for(). */
static __always_inline ktime_t
evnotify_due(struct evnotify_times *times, unsigned int clock, u64 due_ns,
	     u32 flags)
{
	s64 offset;

	clock = evnotify_queue_for(clock, flags);
	if (!(flags & EVNOTIFY_ABSTIME)) {
		if (!(times->read & BIT(clock))) {
			times->now[clock] = evnotify_now(clock);
			times->read |= BIT(clock);
		}
		return ktime_add_safe(times->now[clock], due_ns);
	}
	if (likely(!times->shifted))
		return due_ns;
	/* An absolute time is on the queue of its own clock. */
	offset = evnotify_offset(clock);
	if (offset < 0)
		return ktime_add_safe(due_ns, -offset);
	return due_ns > offset ? due_ns - offset : 0;
}

/* EVNOTIFY_NR_CLOCKS if there is no such clock for requests. */
static unsigned int evnotify_clock_of(clockid_t clockid)
{
	switch (clockid) {
	case CLOCK_MONOTONIC:
		return EVNOTIFY_MONOTONIC;
	case CLOCK_BOOTTIME:
		return EVNOTIFY_BOOTTIME;
	case CLOCK_REALTIME:
		return EVNOTIFY_REALTIME;
	case CLOCK_TAI:
		return EVNOTIFY_TAI;
	default:
		return EVNOTIFY_NR_CLOCKS;
	}
}

/* Checks what a request and an update have in common. */
static __always_inline bool
evnotify_times_ok(u64 due_ns, u64 period_ns, u32 count, u32 flags)
{
	if (flags & ~EVNOTIFY_ABSTIME || (due_ns | period_ns) > KTIME_MAX)
		return false;
	if (period_ns)
		return period_ns >= READ_ONCE(evnotify_min_period_ns);
	return !count;
}

static __always_inline bool
evnotify_request_ok(const struct evnotify_request *request, bool wait)
{
	if (request->__reserved[0] | request->__reserved[1] |
	    request->__reserved[2])
		return false;
	if (!evnotify_times_ok(request->due_ns, request->period_ns,
			       request->count, request->flags))
		return false;
	if (request->mode == EVNOTIFY_MODE_PENDING)
		return !request->eventfd && !(wait && request->period_ns);
	return request->mode == EVNOTIFY_MODE_EVENTFD && !wait;
}

/* Read a request from memory of the process, with page faults disabled. */
static __always_inline bool
evnotify_get_user(struct evnotify_request *to,
		  const struct evnotify_request __user *from)
{
	if (!access_ok(from, sizeof(*from)))
		return false;
	barrier_nospec();	/* as in copy_from_user() */
	return !__copy_from_user_inatomic(to, from, sizeof(*to));
}

/* Read a request from what write_iter() was given, and do not advance. */
static noinline bool evnotify_get_iter(struct evnotify_request *to,
				       struct iov_iter *from)
{
	size_t copied = copy_from_iter(to, sizeof(*to), from);

	iov_iter_revert(from, copied);
	return copied == sizeof(*to);
}

static __always_inline bool
evnotify_put_id(struct evnotify_request __user *to, u64 id)
{
	if (!user_write_access_begin(to, sizeof(*to)))
		return false;
	unsafe_put_user(id, &to->id, fault);
	user_write_access_end();
	return true;
fault:
	user_write_access_end();
	return false;
}

/*
 * Take the next request of @input and arm it.  Returns 0; or an error, and then
 * nothing has changed.  -ENOMEM: the pool has to grow; -EFAULT: memory of the
 * process has to be faulted in.
 */
static __always_inline int
evnotify_submit_one(struct evnotify_instance *inst, struct evnotify_input *input,
		    struct evnotify_times *times)
{
	struct evnotify_request request __uninitialized;
	struct eventfd_ctx *eventfd;
	struct evnotify_queue *q;
	struct evnotify_record *req;
	unsigned int clock;
	u64 id;
	int ret;

	if (input->from ? !evnotify_get_iter(&request, input->from) :
			!evnotify_get_user(&request, input->uptr))
		return -EFAULT;
	clock = evnotify_clock_of(request.clockid);
	if (clock >= EVNOTIFY_NR_CLOCKS)
		return -EINVAL;
	if (unlikely(request.flags & ~EVNOTIFY_ABSTIME)) {
		ret = evnotify_source_check(inst, &request, input->waiter);
		if (ret)
			return ret;
	} else if (!evnotify_request_ok(&request, input->waiter)) {
		return -EINVAL;
	}
	clock = array_index_nospec(clock, EVNOTIFY_NR_CLOCKS);
	if (request.mode == EVNOTIFY_MODE_EVENTFD) {
		eventfd = eventfd_ctx_fdget(request.eventfd);
		if (IS_ERR(eventfd))
			return PTR_ERR(eventfd);
	}

	req = inst->free;
	if (!req) {
		if (request.mode == EVNOTIFY_MODE_EVENTFD)
			eventfd_ctx_put(eventfd);
		return -ENOMEM;
	}
	inst->serial += EVNOTIFY_SERIAL_STEP;
	if (!inst->serial)
		inst->serial += EVNOTIFY_SERIAL_STEP;
	id = inst->serial | (req->id & EVNOTIFY_PLACE_MASK);
	/* The last step that can fail: from here on the request is armed. */
	if (input->ids && !evnotify_put_id(input->uptr, id)) {
		if (request.mode == EVNOTIFY_MODE_EVENTFD)
			eventfd_ctx_put(eventfd);
		input->id_failed = true;
		return -EFAULT;
	}

	inst->free = req->next;
	req->id = id;
	req->user_data = request.user_data;
	req->expired = 0;
	req->completed = 0;
	req->count = 0;
	req->due = evnotify_due(times, clock, request.due_ns, request.flags);
	req->period = request.period_ns;
	req->remaining = request.count;
	req->clock = clock;
	req->queue = evnotify_queue_for(clock, request.flags);
	req->mode = request.mode;
	req->source = request.flags & ~EVNOTIFY_ABSTIME;
	req->list = EVNOTIFY_NO_LIST;
	req->wait = input->waiter ? EVNOTIFY_FOR_WAIT : EVNOTIFY_FOR_READ;
	if (request.mode == EVNOTIFY_MODE_EVENTFD) {
		req->eventfd = eventfd;
		inst->eventfds = true;
	} else {
		req->waiter = input->waiter;
	}

	q = &inst->queues[req->queue];
	/* Computed once, not for each use: that takes 4 instructions less. */
	OPTIMIZER_HIDE_VAR(q);
	if (unlikely(req->source))
		evnotify_source_arm(inst, req, &request, input);
	else if (evnotify_queue_insert(q, req))
		input->start |= BIT(req->queue);
	trace_evnotify_arm(inst, req);
	input->req = req;
	if (input->from)
		iov_iter_advance(input->from, sizeof(request));
	else
		input->uptr++;
	return 0;
}

/*
 * Fault in the memory that evnotify_submit_one() could not get at, by doing the
 * same with page faults enabled.  Returns false if there is no such memory.
 * The id is not written unless that was what failed: a request that turns out
 * to be bad gives EINVAL, also in memory that cannot be written.
 */
static noinline bool
evnotify_fault_in_request(const struct evnotify_input *input)
{
	struct evnotify_request request __uninitialized;

	if (input->from)
		return evnotify_get_iter(&request, input->from);
	if (input->id_failed)
		return !put_user(0, &input->uptr->id);
	return !copy_from_user(&request, input->uptr, sizeof(request));
}

/**
 * evnotify_submit - arm requests
 * @inst: the instance
 * @input: where they come from
 * @count: how many, at least 1
 *
 * A bad request ends the batch before it.  A request is read, checked, given
 * its id and armed in one step under the lock, with page faults disabled: no
 * other thread can come across half a request, and nothing has to be undone.
 *
 * Context: process.
 * Return: how many were armed, or why the first was not.
 */
ssize_t evnotify_submit(struct evnotify_instance *inst,
			struct evnotify_input *input, size_t count)
{
	struct evnotify_times times __uninitialized;
	struct evnotify_queue *q;
	size_t taken = 0;

	evnotify_times_init(&times);
	while (taken < count) {
		size_t before = taken;
		size_t end = min(count, taken + EVNOTIFY_STEP);
		int ret;

		spin_lock_irq(&inst->lock);
		pagefault_disable();
		do {
			ret = evnotify_submit_one(inst, input, &times);
		} while (!ret && ++taken < end);
		pagefault_enable();
		/* Once a step: to start a timer takes as long as to arm. */
		for (; input->start; input->start &= input->start - 1) {
			q = &inst->queues[__ffs(input->start)];
			evnotify_timer_start(q, evnotify_queue_first(q));
		}
		inst->armed += taken - before;
		inst->pending += taken - before;
		evnotify_check(inst);
		spin_unlock_irq(&inst->lock);
		if (unlikely(input->kick))
			evnotify_source_kick(inst);
		input->kick = false;
		if (taken == count)
			break;

		if (ret == -ENOMEM)
			ret = evnotify_pool_grow(inst, input->gfp);
		else if (ret == -EFAULT && evnotify_fault_in_request(input))
			ret = 0;
		input->id_failed = false;
		/*
		 * A signal ends a batch early only if it kills the thread.
		 * signal_pending() would be true as well for work that io_uring
		 * has for this thread.
		 */
		if (!ret && fatal_signal_pending(current))
			ret = -EINTR;
		if (ret)
			return taken ?: ret;
		cond_resched();
	}
	return taken;
}

/**
 * evnotify_update_times - give an armed request new times
 * @inst: the instance
 * @args: what the process passed in
 *
 * Context: process.
 * Return: 0; -EINVAL for bad times, or for a period if a WAIT armed the
 * request; -EALREADY if the request has been cancelled, or has expired for the
 * last time; or -ENOENT if there never was a request of that id.
 */
int evnotify_update_times(struct evnotify_instance *inst,
			  const struct evnotify_update *args)
{
	struct evnotify_times times __uninitialized;
	struct evnotify_queue *q;
	struct evnotify_record *req;
	int ret = 0;

	if (!evnotify_times_ok(args->due_ns, args->period_ns, args->count,
			       args->flags))
		return -EINVAL;

	evnotify_times_init(&times);
	spin_lock_irq(&inst->lock);
	req = evnotify_lookup(inst, args->id);
	/* Count the expirations that have passed: one may have been its last. */
	if (!IS_ERR(req) && req->state == EVNOTIFY_PARKED)
		evnotify_unpark(inst, req);
	if (IS_ERR(req)) {
		ret = PTR_ERR(req);
	} else if (!evnotify_is_pending(req)) {
		ret = -EALREADY;
	} else if (req->source || (args->period_ns && req->wait)) {
		ret = -EINVAL;
	} else {
		evnotify_queue_remove(&inst->queues[req->queue], req);
		req->queue = evnotify_queue_for(req->clock, args->flags);
		q = &inst->queues[req->queue];
		req->due = evnotify_due(&times, req->clock, args->due_ns,
					args->flags);
		req->period = args->period_ns;
		req->remaining = args->count;
		if (evnotify_queue_insert(q, req))
			evnotify_timer_start(q, req);
		trace_evnotify_update(inst, req);
	}
	evnotify_check(inst);
	spin_unlock_irq(&inst->lock);
	return ret;
}
