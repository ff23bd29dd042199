// SPDX-License-Identifier: GPL-2.0-only
/*
 * A module with every bug that a sanitizer of our kernels is there to see; the parameter
 * chooses one. badmod.sh loads it in a throw-away VM, and nobody should anywhere else.
 */
#include <linux/delay.h>
#include <linux/hrtimer.h>
#include <linux/jiffies.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/panic.h>
#include <linux/preempt.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/string.h>

static char *bug = "none";
module_param(bug, charp, 0444);
MODULE_PARM_DESC(bug, "which bug to show");

static DEFINE_SPINLOCK(lock_a);
static DEFINE_SPINLOCK(lock_b);
static DEFINE_MUTEX(mutex);
static int shift = 32;
static unsigned long racy;

static void none(void)
{
}

static void use_after_free(void)
{
	char *p = kmalloc(64, GFP_KERNEL);

	kfree(p);
	OPTIMIZER_HIDE_VAR(p);
	if (p)
		WRITE_ONCE(p[8], 1);
}

static void leak(void)
{
	void *p = kmalloc(128, GFP_KERNEL);

	pr_info("badmod: lost a block: %d\n", !!p);
}

static void lock_order(void)
{
	spin_lock(&lock_a);
	spin_lock(&lock_b);
	spin_unlock(&lock_b);
	spin_unlock(&lock_a);

	spin_lock(&lock_b);
	spin_lock(&lock_a);
	spin_unlock(&lock_a);
	spin_unlock(&lock_b);
}

static void sleep_in_atomic(void)
{
	spin_lock(&lock_a);
	mutex_lock(&mutex);
	mutex_unlock(&mutex);
	spin_unlock(&lock_a);
}

/* The same where PREEMPT_RT sees it as well: there, a spinlock may sleep. */
static void sleep_unpreemptible(void)
{
	preempt_disable();
	mutex_lock(&mutex);
	mutex_unlock(&mutex);
	preempt_enable();
}

static enum hrtimer_restart expired(struct hrtimer *timer)
{
	return HRTIMER_NORESTART;
}

static void free_active_timer(void)
{
	struct hrtimer *timer = kmalloc(sizeof(*timer), GFP_KERNEL);

	if (!timer)
		return;
	hrtimer_setup(timer, expired, CLOCK_MONOTONIC, HRTIMER_MODE_REL);
	hrtimer_start(timer, ms_to_ktime(60000), HRTIMER_MODE_REL);
	kfree(timer);
}

static void undefined_shift(void)
{
	int one = 1;

	OPTIMIZER_HIDE_VAR(one);
	pr_info("badmod: %d\n", one << READ_ONCE(shift));
}

/* A CPU that is nobody else's, until that is noticed */
static void soft_lockup(void)
{
	unsigned long end = jiffies + 60 * HZ;

	preempt_disable();
	while (!test_taint(TAINT_SOFTLOCKUP) && time_before(jiffies, end))
		mdelay(1);
	preempt_enable();
}

/* A reader that takes several times as long as badmod.sh lets it; it can be preempted. */
static void rcu_stall(void)
{
	unsigned long end = jiffies + 15 * HZ;

	rcu_read_lock();
	start_poll_synchronize_rcu();
	while (time_before(jiffies, end))
		mdelay(1);
	rcu_read_unlock();
}

static int racer(void *unused)
{
	while (!kthread_should_stop()) {
		racy++;
		cond_resched();
	}
	return 0;
}

static void race(void)
{
	struct task_struct *threads[2];
	int i;

	for (i = 0; i < 2; i++)
		threads[i] = kthread_run(racer, NULL, "badmod/%d", i);
	msleep(5000);
	for (i = 0; i < 2; i++)
		if (!IS_ERR(threads[i]))
			kthread_stop(threads[i]);
}

static const struct {
	const char *name;
	void (*show)(void);
} bugs[] = {
	{ "none", none },
	{ "use-after-free", use_after_free },
	{ "leak", leak },
	{ "lock-order", lock_order },
	{ "sleep-in-atomic", sleep_in_atomic },
	{ "sleep-unpreemptible", sleep_unpreemptible },
	{ "free-active-timer", free_active_timer },
	{ "undefined-shift", undefined_shift },
	{ "soft-lockup", soft_lockup },
	{ "rcu-stall", rcu_stall },
	{ "race", race },
};

static int __init badmod_init(void)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(bugs); i++) {
		if (!strcmp(bug, bugs[i].name)) {
			bugs[i].show();
			return 0;
		}
	}
	return -EINVAL;
}
module_init(badmod_init);

static void __exit badmod_exit(void)
{
}
module_exit(badmod_exit);

MODULE_DESCRIPTION("Bugs for the sanitizers to see");
MODULE_LICENSE("GPL");
