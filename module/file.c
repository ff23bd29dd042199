// SPDX-License-Identifier: GPL-2.0-only
/*
 * evnotify - what a file descriptor can do
 *
 * Each call copies in, checks everything, and translates to a few calls of
 * the engine.  read() is in read.c.
 */
#include <linux/anon_inodes.h>
#include <linux/bits.h>
#include <linux/build_bug.h>
#include <linux/err.h>
#include <linux/evnotify_source.h>
#include <linux/fcntl.h>
#include <linux/fs.h>
#include <linux/poll.h>
#include <linux/seq_file.h>
#include <linux/uaccess.h>
#include <linux/uio.h>

#include <asm/ioctls.h>

#include "evnotify.h"

static_assert(sizeof(struct evnotify_request) == 64);
static_assert(sizeof(struct evnotify_event) == 64);
static_assert(sizeof(struct evnotify_info) == 64);
static_assert(sizeof(struct evnotify_register) == 32);
static_assert(sizeof(struct evnotify_wait) == 128);
static_assert(sizeof(struct evnotify_cancel) == 32);
static_assert(sizeof(struct evnotify_update) == 64);

/* write() from memory of the process or, for write_iter(), from @from. */
static ssize_t evnotify_do_write(struct file *file, const char __user *buf,
				 struct iov_iter *from, size_t size,
				 bool nowait)
{
	struct evnotify_input input = {
		.uptr = (struct evnotify_request __user *)buf,
		.from = from,
		.gfp = nowait ? GFP_NOWAIT | __GFP_NOWARN : GFP_KERNEL,
	};
	ssize_t ret;

	size /= sizeof(struct evnotify_request);
	if (!size)
		return -EINVAL;
	ret = evnotify_submit(file->private_data, &input, size);
	if (ret > 0)
		return ret * sizeof(struct evnotify_request);
	/* The caller comes again from where it may sleep. */
	return ret == -ENOMEM && nowait ? -EAGAIN : ret;
}

/*
 * write(2) and read(2) call these two, everything else write_iter() and
 * read_iter(), which take an iov_iter: with that alone, to write a request and
 * to read its record would take 5 percent more instructions.
 */
static ssize_t evnotify_write(struct file *file, const char __user *buf,
			      size_t size, loff_t *pos)
{
	return evnotify_do_write(file, buf, NULL, size, false);
}

static ssize_t evnotify_write_iter(struct kiocb *iocb, struct iov_iter *from)
{
	return evnotify_do_write(iocb->ki_filp, NULL, from,
				 iov_iter_count(from),
				 iocb->ki_flags & IOCB_NOWAIT);
}

static __poll_t evnotify_poll(struct file *file, poll_table *wait)
{
	struct evnotify_instance *inst = file->private_data;
	/* write() never blocks: it says ENOSPC. */
	__poll_t mask = EPOLLOUT | EPOLLWRNORM;

	poll_wait(file, &inst->wait, wait);
	/* For evnotify_has_waiters(); poll_wait() has it from 6.14 on only. */
	smp_mb();
	if (READ_ONCE(inst->ready.head))
		mask |= EPOLLIN | EPOLLRDNORM;
	if (unlikely(inst->source))
		mask |= evnotify_source_poll(inst);
	return mask;
}

static int evnotify_fasync(int fd, struct file *file, int on)
{
	struct evnotify_instance *inst = file->private_data;
	int ret = fasync_helper(fd, file, on, &inst->fasync);

	/* For evnotify_has_waiters(): the process polls after this call. */
	smp_mb();
	return ret;
}

static long evnotify_ioctl_info(struct evnotify_instance *inst,
				struct evnotify_info __user *uptr)
{
	struct evnotify_info info = {
		.abi_version = EVNOTIFY_ABI_VERSION,
		.module_version = EVNOTIFY_VERSION_CODE,
		.features = EVNOTIFY_FEATURE_SOURCES |
			    (IS_ENABLED(CONFIG_EVNOTIFY_DEBUG) ?
			     EVNOTIFY_FEATURE_CHECKED : 0) |
			    (inst->source ? EVNOTIFY_FEATURE_HAS_SOURCE : 0),
		.modes = BIT_ULL(EVNOTIFY_MODE_PENDING) |
			 BIT_ULL(EVNOTIFY_MODE_EVENTFD),
		.clocks = BIT_ULL(CLOCK_MONOTONIC) | BIT_ULL(CLOCK_BOOTTIME) |
			  BIT_ULL(CLOCK_REALTIME) | BIT_ULL(CLOCK_TAI),
		.min_period_ns = READ_ONCE(evnotify_min_period_ns),
		.max_requests = inst->limit,
	};

	return copy_to_user(uptr, &info, sizeof(info)) ? -EFAULT : 0;
}

/*
 * REGISTER, CANCEL and UPDATE read their arguments field by field.  To copy the
 * structure would make each of these calls 60 to 75 instructions longer.
 */
static long evnotify_ioctl_register(struct evnotify_instance *inst,
				    struct evnotify_register __user *uptr)
{
	struct evnotify_input input = { .ids = true, .gfp = GFP_KERNEL };
	u64 requests, reserved[2];
	ssize_t ret;
	u32 count;

	if (!user_access_begin(uptr, sizeof(*uptr)))
		return -EFAULT;
	unsafe_get_user(requests, &uptr->requests, fault);
	unsafe_get_user(count, &uptr->count, fault);
	unsafe_get_user(reserved[0], &uptr->__reserved[0], fault);
	unsafe_get_user(reserved[1], &uptr->__reserved[1], fault);
	if (!count || reserved[0] || reserved[1]) {
		user_access_end();
		return -EINVAL;
	}
	/* If it cannot be written, fail before a request is armed. */
	unsafe_put_user(0, &uptr->taken, fault);
	user_access_end();

	input.uptr = u64_to_user_ptr(requests);
	ret = evnotify_submit(inst, &input, count);
	if (ret < 0)
		return ret;
	return put_user(ret, &uptr->taken);
fault:
	user_access_end();
	return -EFAULT;
}

static long evnotify_ioctl_wait(struct evnotify_instance *inst,
				struct evnotify_wait __user *uptr)
{
	DECLARE_COMPLETION_ONSTACK(done);
	struct evnotify_input input = {
		.uptr = &uptr->request,
		.waiter = &done,
		.ids = true,
		.gfp = GFP_KERNEL,
	};
	struct evnotify_event event;
	ssize_t ret;
	u64 id;

	if (get_user(id, &uptr->request.id))
		return -EFAULT;
	input.req = ERR_PTR(-ENOENT);
	if (id)
		input.req = evnotify_wait_resume(inst, id, &done, &event);
	if (IS_ERR(input.req)) {
		ret = evnotify_submit(inst, &input, 1);
		if (ret < 0)
			return ret;
	}
	if (!input.req)
		return copy_to_user(&uptr->event, &event, sizeof(event)) ?
		       -EFAULT : 0;
	ret = evnotify_wait_block(inst, input.req, &done);
	return ret ?: evnotify_wait_end(inst, input.req, &uptr->event);
}

static long evnotify_ioctl_cancel(struct evnotify_instance *inst,
				  struct evnotify_cancel __user *uptr)
{
	u64 id, reserved, cancelled = 1;
	u32 flags, pad;
	int ret;

	if (!user_access_begin(uptr, sizeof(*uptr)))
		return -EFAULT;
	unsafe_get_user(id, &uptr->id, fault);
	unsafe_get_user(flags, &uptr->flags, fault);
	unsafe_get_user(pad, &uptr->__pad, fault);
	unsafe_get_user(reserved, &uptr->__reserved, fault);
	if (flags & ~EVNOTIFY_CANCEL_ALL || (pad | reserved) || (flags && id)) {
		user_access_end();
		return -EINVAL;
	}
	/* If it cannot be written, fail before a request is cancelled. */
	unsafe_put_user(0, &uptr->cancelled, fault);
	user_access_end();

	if (flags) {
		cancelled = evnotify_cancel_all(inst);
	} else {
		ret = evnotify_cancel_one(inst, id);
		if (ret)
			return ret;
	}
	return put_user(cancelled, &uptr->cancelled);
fault:
	user_access_end();
	return -EFAULT;
}

static long evnotify_ioctl_update(struct evnotify_instance *inst,
				  const struct evnotify_update __user *uptr)
{
	struct evnotify_update args __uninitialized;
	u64 reserved[4];

	if (!user_read_access_begin(uptr, sizeof(*uptr)))
		return -EFAULT;
	unsafe_get_user(args.id, &uptr->id, fault);
	unsafe_get_user(args.due_ns, &uptr->due_ns, fault);
	unsafe_get_user(args.period_ns, &uptr->period_ns, fault);
	unsafe_get_user(args.flags, &uptr->flags, fault);
	unsafe_get_user(args.count, &uptr->count, fault);
	unsafe_get_user(reserved[0], &uptr->__reserved[0], fault);
	unsafe_get_user(reserved[1], &uptr->__reserved[1], fault);
	unsafe_get_user(reserved[2], &uptr->__reserved[2], fault);
	unsafe_get_user(reserved[3], &uptr->__reserved[3], fault);
	user_read_access_end();
	if (reserved[0] | reserved[1] | reserved[2] | reserved[3])
		return -EINVAL;
	return evnotify_update_times(inst, &args);
fault:
	user_read_access_end();
	return -EFAULT;
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
	u32 pending, unread, completing;
	u64 armed, completed, cancelled;
	u64 raised = 0, taken, lost;

	spin_lock_irq(&inst->lock);
	armed = inst->armed;
	completed = inst->completed;
	cancelled = inst->cancelled;
	pending = inst->pending;
	unread = inst->unread;
	completing = inst->completing;
	if (inst->source)
		raised = evnotify_source_raised(inst) - inst->first_seen;
	taken = inst->seen - inst->first_seen;
	lost = inst->lost;
	spin_unlock_irq(&inst->lock);

	seq_printf(m, "instance:\t%u\n", inst->number);
	seq_printf(m, "armed:\t%llu\n", armed);
	seq_printf(m, "completed:\t%llu\n", completed);
	seq_printf(m, "cancelled:\t%llu\n", cancelled);
	seq_printf(m, "pending:\t%u\n", pending);
	seq_printf(m, "unread:\t%u\n", unread);
	seq_printf(m, "completing:\t%u\n", completing);
	if (!inst->source)
		return;
	seq_printf(m, "source:\t%s\n", evnotify_source_name(inst->source));
	seq_printf(m, "raised:\t%llu\n", raised);
	seq_printf(m, "taken:\t%llu\n", taken);
	seq_printf(m, "lost:\t%llu\n", lost);
}

static int evnotify_set_up_file(struct inode *inode, struct file *file)
{
	/* read_iter and write_iter honour IOCB_NOWAIT. */
	file->f_mode |= FMODE_NOWAIT;
	return stream_open(inode, file);
}

static int evnotify_open(struct inode *inode, struct file *file)
{
	struct evnotify_instance *inst;

	inst = evnotify_instance_create(evnotify_source_of(inode));
	if (IS_ERR(inst))
		return PTR_ERR(inst);
	file->private_data = inst;
	return evnotify_set_up_file(inode, file);
}

/**
 * evnotify_open_anon - open a file that is in no file system
 * @src: whose events it gets
 * @name: what /proc/PID/fd calls it
 * @flags: of open()
 *
 * Context: process.
 * Return: the file, or an ERR_PTR().
 */
struct file *evnotify_open_anon(struct evnotify_source *src, const char *name,
				unsigned int flags)
{
	struct evnotify_instance *inst = evnotify_instance_create(src);
	struct file *file;

	if (IS_ERR(inst))
		return ERR_CAST(inst);
	file = anon_inode_getfile(name, &evnotify_fops, inst, O_RDWR | flags);
	if (IS_ERR(file))
		evnotify_instance_destroy(inst);
	else
		evnotify_set_up_file(file_inode(file), file);
	return file;
}

/* The last reference has gone: no call is under way, and none comes. */
static int evnotify_release(struct inode *inode, struct file *file)
{
	evnotify_instance_destroy(file->private_data);
	return 0;
}

const struct file_operations evnotify_fops = {
	.owner = THIS_MODULE,
	.open = evnotify_open,
	.release = evnotify_release,
	.read = evnotify_read,
	.write = evnotify_write,
	.read_iter = evnotify_read_iter,
	.write_iter = evnotify_write_iter,
	.poll = evnotify_poll,
	.fasync = evnotify_fasync,
	.unlocked_ioctl = evnotify_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.show_fdinfo = evnotify_show_fdinfo,
};
