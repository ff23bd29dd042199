// SPDX-License-Identifier: GPL-2.0-only
/*
 * evnotify - how many instances a user has
 *
 * Each instance may use an interrupt and a tasklet at each shortest period, and
 * the kernel runs all tasklets that are due before processes get on.  So what is
 * left of a CPU to others depends on the number of instances.  It is limited by
 * user, as inotify does it: no user can take the places of another.
 */
#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/err.h>
#include <linux/gfp.h>
#include <linux/mutex.h>
#include <linux/uidgid.h>
#include <linux/xarray.h>

#include "evnotify.h"

/* The number of instances, by uid; under evnotify_user_lock. */
static DEFINE_XARRAY(evnotify_users);
static DEFINE_MUTEX(evnotify_user_lock);

/**
 * evnotify_user_get - take a place for an instance of the current user
 * @user: set to who has to give it back
 *
 * Context: process.
 * Return: 0, -EMFILE if the user has as many as may be and no privilege to have
 * more, or -ENOMEM.
 */
int evnotify_user_get(kuid_t *user)
{
	unsigned long nr;
	int ret;

	*user = current_euid();
	mutex_lock(&evnotify_user_lock);
	nr = xa_to_value(xa_load(&evnotify_users, __kuid_val(*user)));
	if (nr >= READ_ONCE(evnotify_max_user_instances) &&
	    !capable(CAP_SYS_RESOURCE))
		ret = -EMFILE;
	else
		ret = xa_err(xa_store(&evnotify_users, __kuid_val(*user),
				      xa_mk_value(nr + 1), GFP_KERNEL));
	mutex_unlock(&evnotify_user_lock);
	return ret;
}

/**
 * evnotify_user_put - give a place back
 * @user: whose
 *
 * Context: process.
 */
void evnotify_user_put(kuid_t user)
{
	unsigned long nr;

	mutex_lock(&evnotify_user_lock);
	nr = xa_to_value(xa_load(&evnotify_users, __kuid_val(user)));
	/* Neither needs memory. */
	if (nr > 1)
		xa_store(&evnotify_users, __kuid_val(user), xa_mk_value(nr - 1),
			 GFP_KERNEL);
	else
		xa_erase(&evnotify_users, __kuid_val(user));
	mutex_unlock(&evnotify_user_lock);
}
