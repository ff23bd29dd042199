// SPDX-License-Identifier: GPL-2.0-only
/*
 * evnotify-sim - sources that play what a process writes, to test with
 *
 * Whoever opens /dev/evnotify-sim makes a source with NEW, and writes steps to it:
 * after a delay, an event with some data.  A timer in hard interrupt context
 * raises them, as a device would, on PREEMPT_RT too.  When the file is closed, the
 * device is pulled out.
 *
 * It uses what any driver may use of evnotify, and nothing else.
 *
 * No process may keep a CPU busy with interrupts.  So an interrupt raises a few
 * events at most, and those of all sims on a CPU raise them in slots, with a least
 * time between two, and three times as long again as the interrupts take: on a slow
 * machine, too, they leave most of the CPU.  A sim that is due takes the next free
 * slot, and keeps it until it has used it: asking again gains nothing.
 */
#include <linux/atomic.h>
#include <linux/completion.h>
#include <linux/err.h>
#include <linux/evnotify_sim.h>
#include <linux/evnotify_source.h>
#include <linux/fcntl.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/hrtimer.h>
#include <linux/ktime.h>
#include <linux/minmax.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/percpu.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>

/* Events that an interrupt raises, and the time between two slots. */
#define SIM_BATCH	16
#define SIM_SLOT_NS	(50 * NSEC_PER_USEC)
/* For each nanosecond of an interrupt, so many more until the next free slot. */
#define SIM_REST	3
/* Longest delay of a step: the sum of a write() stays below KTIME_MAX. */
#define SIM_MAX_DELAY	((1ULL << 51) - 1)
/* Sims that there can be: they leave sources to drivers. */
#define SIM_MAX		1024

/**
 * struct sim - an open file of /dev/evnotify-sim
 * @mutex: one NEW or write() at a time
 * @src: its source; NULL before NEW
 * @file: an open file of the source: as long as the source is there, it takes a
 *	place of the user
 * @done: the last step has been played
 * @timer: plays.  While it is active, what follows belongs to it
 * @steps: what it plays
 * @count: how many steps these are
 * @next: the next of them
 * @due: when that is due, on CLOCK_MONOTONIC
 * @slot: when it may play, or 0: it has no slot
 */
struct sim {
	struct mutex mutex;	/* one NEW or write() at a time */
	struct evnotify_source *src;
	struct file *file;
	struct completion done;
	struct hrtimer timer;
	struct evnotify_sim_step *steps;
	unsigned int count;
	unsigned int next;
	ktime_t due;
	ktime_t slot;
};

static atomic_t sim_count;

/* The next free slot of a CPU; its interrupts alone touch it. */
static DEFINE_PER_CPU(ktime_t, sim_free_slot);

/* Raise what is due, if it is the turn of this sim; @now is when that began. */
static enum hrtimer_restart sim_raise(struct sim *sim, ktime_t *free, ktime_t now)
{
	unsigned int n;

	if (!sim->slot) {
		sim->slot = max(*free, now);
		*free = ktime_add_ns(sim->slot, SIM_SLOT_NS);
	}
	if (sim->slot > now) {
		hrtimer_set_expires(&sim->timer, sim->slot);
		return HRTIMER_RESTART;
	}
	sim->slot = 0;

	for (n = 0; n < SIM_BATCH && sim->due <= now; n++) {
		evnotify_source_raise(sim->src, sim->steps[sim->next].data);
		if (++sim->next == sim->count) {
			complete(&sim->done);
			return HRTIMER_NORESTART;
		}
		sim->due = ktime_add_ns(sim->due,
					sim->steps[sim->next].delay_ns);
	}
	hrtimer_set_expires(&sim->timer, sim->due);
	return HRTIMER_RESTART;
}

/* A hard interrupt, on PREEMPT_RT too. */
static enum hrtimer_restart sim_interrupt(struct hrtimer *timer)
{
	struct sim *sim = container_of(timer, struct sim, timer);
	ktime_t *free = this_cpu_ptr(&sim_free_slot);
	enum hrtimer_restart restart;
	ktime_t now = ktime_get();

	restart = sim_raise(sim, free, now);
	*free = max(*free, now) + SIM_REST * ktime_sub(ktime_get(), now);
	return restart;
}

/* Play the steps.  Returns how many were, if a signal ends it, or an error. */
static int sim_play(struct sim *sim)
{
	int ret;

	sim->next = 0;
	sim->due = ktime_add_ns(ktime_get(), sim->steps[0].delay_ns);
	reinit_completion(&sim->done);
	hrtimer_start(&sim->timer, sim->due, HRTIMER_MODE_ABS_HARD);
	ret = wait_for_completion_interruptible(&sim->done);
	hrtimer_cancel(&sim->timer);
	return sim->next ?: ret;
}

static ssize_t sim_write(struct file *file, const char __user *buf, size_t size,
			 loff_t *pos)
{
	struct sim *sim = file->private_data;
	unsigned int n;
	ssize_t ret;

	size /= sizeof(*sim->steps);
	if (!size || size > EVNOTIFY_SIM_MAX_STEPS)
		return -EINVAL;
	if (mutex_lock_interruptible(&sim->mutex))
		return -ERESTARTSYS;
	ret = -ENXIO;
	if (!sim->src)
		goto unlock;
	sim->steps = vmemdup_user(buf, size * sizeof(*sim->steps));
	ret = PTR_ERR_OR_ZERO(sim->steps);
	if (ret)
		goto unlock;
	sim->count = size;
	for (n = 0; n < sim->count && !ret; n++)
		if (sim->steps[n].delay_ns > SIM_MAX_DELAY)
			ret = -EINVAL;
	if (!ret)
		ret = sim_play(sim);
	if (ret > 0)
		ret *= sizeof(*sim->steps);
	kvfree(sim->steps);
unlock:
	mutex_unlock(&sim->mutex);
	return ret;
}

static long sim_new(struct sim *sim, struct evnotify_sim_new __user *uptr)
{
	struct evnotify_sim_new args;
	struct evnotify_source *src;
	struct file *file;
	int ret;

	if (copy_from_user(&args, uptr, sizeof(args)))
		return -EFAULT;
	if (args.flags & ~(O_CLOEXEC | O_NONBLOCK) ||
	    memchr_inv(args.__reserved, 0, sizeof(args.__reserved)))
		return -EINVAL;
	if (sim->src)
		return -EBUSY;
	args.fd = get_unused_fd_flags(args.flags & O_CLOEXEC);
	if (args.fd < 0)
		return args.fd;
	src = evnotify_source_register(NULL, "sim", NULL, NULL);
	ret = PTR_ERR_OR_ZERO(src);
	if (ret)
		goto put_fd;
	file = evnotify_source_open(src, args.flags & O_NONBLOCK);
	ret = PTR_ERR_OR_ZERO(file);
	if (ret)
		goto unregister;
	strscpy_pad(args.name, evnotify_source_name(src), sizeof(args.name));
	ret = copy_to_user(uptr, &args, sizeof(args)) ? -EFAULT : 0;
	if (ret)
		goto put_file;
	sim->src = src;
	sim->file = file;
	fd_install(args.fd, get_file(file));
	return 0;

put_file:
	fput(file);
unregister:
	evnotify_source_unregister(src);
put_fd:
	put_unused_fd(args.fd);
	return ret;
}

static long sim_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct sim *sim = file->private_data;
	long ret;

	if (cmd != EVNOTIFY_SIM_IOC_NEW)
		return -ENOTTY;
	if (mutex_lock_interruptible(&sim->mutex))
		return -ERESTARTSYS;
	ret = sim_new(sim, (void __user *)arg);
	mutex_unlock(&sim->mutex);
	return ret;
}

static int sim_open(struct inode *inode, struct file *file)
{
	struct sim *sim;

	if (!atomic_add_unless(&sim_count, 1, SIM_MAX))
		return -ENOSPC;
	sim = kzalloc_obj(*sim, GFP_KERNEL_ACCOUNT);
	if (!sim) {
		atomic_dec(&sim_count);
		return -ENOMEM;
	}
	mutex_init(&sim->mutex);
	init_completion(&sim->done);
	hrtimer_setup(&sim->timer, sim_interrupt, CLOCK_MONOTONIC,
		      HRTIMER_MODE_ABS_HARD);
	file->private_data = sim;
	return stream_open(inode, file);
}

/* No write() is under way, so the timer is not active. */
static int sim_release(struct inode *inode, struct file *file)
{
	struct sim *sim = file->private_data;

	if (sim->src) {
		evnotify_source_unregister(sim->src);
		fput(sim->file);
	}
	kfree(sim);
	atomic_dec(&sim_count);
	return 0;
}

static const struct file_operations sim_fops = {
	.owner = THIS_MODULE,
	.open = sim_open,
	.release = sim_release,
	.write = sim_write,
	.unlocked_ioctl = sim_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
};

static struct miscdevice sim_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "evnotify-sim",
	.fops = &sim_fops,
	.mode = 0660,
};
module_misc_device(sim_device);

MODULE_DESCRIPTION("Software sources of evnotify, to test with");
MODULE_AUTHOR("The evnotify authors");
MODULE_LICENSE("GPL");
MODULE_VERSION(EVNOTIFY_VERSION);
