// SPDX-License-Identifier: GPL-2.0-only
/*
 * bench - what the author of a driver would write to tell a process of an
 * interrupt
 *
 * An open file of /dev/bench-peer has an interrupt of its own, an hrtimer in
 * hard interrupt context, and one of several ways to the process, as the
 * kernel's own drivers have them: the count of uio, the fifo of gpio-v2 (filled
 * in the handler itself, where gpio needs a thread), an eventfd; or a source of
 * evnotify.  It is there to be measured, and not for PREEMPT_RT, where handlers
 * may not take these locks.
 */
#include <linux/atomic.h>
#include <linux/bottom_half.h>
#include <linux/err.h>
#include <linux/eventfd.h>
#include <linux/evnotify_source.h>
#include <linux/fs.h>
#include <linux/hrtimer.h>
#include <linux/interrupt.h>
#include <linux/irqflags.h>
#include <linux/kfifo.h>
#include <linux/ktime.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/poll.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/timex.h>
#include <linux/uaccess.h>
#include <linux/wait.h>

#include "peer.h"

/**
 * struct peer - an open file
 * @timer: stands in for the interrupt
 * @tasklet: for PEER_TASKLET
 * @way: how the handler tells; set once
 * @wait: who reads or polls; its lock guards @records
 * @count: interrupts so far
 * @seen: of these, what the reader knows
 * @records: for PEER_FIFO
 * @efd: for PEER_EVENTFD
 */
struct peer {
	struct hrtimer timer;
	struct tasklet_struct tasklet;
	enum peer_way way;
	wait_queue_head_t wait;
	atomic_t count;
	s32 seen;
	DECLARE_KFIFO(records, struct peer_record, 16);
	struct eventfd_ctx *efd;
};

/* For PEER_SOURCE. */
static struct evnotify_source *peer_source;

static void peer_tasklet(struct tasklet_struct *tasklet)
{
	struct peer *peer = from_tasklet(peer, tasklet, tasklet);

	atomic_inc(&peer->count);
	wake_up_interruptible(&peer->wait);
}

static enum hrtimer_restart peer_interrupt(struct hrtimer *timer)
{
	struct peer *peer = container_of(timer, struct peer, timer);
	struct peer_record record = {};
	unsigned long flags;

	switch (peer->way) {
	case PEER_COUNT:
		atomic_inc(&peer->count);
		wake_up_interruptible(&peer->wait);
		break;
	case PEER_TASKLET:
		tasklet_schedule(&peer->tasklet);
		break;
	case PEER_FIFO:
		record.timestamp_ns = ktime_get_ns();
		record.seqno = atomic_inc_return(&peer->count);
		spin_lock_irqsave(&peer->wait.lock, flags);
		if (kfifo_is_full(&peer->records))
			kfifo_skip(&peer->records);
		kfifo_in(&peer->records, &record, 1);
		spin_unlock_irqrestore(&peer->wait.lock, flags);
		wake_up_poll(&peer->wait, EPOLLIN);
		break;
	case PEER_EVENTFD:
		eventfd_signal(peer->efd);
		break;
	case PEER_SOURCE:
		evnotify_source_raise(peer_source, ktime_to_ns(hrtimer_get_expires(timer)));
		break;
	}
	return HRTIMER_NORESTART;
}

static int peer_open(struct inode *inode, struct file *file)
{
	struct peer *peer = kzalloc_obj(*peer, GFP_KERNEL_ACCOUNT);

	if (!peer)
		return -ENOMEM;
	hrtimer_setup(&peer->timer, peer_interrupt, CLOCK_MONOTONIC,
		      HRTIMER_MODE_ABS);
	tasklet_setup(&peer->tasklet, peer_tasklet);
	init_waitqueue_head(&peer->wait);
	INIT_KFIFO(peer->records);
	file->private_data = peer;
	return 0;
}

static int peer_setup(struct peer *peer, const struct peer_setup __user *uptr)
{
	struct peer_setup setup;
	struct eventfd_ctx *efd;

	if (copy_from_user(&setup, uptr, sizeof(setup)))
		return -EFAULT;
	if (setup.way > PEER_SOURCE || peer->efd)
		return -EINVAL;
	if (setup.way == PEER_EVENTFD) {
		efd = eventfd_ctx_fdget(setup.eventfd);
		if (IS_ERR(efd))
			return PTR_ERR(efd);
		peer->efd = efd;
	}
	peer->way = setup.way;
	return 0;
}

/* As in a handler: there a tasklet that is scheduled wakes no ksoftirqd. */
static u64 peer_raise(void)
{
	cycles_t t0, t1, t2;

	local_bh_disable();
	local_irq_disable();
	t0 = get_cycles();
	t1 = get_cycles();
	evnotify_source_raise(peer_source, 0);
	t2 = get_cycles();
	local_irq_enable();
	local_bh_enable();
	/* less what it takes to look at the counter */
	return (t2 - t1) - (t1 - t0);
}

static long peer_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	void __user *uptr = (void __user *)arg;

	switch (cmd) {
	case PEER_SETUP:
		return peer_setup(file->private_data, uptr);
	case PEER_RAISE:
		return put_user(peer_raise(), (u64 __user *)uptr);
	default:
		return -ENOTTY;
	}
}

static ssize_t peer_write(struct file *file, const char __user *buf,
			  size_t len, loff_t *pos)
{
	struct peer *peer = file->private_data;
	u64 due;

	if (len != sizeof(due))
		return -EINVAL;
	if (copy_from_user(&due, buf, sizeof(due)))
		return -EFAULT;
	hrtimer_start(&peer->timer, ns_to_ktime(due), HRTIMER_MODE_ABS);
	return len;
}

/* As uio_read(). */
static ssize_t peer_read_count(struct peer *peer, char __user *buf, size_t len)
{
	DECLARE_WAITQUEUE(wait, current);
	ssize_t ret;
	s32 count;

	if (len != sizeof(count))
		return -EINVAL;
	add_wait_queue(&peer->wait, &wait);
	for (;;) {
		set_current_state(TASK_INTERRUPTIBLE);
		count = atomic_read(&peer->count);
		if (count != peer->seen) {
			__set_current_state(TASK_RUNNING);
			peer->seen = count;
			ret = copy_to_user(buf, &count, len) ? -EFAULT : len;
			break;
		}
		if (signal_pending(current)) {
			ret = -ERESTARTSYS;
			break;
		}
		schedule();
	}
	__set_current_state(TASK_RUNNING);
	remove_wait_queue(&peer->wait, &wait);
	return ret;
}

/* As linereq_read(). */
static ssize_t peer_read_fifo(struct peer *peer, char __user *buf, size_t len)
{
	struct peer_record record;
	int ret;

	if (len < sizeof(record))
		return -EINVAL;
	spin_lock_irq(&peer->wait.lock);
	ret = wait_event_interruptible_locked_irq(peer->wait,
						  !kfifo_is_empty(&peer->records));
	if (!ret && kfifo_out(&peer->records, &record, 1) != 1)
		ret = -EIO;
	spin_unlock_irq(&peer->wait.lock);
	if (ret)
		return ret;
	return copy_to_user(buf, &record, sizeof(record)) ? -EFAULT : sizeof(record);
}

static ssize_t peer_read(struct file *file, char __user *buf, size_t len,
			 loff_t *pos)
{
	struct peer *peer = file->private_data;

	switch (peer->way) {
	case PEER_COUNT:
	case PEER_TASKLET:
		return peer_read_count(peer, buf, len);
	case PEER_FIFO:
		return peer_read_fifo(peer, buf, len);
	default:
		return -EINVAL;
	}
}

static __poll_t peer_poll(struct file *file, poll_table *table)
{
	struct peer *peer = file->private_data;
	bool ready;

	poll_wait(file, &peer->wait, table);
	if (peer->way == PEER_FIFO)
		ready = !kfifo_is_empty(&peer->records);
	else
		ready = peer->seen != atomic_read(&peer->count);
	return ready ? EPOLLIN | EPOLLRDNORM : 0;
}

static int peer_release(struct inode *inode, struct file *file)
{
	struct peer *peer = file->private_data;

	hrtimer_cancel(&peer->timer);
	tasklet_kill(&peer->tasklet);
	if (peer->efd)
		eventfd_ctx_put(peer->efd);
	kfree(peer);
	return 0;
}

static const struct file_operations peer_fops = {
	.owner = THIS_MODULE,
	.open = peer_open,
	.unlocked_ioctl = peer_ioctl,
	.write = peer_write,
	.read = peer_read,
	.poll = peer_poll,
	.release = peer_release,
};

static struct miscdevice peer_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "bench-peer",
	.fops = &peer_fops,
	.mode = 0600,
};

static int __init peer_init(void)
{
	int ret;

	peer_source = evnotify_source_register(NULL, "bench", NULL, NULL);
	if (IS_ERR(peer_source))
		return PTR_ERR(peer_source);
	ret = misc_register(&peer_device);
	if (ret)
		evnotify_source_unregister(peer_source);
	return ret;
}
module_init(peer_init);

static void __exit peer_exit(void)
{
	misc_deregister(&peer_device);
	evnotify_source_unregister(peer_source);
}
module_exit(peer_exit);

MODULE_DESCRIPTION("What drivers do today to tell a process of an interrupt");
MODULE_LICENSE("GPL");
