/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * evnotify - tell processes of the events of your own driver
 *
 * Three calls: register a source in probe(), raise an event from the interrupt
 * handler, unregister the source in remove().  Processes open the node of the
 * source, /dev/evnotify-NAME0, and have there what /dev/evnotify has, for events
 * of the device in place of a timer's: see evnotify(4).
 *
 *	probe():	src = evnotify_source_register(dev, "name", NULL, NULL);
 *	interrupt:	evnotify_source_raise(src, data);
 *	remove():	evnotify_source_unregister(src);
 *
 * evnotify holds no reference to the module of the driver: it may be unloaded
 * while processes have the node open.
 */
#ifndef _LINUX_EVNOTIFY_SOURCE_H
#define _LINUX_EVNOTIFY_SOURCE_H

#include <linux/device.h>
#include <linux/err.h>
#include <linux/types.h>

struct evnotify_source;
struct file;

/**
 * struct evnotify_source_ops - what a driver is told of those who listen
 * @open: the first process opens the node: switch the interrupt on.  An error is
 *	what its open() fails with.  As the node is there first, this may be called,
 *	and events be raised in @src, before evnotify_source_register() has returned
 * @close: the last one has closed it, or the source is unregistered while it is
 *	open: switch the interrupt off
 *
 * Both are optional.  They are called in process context, may sleep, never run at
 * the same time, and alternate; after evnotify_source_unregister() neither is
 * called.  They must not wait for what the caller of evnotify_source_register()
 * or evnotify_source_unregister() holds.  Who requests the interrupt in @open and
 * frees it in @close registers last in probe() and unregisters first in remove().
 */
struct evnotify_source_ops {
	int (*open)(struct evnotify_source *src, void *driver_data);
	void (*close)(void *driver_data);
};

struct evnotify_source *
evnotify_source_register(struct device *parent, const char *name,
			 const struct evnotify_source_ops *ops,
			 void *driver_data);
void evnotify_source_raise(struct evnotify_source *src, u64 data);
void evnotify_source_unregister(struct evnotify_source *src);

const char *evnotify_source_name(const struct evnotify_source *src);
struct file *evnotify_source_open(struct evnotify_source *src, unsigned int flags);

static inline void evnotify_source_devm_unregister(void *src)
{
	evnotify_source_unregister(src);
}

/**
 * devm_evnotify_source_register - register a source until the driver is unbound
 * @parent: the device that the events come from, bound to the driver
 * @name: see evnotify_source_register()
 * @ops: see evnotify_source_register()
 * @driver_data: passed to @ops
 *
 * Call it before devm_request_irq(): then the handler is gone before the source.
 * With @ops that request and free the interrupt, call it last.
 *
 * Context: process.
 * Return: the source, or an ERR_PTR().
 */
static inline struct evnotify_source *
devm_evnotify_source_register(struct device *parent, const char *name,
			      const struct evnotify_source_ops *ops,
			      void *driver_data)
{
	struct evnotify_source *src;
	int ret;

	src = evnotify_source_register(parent, name, ops, driver_data);
	if (IS_ERR(src))
		return src;
	ret = devm_add_action_or_reset(parent, evnotify_source_devm_unregister,
				       src);
	return ret ? ERR_PTR(ret) : src;
}

#endif /* _LINUX_EVNOTIFY_SOURCE_H */
