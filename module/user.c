// SPDX-License-Identifier: GPL-2.0-only
/*
 * evnotify - the users: how many instances and requests each may have, and
 * whose turn it is to signal in process context
 *
 * The periodic timers of an instance may take an interrupt and a run of the
 * tasklet in each shortest period, and the kernel runs all tasklets that are
 * due before processes go on.  So the more instances a user has, the less of a
 * CPU is left to others; and the more requests, the less memory.  Both are
 * limited by user, as inotify does it: no user can take the places of another.
 *
 * A user who may map others into a user namespace (subuids) would have the
 * places of all of them.  So a process in a user namespace is counted as the
 * user who made that namespace, or the one of its parents that is directly
 * below the initial namespace.  If root made it, it is a container, and has
 * places of its own.
 *
 * In process context, eventfds are signalled by turns: one user after the
 * other, and of each user one instance after the other.
 */
#include <linux/atomic.h>
#include <linux/bug.h>
#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/err.h>
#include <linux/gfp.h>
#include <linux/hashtable.h>
#include <linux/list.h>
#include <linux/lockdep.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/uidgid.h>
#include <linux/user_namespace.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "evnotify.h"

/**
 * struct evnotify_user - whose places instances take
 * @node: in evnotify_users
 * @uid: the user, or who made @ns
 * @ns: a namespace that has places of its own; a reference, so that no other
 *	can come to its address; or NULL
 * @instances: how many there are, at least 1; under evnotify_user_lock
 * @requests: for how many these have records, besides those inside them
 * @work: the next turn
 * @lock: @waiting and @serving; nests inside inst->lock
 * @waiting: instances that want a turn, by their @turn
 * @serving: the one that has it, or NULL
 * @served: who waits for that to end
 */
struct evnotify_user {
	struct hlist_node node;
	kuid_t uid;
	struct user_namespace *ns;
	unsigned long instances;
	atomic_long_t requests;
	struct work_struct work;
	spinlock_t lock;	/* @waiting and @serving */
	struct list_head waiting;
	struct evnotify_instance *serving;
	wait_queue_head_t served;
};

static DEFINE_HASHTABLE(evnotify_users, 6);
static DEFINE_MUTEX(evnotify_user_lock);

/*
 * Give one instance of a user its turn.  The workqueue is ordered, and this
 * queues its work anew at the end of it: so the next turn is another user's.
 */
static void evnotify_user_work(struct work_struct *work)
{
	struct evnotify_user *user = container_of(work, struct evnotify_user, work);
	struct evnotify_instance *inst;

	spin_lock_irq(&user->lock);
	inst = list_first_entry_or_null(&user->waiting, struct evnotify_instance,
					turn);
	if (inst)
		list_del_init(&inst->turn);
	WRITE_ONCE(user->serving, inst);
	spin_unlock_irq(&user->lock);
	if (!inst)
		return;

	evnotify_signal_deferred(inst);
	spin_lock_irq(&user->lock);
	WRITE_ONCE(user->serving, NULL);
	if (!list_empty(&user->waiting))
		queue_work(evnotify_workqueue, &user->work);
	spin_unlock_irq(&user->lock);
	wake_up(&user->served);
}

/**
 * evnotify_user_queue - have an instance wait for its turn, if it does not yet
 * @inst: the instance; evnotify_signal_deferred() will be called for it
 *
 * Context: inst->lock held.
 */
void evnotify_user_queue(struct evnotify_instance *inst)
{
	struct evnotify_user *user = inst->user;

	lockdep_assert_held(&inst->lock);
	spin_lock(&user->lock);
	if (list_empty(&inst->turn)) {
		list_add_tail(&inst->turn, &user->waiting);
		queue_work(evnotify_workqueue, &user->work);
	}
	spin_unlock(&user->lock);
}

/**
 * evnotify_user_dequeue - wait until an instance has no turn and gets none
 * @inst: the instance; evnotify_user_queue() is not called again
 *
 * Context: process.  When it returns, no turn of @inst is under way.
 */
void evnotify_user_dequeue(struct evnotify_instance *inst)
{
	struct evnotify_user *user = inst->user;

	spin_lock_irq(&user->lock);
	list_del_init(&inst->turn);
	spin_unlock_irq(&user->lock);
	wait_event(user->served, READ_ONCE(user->serving) != inst);
}

/* The user as whom the current process is counted; NULL: there is no memory. */
static struct evnotify_user *evnotify_user_current(void)
{
	struct user_namespace *ns = current_user_ns();
	kuid_t uid = current_euid();
	struct evnotify_user *user;

	while (ns != &init_user_ns && ns->parent != &init_user_ns)
		ns = ns->parent;
	if (ns != &init_user_ns)
		uid = ns->owner;
	if (ns == &init_user_ns || !uid_eq(uid, GLOBAL_ROOT_UID))
		ns = NULL;

	hash_for_each_possible(evnotify_users, user, node, __kuid_val(uid))
		if (user->ns == ns && uid_eq(user->uid, uid))
			return user;
	user = kzalloc_obj(*user, GFP_KERNEL_ACCOUNT);
	if (!user)
		return NULL;
	user->uid = uid;
	user->ns = ns ? get_user_ns(ns) : NULL;
	INIT_WORK(&user->work, evnotify_user_work);
	spin_lock_init(&user->lock);
	INIT_LIST_HEAD(&user->waiting);
	init_waitqueue_head(&user->served);
	hash_add(evnotify_users, &user->node, __kuid_val(uid));
	return user;
}

/**
 * evnotify_user_get - take a place for an instance of the current user
 *
 * Context: process.
 * Return: who has to give it back, ERR_PTR(-EMFILE) if the user has as many as
 * may be and no privilege to have more, or ERR_PTR(-ENOMEM).
 */
struct evnotify_user *evnotify_user_get(void)
{
	struct evnotify_user *user;

	mutex_lock(&evnotify_user_lock);
	user = evnotify_user_current();
	if (!user)
		user = ERR_PTR(-ENOMEM);
	else if (user->instances >= READ_ONCE(evnotify_max_user_instances) &&
		 !capable(CAP_SYS_RESOURCE))
		user = ERR_PTR(-EMFILE);
	else
		user->instances++;
	mutex_unlock(&evnotify_user_lock);
	return user;
}

/**
 * evnotify_user_put - give a place back
 * @user: whose; may be gone afterwards
 *
 * Context: process.
 */
void evnotify_user_put(struct evnotify_user *user)
{
	bool last;

	mutex_lock(&evnotify_user_lock);
	last = !--user->instances;
	if (last)
		hash_del(&user->node);
	mutex_unlock(&evnotify_user_lock);
	if (!last)
		return;
	WARN_ON_ONCE(atomic_long_read(&user->requests));
	/* It may still be queued, with nothing to do. */
	cancel_work_sync(&user->work);
	if (user->ns)
		put_user_ns(user->ns);
	kfree(user);
}

/**
 * evnotify_user_charge - count the records of a new chunk
 * @user: whose instance it is for
 * @nr: how many requests it has room for
 *
 * Context: process.
 * Return: 0, or -EDQUOT if @user would have more than may be and the caller has
 * no privilege to go beyond.
 */
int evnotify_user_charge(struct evnotify_user *user, unsigned int nr)
{
	long requests = atomic_long_read(&user->requests);

	/* If this were added first and then taken back, others would fail. */
	do {
		if (requests + nr > READ_ONCE(evnotify_max_user_requests) &&
		    !capable(CAP_SYS_RESOURCE))
			return -EDQUOT;
	} while (!atomic_long_try_cmpxchg(&user->requests, &requests,
					  requests + nr));
	return 0;
}

/**
 * evnotify_user_uncharge - what evnotify_user_charge() counted is given back
 * @user: whose instance it was for
 * @nr: for how many requests
 *
 * Context: any.
 */
void evnotify_user_uncharge(struct evnotify_user *user, unsigned int nr)
{
	atomic_long_sub(nr, &user->requests);
}
