// SPDX-License-Identifier: GPL-2.0-only
/*
 * A driver for the test program "driver": it has the sources that its parameters say,
 * raises events when it is told to, and counts what it is told.
 *
 * It has no device: a thread raises the events.
 */
#include <linux/err.h>
#include <linux/evnotify_source.h>
#include <linux/kstrtox.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/mutex.h>
#include <linux/string.h>

#define MOST_NAMES	16
#define LONGEST_TEXT	40	/* of a name: more than may be */
#define MOST_SOURCES	4096

static char *names[MOST_NAMES];
static unsigned int nr_names;
module_param_array(names, charp, &nr_names, 0444);
MODULE_PARM_DESC(names, "sources, in the order in which they are registered");

static unsigned int each = 1;
module_param(each, uint, 0444);
MODULE_PARM_DESC(each, "how many of each name");

static bool numbered;
module_param(numbered, bool, 0444);
MODULE_PARM_DESC(numbered, "each source has a name of its own, with its number");

static int open_error;
module_param(open_error, int, 0644);
MODULE_PARM_DESC(open_error, "errno with which the driver refuses to be opened");

static unsigned int raise_in_open;
module_param(raise_in_open, uint, 0644);
MODULE_PARM_DESC(raise_in_open, "events that it raises while it is opened");

static unsigned int opened, closed, misused;
module_param(opened, uint, 0444);
MODULE_PARM_DESC(opened, "how often it was opened");
module_param(closed, uint, 0444);
MODULE_PARM_DESC(closed, "how often it was closed");
module_param(misused, uint, 0444);
MODULE_PARM_DESC(misused, "calls that should not have come then");

static struct evnotify_source *sources[MOST_SOURCES];
static unsigned int nr_sources;
/* Orders what parameters ask for; the counters are under the source's own. */
static DEFINE_MUTEX(mutex);
static bool is_open[MOST_SOURCES];
static bool is_gone;

static unsigned int number_of(void *driver_data)
{
	return (bool *)driver_data - is_open;
}

static int test_open(struct evnotify_source *src, void *driver_data)
{
	unsigned int n = number_of(driver_data), i;

	misused += is_open[n] || is_gone;
	for (i = 1; i <= raise_in_open; i++)
		evnotify_source_raise(src, i);
	if (open_error)
		return -open_error;
	opened++;
	is_open[n] = true;
	return 0;
}

static void test_close(void *driver_data)
{
	unsigned int n = number_of(driver_data);

	misused += !is_open[n] || is_gone;
	closed++;
	is_open[n] = false;
}

static const struct evnotify_source_ops test_ops = {
	.open = test_open,
	.close = test_close,
};

/* Write N: the first source raises as many events, of which the n-th carries n. */
static int test_raise(const char *val, const struct kernel_param *kp)
{
	unsigned int n, i;
	int ret = kstrtouint(val, 0, &n);

	if (ret)
		return ret;
	mutex_lock(&mutex);
	if (is_gone || !nr_sources)
		ret = -ENODEV;
	for (i = 1; !ret && i <= n; i++)
		evnotify_source_raise(sources[0], i);
	mutex_unlock(&mutex);
	return ret;
}

static const struct kernel_param_ops raise_ops = { .set = test_raise };
module_param_cb(raise, &raise_ops, NULL, 0200);
MODULE_PARM_DESC(raise, "write how many events it has to raise");

static void unregister_all(void)
{
	unsigned int i;

	for (i = 0; i < nr_sources; i++)
		evnotify_source_unregister(sources[i]);
	nr_sources = 0;
	is_gone = true;
}

/* Write anything: its sources go, and it stays. */
static int test_unregister(const char *val, const struct kernel_param *kp)
{
	mutex_lock(&mutex);
	unregister_all();
	mutex_unlock(&mutex);
	return 0;
}

static const struct kernel_param_ops unregister_ops = { .set = test_unregister };
module_param_cb(unregister, &unregister_ops, NULL, 0200);
MODULE_PARM_DESC(unregister, "write, and its sources go");

/* Write a name: there is one more source, or it says why not. */
static int test_register(const char *val, const struct kernel_param *kp)
{
	struct evnotify_source *src;
	int ret = 0;

	mutex_lock(&mutex);
	if (nr_sources == MOST_SOURCES) {
		ret = -E2BIG;
		goto unlock;
	}
	is_gone = false;
	src = evnotify_source_register(NULL, val, &test_ops, &is_open[nr_sources]);
	if (IS_ERR(src))
		ret = PTR_ERR(src);
	else
		sources[nr_sources++] = src;
unlock:
	mutex_unlock(&mutex);
	return ret;
}

static const struct kernel_param_ops register_ops = { .set = test_register };
module_param_cb(register, &register_ops, NULL, 0200);
MODULE_PARM_DESC(register, "write the name of one more source");

static int __init testdriver_init(void)
{
	struct evnotify_source *src;
	unsigned int i, k;
	char name[LONGEST_TEXT];

	if (nr_names * each > MOST_SOURCES)
		return -E2BIG;
	for (i = 0; i < nr_names; i++) {
		for (k = 0; k < each; k++) {
			if (numbered)
				snprintf(name, sizeof(name), "%s%u-", names[i], k);
			else
				strscpy(name, names[i], sizeof(name));
			src = evnotify_source_register(NULL, name, &test_ops,
						       &is_open[nr_sources]);
			if (IS_ERR(src)) {
				/* As a driver may that does not look: it is no source. */
				evnotify_source_unregister(src);
				evnotify_source_unregister(NULL);
				unregister_all();
				return PTR_ERR(src);
			}
			sources[nr_sources++] = src;
		}
	}
	return 0;
}
module_init(testdriver_init);

static void __exit testdriver_exit(void)
{
	if (!is_gone)
		unregister_all();
}
module_exit(testdriver_exit);

MODULE_DESCRIPTION("Driver for the tests of evnotify's sources");
MODULE_AUTHOR("The evnotify authors");
MODULE_LICENSE("GPL");
