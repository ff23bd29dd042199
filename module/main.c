// SPDX-License-Identifier: GPL-2.0-only
/*
 * evnotify - kernel to user notification: load, unload, device node
 */
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/workqueue.h>

#include "evnotify.h"

#define CREATE_TRACE_POINTS
#include "trace.h"

unsigned int evnotify_max_requests = 131072;
unsigned int evnotify_min_period_ns = 100000;
unsigned int evnotify_max_user_instances = 128;
unsigned int evnotify_max_user_requests = 262144;

/* A parameter from 1 to @most; anything else is refused and changes nothing. */
#define EVNOTIFY_PARAM(name, most)					\
static int evnotify_set_##name(const char *val,				\
			       const struct kernel_param *kp)		\
{									\
	return param_set_uint_minmax(val, kp, 1, most);			\
}									\
									\
static const struct kernel_param_ops evnotify_##name##_ops = {		\
	.set = evnotify_set_##name,					\
	.get = param_get_uint,						\
};									\
									\
module_param_cb(name, &evnotify_##name##_ops, &evnotify_##name, 0644)

EVNOTIFY_PARAM(max_requests, EVNOTIFY_MAX_REQUESTS);
MODULE_PARM_DESC(max_requests,
		 "Requests that an open file can hold, unread completions included (default 131072, at most 1048576); read at open");
EVNOTIFY_PARAM(min_period_ns, NSEC_PER_SEC);
MODULE_PARM_DESC(min_period_ns,
		 "Shortest period of a periodic request in nanoseconds (default 100000, at most 1000000000)");
EVNOTIFY_PARAM(max_user_instances, EVNOTIFY_MAX_INSTANCES);
MODULE_PARM_DESC(max_user_instances,
		 "Open files of a user without CAP_SYS_RESOURCE (default 128, at most 1048576)");
EVNOTIFY_PARAM(max_user_requests, EVNOTIFY_MAX_USER_REQUESTS);
MODULE_PARM_DESC(max_user_requests,
		 "Requests in all open files of a user without CAP_SYS_RESOURCE (default 262144, at most 1073741824)");

static struct miscdevice evnotify_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "evnotify",
	.fops = &evnotify_fops,
	.mode = 0660,
};

struct workqueue_struct *evnotify_workqueue;

/* An open file holds a reference to the module, and its work ends with it. */
static int __init evnotify_init(void)
{
	int ret;

	/* Ordered: one work item runs at a time, whatever their number. */
	evnotify_workqueue = alloc_ordered_workqueue("evnotify", 0);
	if (!evnotify_workqueue)
		return -ENOMEM;
	ret = evnotify_sources_init();
	if (ret)
		goto destroy_workqueue;
	ret = misc_register(&evnotify_device);
	if (ret)
		goto exit_sources;
	return 0;

exit_sources:
	evnotify_sources_exit();
destroy_workqueue:
	destroy_workqueue(evnotify_workqueue);
	return ret;
}

static void __exit evnotify_exit(void)
{
	misc_deregister(&evnotify_device);
	evnotify_sources_exit();
	destroy_workqueue(evnotify_workqueue);
}

module_init(evnotify_init);
module_exit(evnotify_exit);

MODULE_DESCRIPTION("Kernel to user notification by eventfd or pending request");
MODULE_AUTHOR("The evnotify authors");
MODULE_LICENSE("GPL");
MODULE_VERSION(EVNOTIFY_VERSION);
