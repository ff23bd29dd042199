// SPDX-License-Identifier: GPL-2.0-only
/*
 * evnotify - what a file descriptor can do
 *
 * Each call copies in, checks everything, and translates to a few calls of
 * the engine: request.c, timer.c and complete.c.
 */
#include <linux/atomic.h>
#include <linux/bits.h>
#include <linux/build_bug.h>
#include <linux/err.h>
#include <linux/eventfd.h>
#include <linux/fs.h>
#include <linux/limits.h>
#include <linux/poll.h>
#include <linux/sched/signal.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/time_namespace.h>
#include <linux/uaccess.h>
#include <linux/uio.h>

#include <asm/ioctls.h>

#include "evnotify.h"
#include "trace.h"

static_assert(sizeof(struct evnotify_request) == 64);
static_assert(sizeof(struct evnotify_event) == 64);
static_assert(sizeof(struct evnotify_info) == 64);
static_assert(sizeof(struct evnotify_register) == 32);
static_assert(sizeof(struct evnotify_wait) == 128);
static_assert(sizeof(struct evnotify_cancel) == 32);
static_assert(sizeof(struct evnotify_update) == 64);

static atomic_t evnotify_instances;

/*
 * What the time namespace of the caller adds to host time.  Only clocks that
 * start at boot have an offset.
 */
static s64 evnotify_offset(unsigned int clock)
{
	struct timespec64 ts = {};

	if (clock == EVNOTIFY_MONOTONIC)
		timens_add_monotonic(&ts);
	else if (clock == EVNOTIFY_BOOTTIME)
		timens_add_boottime(&ts);
	return timespec64_to_ns(&ts);
}

static void evnotify_offsets(s64 *offsets)
{
	unsigned int clock;

	for (clock = 0; clock < EVNOTIFY_NR_CLOCKS; clock++)
		offsets[clock] = evnotify_offset(clock);
}

static int evnotify_clock(clockid_t clockid)
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
		return -EINVAL;
	}
}

/* The checks that REGISTER, WAIT, write() and UPDATE share. */
static bool evnotify_times_ok(u64 due_ns, u64 period_ns, u32 count, u32 flags)
{
	if (flags & ~EVNOTIFY_ABSTIME)
		return false;
	if (due_ns > KTIME_MAX || period_ns > KTIME_MAX)
		return false;
	if (!period_ns)
		return !count;
	return period_ns >= READ_ONCE(evnotify_min_period_ns);
}

/* The due time as host time; now: the time on the clock, or 0 if not read. */
static ktime_t evnotify_due(unsigned int clock, u64 due_ns, u32 flags,
			    ktime_t *now)
{
	s64 offset;

	if (!(flags & EVNOTIFY_ABSTIME)) {
		if (!*now)
			*now = evnotify_now(clock);
		return ktime_add_safe(*now, due_ns);
	}
	offset = evnotify_offset(clock);
	if (offset < 0)
		return ktime_add_safe(due_ns, -offset);
	return due_ns > offset ? due_ns - offset : 0;
}

/*
 * Check a request and translate it, with the eventfd looked up.  @now: the
 * times on the clocks, as far as read: relative times of one call count from
 * the same instant.
 */
static int evnotify_check_request(const struct evnotify_request *request,
				  struct evnotify_spec *spec, ktime_t *now)
{
	int clock = evnotify_clock(request->clockid);
	struct eventfd_ctx *eventfd;

	if (clock < 0 ||
	    !evnotify_times_ok(request->due_ns, request->period_ns,
			       request->count, request->flags) ||
	    request->__reserved[0] || request->__reserved[1] ||
	    request->__reserved[2])
		return -EINVAL;

	spec->user_data = request->user_data;
	spec->due = evnotify_due(clock, request->due_ns, request->flags,
				 &now[clock]);
	spec->period = request->period_ns;
	spec->left = request->count;
	spec->clock = clock;
	spec->mode = request->mode;

	switch (request->mode) {
	case EVNOTIFY_MODE_PENDING:
		if (request->eventfd)
			return -EINVAL;
		spec->waiter = NULL;
		return 0;
	case EVNOTIFY_MODE_EVENTFD:
		eventfd = eventfd_ctx_fdget(request->eventfd);
		if (IS_ERR(eventfd))
			return PTR_ERR(eventfd);
		spec->eventfd = eventfd;
		return 0;
	default:
		return -EINVAL;
	}
}

/* Copy up to @n requests in; returns how many are whole. */
static unsigned int evnotify_copy_requests(struct evnotify_request *to,
					   unsigned int n,
					   struct iov_iter *from,
					   struct evnotify_request __user *uptr)
{
	size_t size = n * sizeof(*to);
	size_t got;

	if (from)
		got = copy_from_iter(to, size, from);
	else
		got = size - copy_from_user(to, uptr, size);
	return got / sizeof(*to);
}

/*
 * Arm @count requests, which come from @from (write()) or from @uptr
 * (REGISTER, which has the ids written back).  A bad one ends the batch before
 * it.  Returns how many were armed, or why the first was not.
 */
static ssize_t evnotify_submit(struct evnotify_instance *inst, size_t count,
			       struct iov_iter *from,
			       struct evnotify_request __user *uptr, gfp_t gfp)
{
	struct evnotify_request requests[EVNOTIFY_COPY_BATCH] __uninitialized;
	struct evnotify_spec specs[EVNOTIFY_COPY_BATCH] __uninitialized;
	struct evnotify_req *reqs[EVNOTIFY_COPY_BATCH] __uninitialized;
	ktime_t now[EVNOTIFY_NR_CLOCKS] = {};
	size_t taken = 0;
	int err = 0;

	while (taken < count && !err) {
		unsigned int n = min_t(size_t, count - taken,
				       EVNOTIFY_COPY_BATCH);
		unsigned int checked, reserved = 0, armed;
		int ret;

		ret = evnotify_copy_requests(requests, n, from, uptr);
		if (ret < n)
			err = -EFAULT;
		n = ret;
		for (checked = 0; checked < n; checked++) {
			ret = evnotify_check_request(&requests[checked],
						     &specs[checked], now);
			if (ret) {
				err = ret;
				break;
			}
		}
		if (checked) {
			ret = evnotify_reserve(inst, specs, checked, reqs, gfp);
			if (ret < 0)
				err = ret;
			else
				reserved = ret;
		}
		for (n = reserved; n < checked; n++)
			if (specs[n].mode == EVNOTIFY_MODE_EVENTFD)
				eventfd_ctx_put(specs[n].eventfd);

		armed = reserved;
		for (n = 0; uptr && n < reserved; n++) {
			if (put_user(reqs[n]->id, &uptr[n].id)) {
				err = -EFAULT;
				armed = n;
				break;
			}
		}
		if (armed)
			evnotify_arm(inst, reqs, armed);
		if (armed < reserved)
			evnotify_unreserve(inst, reqs + armed, reserved - armed);
		taken += armed;
		if (uptr)
			uptr += armed;
		if (signal_pending(current) || armed < checked)
			break;
		cond_resched();
	}
	return taken ?: err;
}

static ssize_t evnotify_write_iter(struct kiocb *iocb, struct iov_iter *from)
{
	size_t count = iov_iter_count(from) / sizeof(struct evnotify_request);
	bool nowait = iocb->ki_flags & IOCB_NOWAIT;
	ssize_t ret;

	if (!count)
		return -EINVAL;
	ret = evnotify_submit(iocb->ki_filp->private_data, count, from, NULL,
			      nowait ? GFP_NOWAIT | __GFP_NOWARN : GFP_KERNEL);
	if (ret > 0)
		return ret * sizeof(struct evnotify_request);
	/* Whoever must not sleep comes again when it may. */
	if (ret == -ENOMEM && nowait)
		return -EAGAIN;
	return ret;
}

static ssize_t evnotify_read_iter(struct kiocb *iocb, struct iov_iter *to)
{
	struct evnotify_event events[EVNOTIFY_COPY_BATCH] __uninitialized;
	struct evnotify_instance *inst = iocb->ki_filp->private_data;
	size_t room = iov_iter_count(to) / sizeof(*events);
	bool nowait = iocb->ki_flags & IOCB_NOWAIT;
	s64 offsets[EVNOTIFY_NR_CLOCKS];
	ssize_t done = 0;
	int ret;

	if (!room)
		return -EINVAL;
	evnotify_offsets(offsets);

	for (;;) {
		if (nowait)
			ret = mutex_trylock(&inst->readers) ? 0 : -EAGAIN;
		else
			ret = mutex_lock_interruptible(&inst->readers);
		if (ret)
			return ret == -EINTR ? -ERESTARTSYS : ret;

		if (READ_ONCE(inst->ready.head))
			break;
		mutex_unlock(&inst->readers);

		if (nowait || iocb->ki_filp->f_flags & O_NONBLOCK)
			return -EAGAIN;
		ret = wait_event_freezable(inst->wait,
					   READ_ONCE(inst->ready.head));
		if (ret)
			return ret;
	}

	while (room && !ret) {
		unsigned int n = min_t(size_t, room, EVNOTIFY_COPY_BATCH);
		unsigned int told;

		n = evnotify_peek(inst, events, n, offsets);
		if (!n)
			break;
		told = copy_to_iter(events, n * sizeof(*events), to) /
		       sizeof(*events);
		if (told < n)
			ret = -EFAULT;
		if (told)
			evnotify_consume(inst, events, told);
		done += told * sizeof(*events);
		room -= told;
		/* Periodic requests may fill the list as fast as we read. */
		if (signal_pending(current))
			break;
		cond_resched();
	}
	mutex_unlock(&inst->readers);
	return done ?: ret;
}

static __poll_t evnotify_poll(struct file *file, poll_table *wait)
{
	struct evnotify_instance *inst = file->private_data;
	/* write() never blocks: it says ENOSPC. */
	__poll_t mask = EPOLLOUT | EPOLLWRNORM;

	poll_wait(file, &inst->wait, wait);
	/*
	 * Either we see the record here, or evnotify_wake() sees us on the
	 * wait queue.  Pairs with wq_has_sleeper(); before Linux 6.14
	 * poll_wait() does not imply it.
	 */
	smp_mb();
	if (READ_ONCE(inst->ready.head))
		mask |= EPOLLIN | EPOLLRDNORM;
	return mask;
}

static int evnotify_fasync(int fd, struct file *file, int on)
{
	struct evnotify_instance *inst = file->private_data;

	return fasync_helper(fd, file, on, &inst->fasync);
}

static long evnotify_ioctl_info(struct evnotify_instance *inst,
				struct evnotify_info __user *uptr)
{
	struct evnotify_info info = {
		.abi_version = EVNOTIFY_ABI_VERSION,
		.module_version = EVNOTIFY_VERSION_CODE,
		.features = IS_ENABLED(CONFIG_EVNOTIFY_DEBUG) ?
			    EVNOTIFY_FEATURE_CHECKED : 0,
		.modes = BIT_ULL(EVNOTIFY_MODE_PENDING) |
			 BIT_ULL(EVNOTIFY_MODE_EVENTFD),
		.clocks = BIT_ULL(CLOCK_MONOTONIC) | BIT_ULL(CLOCK_BOOTTIME) |
			  BIT_ULL(CLOCK_REALTIME) | BIT_ULL(CLOCK_TAI),
		.min_period_ns = READ_ONCE(evnotify_min_period_ns),
		.max_requests = inst->limit,
	};

	return copy_to_user(uptr, &info, sizeof(info)) ? -EFAULT : 0;
}

static long evnotify_ioctl_register(struct evnotify_instance *inst,
				    struct evnotify_register __user *uptr)
{
	struct evnotify_register args;
	ssize_t ret;

	if (copy_from_user(&args, uptr, sizeof(args)))
		return -EFAULT;
	if (!args.count || args.__reserved[0] || args.__reserved[1])
		return -EINVAL;
	/* Nothing has happened yet that the process would have to know of. */
	if (put_user(0, &uptr->taken))
		return -EFAULT;

	ret = evnotify_submit(inst, args.count, NULL,
			      u64_to_user_ptr(args.requests), GFP_KERNEL);
	if (ret < 0)
		return ret;
	return put_user(ret, &uptr->taken);
}

static long evnotify_ioctl_wait(struct evnotify_instance *inst,
				struct evnotify_wait __user *uptr)
{
	DECLARE_COMPLETION_ONSTACK(done);
	ktime_t now[EVNOTIFY_NR_CLOCKS] = {};
	s64 offsets[EVNOTIFY_NR_CLOCKS];
	struct evnotify_request request;
	struct evnotify_event event;
	struct evnotify_spec spec;
	struct evnotify_req *req;
	int ret;

	if (copy_from_user(&request, &uptr->request, sizeof(request)))
		return -EFAULT;
	if (request.mode != EVNOTIFY_MODE_PENDING || request.period_ns)
		return -EINVAL;
	ret = evnotify_check_request(&request, &spec, now);
	if (ret)
		return ret;
	spec.waiter = &done;

	ret = evnotify_reserve(inst, &spec, 1, &req, GFP_KERNEL);
	if (ret < 0)
		return ret;
	if (put_user(req->id, &uptr->request.id)) {
		evnotify_unreserve(inst, &req, 1);
		return -EFAULT;
	}
	evnotify_arm(inst, &req, 1);

	evnotify_offsets(offsets);
	ret = evnotify_wait(inst, req, &event, offsets);
	if (ret)
		return ret;
	ret = copy_to_user(&uptr->event, &event, sizeof(event)) ? -EFAULT : 0;
	evnotify_wait_end(inst, req, !ret);
	return ret;
}

static long evnotify_ioctl_cancel(struct evnotify_instance *inst,
				  struct evnotify_cancel __user *uptr)
{
	struct evnotify_cancel args;
	u64 cancelled = 1;
	int ret;

	if (copy_from_user(&args, uptr, sizeof(args)))
		return -EFAULT;
	if (args.flags & ~EVNOTIFY_CANCEL_ALL || args.__pad || args.__reserved)
		return -EINVAL;
	if (args.flags & EVNOTIFY_CANCEL_ALL && args.id)
		return -EINVAL;
	if (put_user(0, &uptr->cancelled))
		return -EFAULT;

	if (args.flags & EVNOTIFY_CANCEL_ALL) {
		cancelled = evnotify_cancel_all(inst);
	} else {
		ret = evnotify_cancel(inst, args.id);
		if (ret)
			return ret;
	}
	return put_user(cancelled, &uptr->cancelled);
}

static long evnotify_ioctl_update(struct evnotify_instance *inst,
				  const struct evnotify_update __user *uptr)
{
	struct evnotify_update args;
	ktime_t now = 0;
	int clock;

	if (copy_from_user(&args, uptr, sizeof(args)))
		return -EFAULT;
	if (!evnotify_times_ok(args.due_ns, args.period_ns, args.count,
			       args.flags) ||
	    memchr_inv(args.__reserved, 0, sizeof(args.__reserved)))
		return -EINVAL;

	clock = evnotify_clock_of(inst, args.id);
	if (clock < 0)
		return clock;
	return evnotify_update(inst, args.id,
			       evnotify_due(clock, args.due_ns, args.flags,
					    &now),
			       args.period_ns, args.count);
}

static long evnotify_ioctl(struct file *file, unsigned int cmd,
			   unsigned long arg)
{
	struct evnotify_instance *inst = file->private_data;
	void __user *uptr = (void __user *)arg;

	switch (cmd) {
	case EVNOTIFY_IOC_INFO:
		return evnotify_ioctl_info(inst, uptr);
	case EVNOTIFY_IOC_REGISTER:
		return evnotify_ioctl_register(inst, uptr);
	case EVNOTIFY_IOC_WAIT:
		return evnotify_ioctl_wait(inst, uptr);
	case EVNOTIFY_IOC_CANCEL:
		return evnotify_ioctl_cancel(inst, uptr);
	case EVNOTIFY_IOC_UPDATE:
		return evnotify_ioctl_update(inst, uptr);
	case FIONREAD:
		return put_user((int)(READ_ONCE(inst->unread) *
				      sizeof(struct evnotify_event)),
				(int __user *)uptr);
	default:
		return -ENOTTY;
	}
}

static void evnotify_show_fdinfo(struct seq_file *m, struct file *file)
{
	struct evnotify_instance *inst = file->private_data;
	u64 armed, completed, cancelled;
	u32 pending, unread;

	spin_lock_irq(&inst->lock);
	armed = inst->armed;
	completed = inst->completed;
	cancelled = inst->cancelled;
	pending = inst->pending;
	unread = inst->unread;
	spin_unlock_irq(&inst->lock);

	seq_printf(m, "instance:\t%u\n", inst->number);
	seq_printf(m, "armed:\t%llu\n", armed);
	seq_printf(m, "completed:\t%llu\n", completed);
	seq_printf(m, "cancelled:\t%llu\n", cancelled);
	seq_printf(m, "pending:\t%u\n", pending);
	seq_printf(m, "unread:\t%u\n", unread);
}

static int evnotify_open(struct inode *inode, struct file *file)
{
	struct evnotify_instance *inst;
	int ret;

	inst = kzalloc_obj(*inst, GFP_KERNEL_ACCOUNT);
	if (!inst)
		return -ENOMEM;
	inst->limit = READ_ONCE(evnotify_max_requests);
	inst->number = atomic_inc_return(&evnotify_instances);
	ret = evnotify_instance_init(inst);
	if (ret) {
		kfree(inst);
		return ret;
	}
	trace_evnotify_open(inst);

	file->private_data = inst;
	/* read_iter and write_iter honour IOCB_NOWAIT. */
	file->f_mode |= FMODE_NOWAIT;
	return stream_open(inode, file);
}

/*
 * The last reference has gone: no call is under way, and none comes.  What is
 * still pending is cancelled, and nobody is told: nobody is left.
 */
static int evnotify_release(struct inode *inode, struct file *file)
{
	struct evnotify_instance *inst = file->private_data;

	evnotify_instance_destroy(inst);
	trace_evnotify_release(inst);
	kfree(inst);
	return 0;
}

const struct file_operations evnotify_fops = {
	.owner = THIS_MODULE,
	.open = evnotify_open,
	.release = evnotify_release,
	.read_iter = evnotify_read_iter,
	.write_iter = evnotify_write_iter,
	.poll = evnotify_poll,
	.fasync = evnotify_fasync,
	.unlocked_ioctl = evnotify_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.show_fdinfo = evnotify_show_fdinfo,
};
