// SPDX-License-Identifier: GPL-2.0-only
/*
 * evnotify-event - the WDK sample "Event" as a Linux driver would first be written
 *
 * To be read beside the sample's source, routine by routine, and before the
 * engine in module/.  Its design is kept: one list and one lock for the
 * device, and for each request a record with a timer and a DPC of its own.  So a
 * request costs a kernel timer and a tasklet, to cancel is to search, and all
 * programs meet in one lock.  The handbook, walk-event.rst, says what became of that.
 *
 * /dev/evnotify-event takes what the sample can do of the ABI that
 * <linux/evnotify.h> has: REGISTER of one request, which expires once, on
 * CLOCK_MONOTONIC; WAIT, CANCEL by id, read() and poll().
 */
#include <linux/completion.h>
#include <linux/err.h>
#include <linux/eventfd.h>
#include <linux/evnotify.h>
#include <linux/fs.h>
#include <linux/hrtimer.h>
#include <linux/interrupt.h>
#include <linux/ktime.h>
#include <linux/list.h>
#include <linux/lockdep.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/poll.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/uaccess.h>
#include <linux/wait.h>

/* DEVICE_EXTENSION: EventQueueHead, all requests that are pending, and QueueLock. */
static LIST_HEAD(event_queue);
/*
 * Guards all lists, and what stands below as "locked".  KeAcquireSpinLock() keeps
 * DPCs away, spin_lock_bh() keeps tasklets away; the interrupt does not take it.
 */
static DEFINE_SPINLOCK(event_lock);

/*
 * FILE_CONTEXT, without its remove lock: a call keeps the file open.  What the I/O
 * manager knows of the file's IRPs, we have to know ourselves.
 */
struct event_file {
	struct list_head completed;	/* records that read() has to give, in order */
	struct list_head spent;		/* records that can be freed */
	wait_queue_head_t wait;		/* for records in @completed */
	u64 last_id;			/* locked */
};

/* NOTIFY_RECORD */
struct event_record {
	/* ListEntry: in event_queue while @pending, then in a list of @file or in none */
	struct list_head list;
	/*
	 * Locked; who clears it decides how the request ends.  That is all which is left
	 * of IoSetCancelRoutine(), Irp->Cancel and CancelRoutineFreeMemory.
	 */
	bool pending;
	struct event_file *file;	/* FileObject */
	struct eventfd_ctx *eventfd;	/* Message.Event; NULL: Message.PendingIrp */
	struct hrtimer timer;		/* Timer */
	struct tasklet_struct dpc;	/* Dpc */
	ktime_t expired;		/* by @timer, for @dpc */
	struct completion *done;	/* of a WAIT, which frees the record; or NULL */
	struct evnotify_event event;	/* IoStatus and buffer of the IRP; locked */
};

/*
 * ExFreePoolWithTag(), once timer and DPC have done with the record, which the
 * sample does not make sure of.  A DPC may free its own record; a tasklet may not:
 * the kernel looks at it again after it has run.
 */
static void event_free(struct event_record *rec)
{
	hrtimer_cancel(&rec->timer);	/* from here on nobody schedules the tasklet */
	tasklet_kill(&rec->dpc);
	if (rec->eventfd)
		eventfd_ctx_put(rec->eventfd);
	kfree(rec);
}

static void event_free_all(struct list_head *records)
{
	struct event_record *rec, *next;

	list_for_each_entry_safe(rec, next, records, list)
		event_free(rec);
}

/* IoCompleteRequest(). The lock's next holder may free the record. */
static void event_complete(struct event_record *rec, int status)
{
	struct event_file *file = rec->file;

	lockdep_assert_held(&event_lock);
	rec->pending = false;
	rec->event.status = status;
	rec->event.completed_ns = ktime_get_ns();
	if (rec->eventfd) {
		list_move_tail(&rec->list, &file->spent);
	} else if (rec->done) {
		list_del_init(&rec->list);
		complete(rec->done);
	} else {
		list_move_tail(&rec->list, &file->completed);
		wake_up(&file->wait);
	}
}

/*
 * CustomTimerDPC(): the time of the request has come, unless it was cancelled
 * before.  KeSetEvent() is without the lock: how long eventfd_signal() takes is up
 * to those who wait.  Whoever frees the record waits for us in tasklet_kill().
 */
static void event_dpc(struct tasklet_struct *dpc)
{
	struct event_record *rec = from_tasklet(rec, dpc, dpc);
	bool mine;

	spin_lock(&event_lock);
	mine = rec->pending;
	if (mine) {
		rec->event.expired_ns = ktime_to_ns(rec->expired);
		rec->event.count = 1;
		event_complete(rec, 0);
	}
	spin_unlock(&event_lock);
	if (mine && rec->eventfd)
		eventfd_signal(rec->eventfd);
}

/* The interrupt.  In NT it is the kernel's, which queues the DPC of a timer. */
static enum hrtimer_restart event_interrupt(struct hrtimer *timer)
{
	struct event_record *rec = container_of(timer, struct event_record, timer);

	rec->expired = ktime_get();
	tasklet_schedule(&rec->dpc);
	return HRTIMER_NORESTART;
}

/* EventCancelRoutine().  -EALREADY: the DPC was first; -ENOENT: no such request. */
static int event_cancel(struct event_file *file, u64 id)
{
	struct event_record *rec;
	int ret = -ENOENT;

	spin_lock_bh(&event_lock);
	if (id && id <= file->last_id)
		ret = -EALREADY;
	list_for_each_entry(rec, &event_queue, list) {
		if (rec->file == file && rec->event.id == id) {
			event_complete(rec, -ECANCELED);
			ret = 0;
			break;
		}
	}
	spin_unlock_bh(&event_lock);
	return ret;
}

/*
 * RegisterEventBasedNotification() and RegisterIrpBasedNotification(), which differ
 * in a line.  Sets the id in @req.  With @done the record is the caller's; else it
 * may be gone on return.
 */
static struct event_record *event_register(struct event_file *file,
					   struct evnotify_request *req,
					   struct completion *done)
{
	struct eventfd_ctx *eventfd;
	struct event_record *rec;
	LIST_HEAD(spent);

	if (req->clockid != CLOCK_MONOTONIC || req->due_ns > KTIME_MAX ||
	    req->flags & ~EVNOTIFY_ABSTIME || req->period_ns || req->count ||
	    req->__reserved[0] || req->__reserved[1] || req->__reserved[2])
		return ERR_PTR(-EINVAL);
	/* ExAllocatePoolWithQuotaTag(): the memory cgroup of the caller pays. */
	rec = kzalloc_obj(*rec, GFP_KERNEL_ACCOUNT);
	if (!rec)
		return ERR_PTR(-ENOMEM);
	if (req->mode == EVNOTIFY_MODE_EVENTFD && !done)
		/* ObReferenceObjectByHandle(): we are in the caller's process. */
		eventfd = eventfd_ctx_fdget(req->eventfd);
	else if (req->mode == EVNOTIFY_MODE_PENDING && !req->eventfd)
		eventfd = NULL;
	else
		eventfd = ERR_PTR(-EINVAL);
	if (IS_ERR(eventfd)) {
		kfree(rec);
		return ERR_CAST(eventfd);
	}
	hrtimer_setup(&rec->timer, event_interrupt, CLOCK_MONOTONIC, HRTIMER_MODE_ABS);
	tasklet_setup(&rec->dpc, event_dpc);
	rec->file = file;
	rec->eventfd = eventfd;
	rec->done = done;
	rec->event.user_data = req->user_data;
	/* Where DueTime has its sign, there is a flag. */
	rec->event.due_ns = req->due_ns;
	if (!(req->flags & EVNOTIFY_ABSTIME))
		rec->event.due_ns = ktime_add_safe(ktime_get(), req->due_ns);

	spin_lock_bh(&event_lock);
	list_splice_init(&file->spent, &spent);
	req->id = ++file->last_id;
	rec->event.id = req->id;
	rec->pending = true;
	list_add_tail(&rec->list, &event_queue);
	/* With the lock: a record in the list may be cancelled, read and freed. */
	hrtimer_start(&rec->timer, rec->event.due_ns, HRTIMER_MODE_ABS);
	spin_unlock_bh(&event_lock);
	event_free_all(&spent);
	return rec;
}

/* IOCTL_REGISTER_EVENT that is overlapped: 0 is STATUS_PENDING. */
static long event_ioctl_register(struct event_file *file,
				 struct evnotify_register __user *uptr)
{
	struct evnotify_request __user *ureq;
	struct evnotify_register args;
	struct evnotify_request req;
	struct event_record *rec;

	if (copy_from_user(&args, uptr, sizeof(args)))
		return -EFAULT;
	if (args.count != 1 || args.__reserved[0] || args.__reserved[1])
		return -EINVAL;
	ureq = u64_to_user_ptr(args.requests);
	/* Where no id can be written, nothing is armed. */
	if (copy_from_user(&req, ureq, sizeof(req)) || put_user(0, &ureq->id))
		return -EFAULT;
	rec = event_register(file, &req, NULL);
	if (IS_ERR(rec))
		return PTR_ERR(rec);
	if (put_user(req.id, &ureq->id) || put_user(1, &uptr->taken))
		return -EFAULT;
	return 0;
}

/* The program gets the event, and the record is freed; or the next read() gives it. */
static int event_tell(struct event_record *rec, struct evnotify_event __user *uptr)
{
	if (!copy_to_user(uptr, &rec->event, sizeof(rec->event))) {
		event_free(rec);
		return 0;
	}
	spin_lock_bh(&event_lock);
	list_add(&rec->list, &rec->file->completed);
	wake_up(&rec->file->wait);
	spin_unlock_bh(&event_lock);
	return -EFAULT;
}

/*
 * IOCTL_REGISTER_EVENT that is synchronous.  A signal cancels the request, as the
 * I/O manager does for a thread that ends, unless the DPC is first.
 */
static long event_ioctl_wait(struct event_file *file, struct evnotify_wait __user *uptr)
{
	DECLARE_COMPLETION_ONSTACK(done);
	struct evnotify_request req;
	struct event_record *rec;
	int ret = 0;

	if (copy_from_user(&req, &uptr->request, sizeof(req)))
		return -EFAULT;
	rec = event_register(file, &req, &done);
	if (IS_ERR(rec))
		return PTR_ERR(rec);
	if (put_user(req.id, &uptr->request.id))
		ret = -EFAULT;
	else if (wait_for_completion_interruptible(&done))
		ret = -EINTR;	/* not restarted: its whole delay would begin again */
	if (ret && !event_cancel(file, req.id)) {
		event_free(rec);
		return ret;
	}
	return event_tell(rec, &uptr->event);
}

static long event_ioctl_cancel(struct event_file *file,
			       struct evnotify_cancel __user *uptr)
{
	struct evnotify_cancel args;

	if (copy_from_user(&args, uptr, sizeof(args)))
		return -EFAULT;
	if (args.flags || args.__pad || args.__reserved)
		return -EINVAL;
	return event_cancel(file, args.id) ?: put_user(1, &uptr->cancelled);
}

/* EventDispatchIoControl() */
static long event_ioctl(struct file *filp, unsigned int cmd, unsigned long arg)
{
	void __user *uptr = (void __user *)arg;

	switch (cmd) {
	case EVNOTIFY_IOC_REGISTER:
		return event_ioctl_register(filp->private_data, uptr);
	case EVNOTIFY_IOC_WAIT:
		return event_ioctl_wait(filp->private_data, uptr);
	case EVNOTIFY_IOC_CANCEL:
		return event_ioctl_cancel(filp->private_data, uptr);
	default:
		return -ENOTTY;	/* STATUS_INVALID_DEVICE_REQUEST */
	}
}

/* GetOverlappedResult(): the answer to REGISTER. */
static ssize_t event_read(struct file *filp, char __user *buf, size_t size,
			  loff_t *pos)
{
	struct event_file *file = filp->private_data;
	struct event_record *rec;
	int ret;

	if (size < sizeof(rec->event))
		return -EINVAL;
	for (;;) {
		spin_lock_bh(&event_lock);
		rec = list_first_entry_or_null(&file->completed,
					       struct event_record, list);
		if (rec)
			list_del_init(&rec->list);
		spin_unlock_bh(&event_lock);
		if (rec)
			break;
		if (filp->f_flags & O_NONBLOCK)
			return -EAGAIN;
		ret = wait_event_interruptible(file->wait,
					       !list_empty(&file->completed));
		if (ret)
			return ret;
	}
	return event_tell(rec, (void __user *)buf) ?: sizeof(rec->event);
}

/* OVERLAPPED.hEvent: tells when read() has an answer. */
static __poll_t event_poll(struct file *filp, poll_table *wait)
{
	struct event_file *file = filp->private_data;
	__poll_t mask = 0;

	poll_wait(filp, &file->wait, wait);
	/* With the lock, so that we see the record, or its wake_up() sees us. */
	spin_lock_bh(&event_lock);
	if (!list_empty(&file->completed))
		mask = EPOLLIN | EPOLLRDNORM;
	spin_unlock_bh(&event_lock);
	return mask;
}

/* EventCreateClose(), IRP_MJ_CREATE */
static int event_open(struct inode *inode, struct file *filp)
{
	struct event_file *file = kzalloc_obj(*file, GFP_KERNEL_ACCOUNT);

	if (!file)
		return -ENOMEM;
	INIT_LIST_HEAD(&file->completed);
	INIT_LIST_HEAD(&file->spent);
	init_waitqueue_head(&file->wait);
	filp->private_data = file;
	return stream_open(inode, filp);
}

/*
 * EventCleanup(), and EventCreateClose() with IRP_MJ_CLOSE: no call is under way
 * on this file and none will come, so that only interrupts and DPCs are left.
 */
static int event_release(struct inode *inode, struct file *filp)
{
	struct event_file *file = filp->private_data;
	struct event_record *rec, *next;
	LIST_HEAD(records);

	spin_lock_bh(&event_lock);
	list_for_each_entry_safe(rec, next, &event_queue, list) {
		if (rec->file == file) {
			rec->pending = false;
			list_move(&rec->list, &records);
		}
	}
	list_splice(&file->completed, &records);
	list_splice(&file->spent, &records);
	spin_unlock_bh(&event_lock);
	event_free_all(&records);
	kfree(file);
	return 0;
}

/* The dispatch table.  The owner cannot be unloaded while a file is open. */
static const struct file_operations event_fops = {
	.owner = THIS_MODULE,
	.open = event_open,
	.release = event_release,
	.unlocked_ioctl = event_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.read = event_read,
	.poll = event_poll,
};

static struct miscdevice event_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "evnotify-event",
	.fops = &event_fops,
	.mode = 0600,
};

/*
 * DriverEntry() and EventUnload(), device object and symbolic link.  No DPC is left
 * for KeFlushQueuedDpcs(): each close has waited for those of its file.
 */
module_misc_device(event_device);

MODULE_DESCRIPTION("The WDK sample Event, ported literally");
MODULE_AUTHOR("The evnotify authors");
MODULE_LICENSE("GPL");
