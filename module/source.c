// SPDX-License-Identifier: GPL-2.0-only
/*
 * evnotify - what other drivers call: a source, its node, and raising an event
 */
#include <linux/bitmap.h>
#include <linux/bug.h>
#include <linux/cdev.h>
#include <linux/ctype.h>
#include <linux/device.h>
#include <linux/err.h>
#include <linux/evnotify_source.h>
#include <linux/export.h>
#include <linux/fs.h>
#include <linux/idr.h>
#include <linux/kdev_t.h>
#include <linux/kstrtox.h>
#include <linux/list.h>
#include <linux/lockdep.h>
#include <linux/minmax.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/sysfs.h>
#include <linux/timekeeping.h>

#include "evnotify.h"
#include "source.h"
#include "trace.h"

/* Sources that there can be. */
#define EVNOTIFY_MAX_SOURCES	4096

static dev_t evnotify_devt;
static DEFINE_IDA(evnotify_minors);
/* The sources that are registered, and their names. */
static LIST_HEAD(evnotify_sources);
static DEFINE_MUTEX(evnotify_sources_mutex);

static const struct evnotify_source_ops evnotify_no_ops;

/**
 * evnotify_source_raise - tell processes that something has happened
 * @src: the source
 * @data: what they get with it
 *
 * It never fails and never sleeps.  What it does is bounded, counted on Linux 6.12:
 * 115 instructions with no file open, 161 with one in which a request waits, and
 * 3,122 with 64 of these, the most that can have a source open.
 *
 * Context: any but NMI, also a hard interrupt on PREEMPT_RT.  Not before
 * evnotify_source_register() has returned, nor after evnotify_source_unregister()
 * is called; but always from when @ops->open() is called until @ops->close() returns.
 */
void evnotify_source_raise(struct evnotify_source *src, u64 data)
{
	/*
	 * In a thread nothing would run the tasklets until an interrupt comes, or
	 * ksoftirqd does: so they run when we enable them again.  preemptible() is
	 * always false in a kernel without CONFIG_PREEMPT_COUNT.
	 */
	bool thread = !preempt_count() && !irqs_disabled();
	struct evnotify_instance *inst;
	struct evnotify_raised *event;
	unsigned long flags;

	if (thread)
		local_bh_disable();
	raw_spin_lock_irqsave(&src->lock, flags);
	if (IS_ENABLED(CONFIG_EVNOTIFY_DEBUG))
		WARN_ON_ONCE(src->gone);
	event = &src->ring[src->raised++ % EVNOTIFY_RING];
	/* Under the lock: of two CPUs, the later event has the later time. */
	event->time = ktime_get();
	event->data = data;
	trace_evnotify_raise(&src->dev, src->raised, data);
	list_for_each_entry(inst, &src->listeners, listener)
		if (READ_ONCE(inst->waiting.first))
			tasklet_schedule(&inst->dpc);
	raw_spin_unlock_irqrestore(&src->lock, flags);
	if (thread)
		local_bh_enable();
}
EXPORT_SYMBOL_GPL(evnotify_source_raise);

/**
 * evnotify_source_of - the source of a node
 * @inode: the inode that is opened
 *
 * Context: process.
 * Return: the source, or NULL for /dev/evnotify.
 */
struct evnotify_source *evnotify_source_of(struct inode *inode)
{
	if (imajor(inode) != MAJOR(evnotify_devt))
		return NULL;
	return container_of(inode->i_cdev, struct evnotify_source, cdev);
}

/**
 * evnotify_source_open - open a source, without its node
 * @src: the source
 * @flags: O_CLOEXEC and O_NONBLOCK, or 0
 *
 * For a driver that makes a source on behalf of a process, and hands it over.
 *
 * Context: process; the file counts for the user who calls.
 * Return: a file, as open() of the node gives it, or an ERR_PTR().
 */
struct file *evnotify_source_open(struct evnotify_source *src, unsigned int flags)
{
	return evnotify_open_anon(src, dev_name(&src->dev), flags);
}
EXPORT_SYMBOL_GPL(evnotify_source_open);

/**
 * evnotify_source_name - the name of the node of a source, in /dev
 * @src: the source
 *
 * Return: the name, until evnotify_source_unregister().
 */
const char *evnotify_source_name(const struct evnotify_source *src)
{
	return dev_name(&src->dev);
}
EXPORT_SYMBOL_GPL(evnotify_source_name);

static ssize_t raised_show(struct device *dev, struct device_attribute *attr,
			   char *buf)
{
	struct evnotify_source *src = container_of(dev, struct evnotify_source,
						   dev);
	u64 raised;

	raw_spin_lock_irq(&src->lock);
	raised = src->raised;
	raw_spin_unlock_irq(&src->lock);
	return sysfs_emit(buf, "%llu\n", raised);
}
static DEVICE_ATTR_RO(raised);

static struct attribute *evnotify_source_attrs[] = {
	&dev_attr_raised.attr,
	NULL,
};
ATTRIBUTE_GROUPS(evnotify_source);

static struct class evnotify_class = {
	.name = "evnotify",
	.dev_groups = evnotify_source_groups,
};

static void evnotify_source_release(struct device *dev)
{
	kfree(container_of(dev, struct evnotify_source, dev));
}

static bool evnotify_source_name_ok(const char *name)
{
	const char *c;

	for (c = name; *c; c++)
		if (!isalnum(*c) && *c != '-' && *c != '_')
			return false;
	return c > name && c - name <= EVNOTIFY_MAX_SOURCE_NAME;
}

/*
 * Name a source: the lowest number that makes it another than all there are.
 * "a1" with number 0 and "a" with number 10 are one name, so what counts is how the
 * names of the others go on, whatever their drivers called them.  One pass over them
 * serves for all numbers: 4,096 of one name take seconds, not hours.
 */
static int evnotify_source_set_name(struct evnotify_source *src, const char *name)
{
	struct evnotify_source *other;
	unsigned long *taken;
	unsigned int n;
	int len, ret;

	lockdep_assert_held(&evnotify_sources_mutex);
	taken = bitmap_zalloc(EVNOTIFY_MAX_SOURCES + 1, GFP_KERNEL);
	if (!taken)
		return -ENOMEM;
	ret = dev_set_name(&src->dev, "evnotify-%s", name);
	if (ret)
		goto free;
	len = strlen(dev_name(&src->dev));
	list_for_each_entry(other, &evnotify_sources, link) {
		const char *number = dev_name(&other->dev) + len;

		/* We write no leading zeroes: "a01" is another name. */
		if (!strncmp(dev_name(&other->dev), dev_name(&src->dev), len) &&
		    (number[0] != '0' || !number[1]) &&
		    !kstrtouint(number, 10, &n) && n <= EVNOTIFY_MAX_SOURCES)
			__set_bit(n, taken);
	}
	n = find_first_zero_bit(taken, EVNOTIFY_MAX_SOURCES + 1);
	ret = dev_set_name(&src->dev, "evnotify-%s%u", name, n);
free:
	bitmap_free(taken);
	return ret;
}

/**
 * evnotify_source_register - make a node for the events of a driver
 * @parent: the device that they come from, or NULL
 * @name: of letters, digits, '-' and '_', at most 32; a number is added to it, the
 *	lowest that is free: the first source of the name "edu" is
 *	/dev/evnotify-edu0
 * @ops: what the driver wants to be told, or NULL; has to stay until
 *	evnotify_source_unregister() has returned
 * @driver_data: passed to @ops
 *
 * Context: process.
 * Return: the source, or an ERR_PTR(): -EINVAL for a bad name, -ENOSPC if there are
 * 4,096 sources, -ENOMEM.
 */
struct evnotify_source *
evnotify_source_register(struct device *parent, const char *name,
			 const struct evnotify_source_ops *ops,
			 void *driver_data)
{
	struct evnotify_source *src;
	int minor, ret;

	if (!evnotify_source_name_ok(name))
		return ERR_PTR(-EINVAL);
	src = kzalloc_obj(*src, GFP_KERNEL_ACCOUNT);
	if (!src)
		return ERR_PTR(-ENOMEM);
	src->ops = ops ?: &evnotify_no_ops;
	src->driver_data = driver_data;
	mutex_init(&src->mutex);
	raw_spin_lock_init(&src->lock);
	INIT_LIST_HEAD(&src->listeners);
	device_initialize(&src->dev);
	src->dev.class = &evnotify_class;
	src->dev.parent = parent;
	src->dev.release = evnotify_source_release;
	cdev_init(&src->cdev, &evnotify_fops);
	src->cdev.owner = THIS_MODULE;

	mutex_lock(&evnotify_sources_mutex);
	ret = evnotify_source_set_name(src, name);
	if (ret)
		goto put;
	minor = ida_alloc_max(&evnotify_minors, EVNOTIFY_MAX_SOURCES - 1,
			      GFP_KERNEL);
	ret = min(minor, 0);
	if (ret)
		goto put;
	src->dev.devt = MKDEV(MAJOR(evnotify_devt), minor);
	ret = cdev_device_add(&src->cdev, &src->dev);
	if (ret) {
		ida_free(&evnotify_minors, minor);
		goto put;
	}
	list_add(&src->link, &evnotify_sources);
	mutex_unlock(&evnotify_sources_mutex);
	return src;
put:
	mutex_unlock(&evnotify_sources_mutex);
	put_device(&src->dev);
	return ERR_PTR(ret);
}
EXPORT_SYMBOL_GPL(evnotify_source_register);

/**
 * evnotify_source_unregister - the device goes away
 * @src: the source, or NULL or an ERR_PTR(): then nothing is done
 *
 * What waits for an event ends with -ENODEV, after all events that were raised.  It
 * does not wait for processes: their files stay open, and hold no reference to
 * the driver.  Nothing may raise an event any more: so free the interrupt before,
 * or in @ops->close().
 *
 * Context: process.  @ops->close() is called if the node is open.
 */
void evnotify_source_unregister(struct evnotify_source *src)
{
	struct evnotify_instance *inst;

	if (IS_ERR_OR_NULL(src))
		return;
	mutex_lock(&evnotify_sources_mutex);
	cdev_device_del(&src->cdev, &src->dev);
	ida_free(&evnotify_minors, MINOR(src->dev.devt));
	list_del(&src->link);
	mutex_unlock(&evnotify_sources_mutex);

	mutex_lock(&src->mutex);
	if (src->nr_listeners && src->ops->close)
		src->ops->close(src->driver_data);
	src->ops = &evnotify_no_ops;
	local_bh_disable();
	raw_spin_lock_irq(&src->lock);
	WRITE_ONCE(src->gone, true);
	list_for_each_entry(inst, &src->listeners, listener)
		tasklet_schedule(&inst->dpc);
	raw_spin_unlock_irq(&src->lock);
	local_bh_enable();
	mutex_unlock(&src->mutex);
	put_device(&src->dev);
}
EXPORT_SYMBOL_GPL(evnotify_source_unregister);

/**
 * evnotify_sources_init - let drivers register sources
 *
 * Context: process.
 * Return: 0 or an error.
 */
int __init evnotify_sources_init(void)
{
	int ret;

	ret = class_register(&evnotify_class);
	if (ret)
		return ret;
	ret = alloc_chrdev_region(&evnotify_devt, 0, EVNOTIFY_MAX_SOURCES,
				  "evnotify");
	if (ret)
		class_unregister(&evnotify_class);
	return ret;
}

/**
 * evnotify_sources_exit - undo evnotify_sources_init()
 *
 * Context: process; no source is registered: each holds a reference to the module.
 */
void evnotify_sources_exit(void)
{
	unregister_chrdev_region(evnotify_devt, EVNOTIFY_MAX_SOURCES);
	class_unregister(&evnotify_class);
}
