// SPDX-License-Identifier: GPL-2.0-only
/*
 * Loads the kernel module, as the program of the WDK sample installs its driver, and
 * unloads it again. libkmod returns the kernel's errno, which is put in words.
 */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <libkmod.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "cli.h"

#define NODE_TIMEOUT_NS	(5 * NSEC_PER_SEC)

bool is_locked_down(void)
{
	const char *path = "/sys/kernel/security/lockdown";

	return file_says(path, "[integrity]") || file_says(path, "[confidentiality]");
}

const char *running_kernel(void)
{
	static struct utsname name;

	uname(&name);
	return name.release;
}

/* The kernel that the module was built for, from its vermagic; "" if unknown. */
static void built_for(struct kmod_module *kmod, char *buf, size_t size)
{
	struct kmod_list *list = NULL;
	struct kmod_list *item;

	*buf = '\0';
	if (kmod_module_get_info(kmod, &list) < 0)
		return;
	kmod_list_foreach(item, list) {
		if (strcmp(kmod_module_info_get_key(item), "vermagic") == 0) {
			snprintf(buf, size, "%s", kmod_module_info_get_value(item));
			buf[strcspn(buf, " ")] = '\0';
		}
	}
	kmod_module_info_free_list(list);
}

static int no_module_permission(void)
{
	if (file_says("/proc/sys/kernel/modules_disabled", "1")) {
		fail(EXIT_REFUSED, "this kernel loads no more modules (modules_disabled)");
		hint("boot again; the setting cannot be taken back");
		return EXIT_REFUSED;
	}
	if (is_locked_down()) {
		fail(EXIT_REFUSED, "the kernel is locked down and loads signed modules only");
		hint("turn Secure Boot off, or sign the module with a key that mokutil imported");
		return EXIT_REFUSED;
	}
	fail(EXIT_NO_PERMISSION, "loading a module needs the right to (CAP_SYS_MODULE)");
	hint("sudo evnotify ..., or once: sudo modprobe " MODULE_NAME
	     "; in a container: on the host");
	return EXIT_NO_PERMISSION;
}

static int refused(struct kmod_module *kmod, const char *what, int error)
{
	char kernel[128];

	switch (error) {
	case EPERM:
	case EACCES:
		return no_module_permission();
	case EKEYREJECTED:
	case ENOKEY:
	case EBADMSG:
		fail(EXIT_REFUSED, "the kernel refused the signature of %s: %s", what,
		     strerror(error));
		hint("sign it or turn Secure Boot off; mokutil --import /var/lib/dkms/mok.pub");
		return EXIT_REFUSED;
	case ENOENT:
		fail(EXIT_REFUSED, "%s uses a symbol that this kernel does not have", what);
		break;
	case ENOEXEC:
	case EINVAL:
		built_for(kmod, kernel, sizeof(kernel));
		if (*kernel && strcmp(kernel, running_kernel()) != 0)
			fail(EXIT_REFUSED, "%s was built for kernel %s, this one is %s", what,
			     kernel, running_kernel());
		else
			fail(EXIT_REFUSED, "%s is not a module for this kernel: %s", what,
			     strerror(error));
		break;
	default:
		fail(EXIT_REFUSED, "the kernel refused to load %s: %s", what,
		     strerror(error));
		hint("sudo dmesg | tail: the kernel's own message");
		return EXIT_REFUSED;
	}
	hint("sudo dkms autoinstall builds it for kernel %s; sudo dmesg | tail says more",
	     running_kernel());
	return EXIT_REFUSED;
}

/* The module: @file, or the one that is installed for the running kernel. */
static int find_module(struct kmod_ctx *ctx, const char *file, struct kmod_module **kmod)
{
	struct kmod_list *list = NULL;
	int ret;

	if (file) {
		ret = kmod_module_new_from_path(ctx, file, kmod);
		if (ret < 0)
			return fail(EXIT_NO_DEVICE, "cannot use %s: %s", file, strerror(-ret));
		return EXIT_OK;
	}
	ret = kmod_module_new_from_lookup(ctx, MODULE_NAME, &list);
	if (ret < 0 || !list) {
		fail(EXIT_NO_DEVICE, "no module " MODULE_NAME " is installed for kernel %s",
		     running_kernel());
		hint("install evnotify-dkms, or name a module: --module FILE.ko");
		return EXIT_NO_DEVICE;
	}
	*kmod = kmod_module_get_module(list);
	kmod_module_unref_list(list);
	return EXIT_OK;
}

/* Waits for the node: the kernel makes it, but /dev may be another's to fill. */
static bool wait_for_node(const char *node)
{
	uint64_t deadline = now_ns(CLOCK_MONOTONIC) + NODE_TIMEOUT_NS;
	struct pollfd pfd = { .fd = inotify_init1(IN_CLOEXEC), .events = POLLIN };
	char events[4096];
	char dir[PATH_MAX];
	uint64_t now;
	bool found;

	snprintf(dir, sizeof(dir), "%s", node);
	inotify_add_watch(pfd.fd, dirname(dir), IN_CREATE | IN_MOVED_TO);
	for (;;) {
		found = access(node, F_OK) == 0;
		now = now_ns(CLOCK_MONOTONIC);
		if (found || now >= deadline)
			break;
		if (poll(&pfd, 1, (int)((deadline - now) / 1000000) + 1) > 0 &&
		    read(pfd.fd, events, sizeof(events)) < 0)
			break;
	}
	close(pfd.fd);
	return found;
}

static int insert(struct kmod_module *kmod, const char *file)
{
	/* A file is taken as it is; an installed one with its modprobe.d options. */
	if (file)
		return kmod_module_insert_module(kmod, 0, NULL);
	return kmod_module_probe_insert_module(kmod, KMOD_PROBE_FAIL_ON_LOADED, NULL, NULL, NULL,
					       NULL);
}

/*
 * Loads the module and waits for @node. If somebody else loaded it meanwhile,
 * that is as good, and theirs to unload.
 */
int module_load(struct module *module, const char *file, const char *node)
{
	const char *what = file ? file : "module " MODULE_NAME;
	struct kmod_module *kmod;
	int status;
	int ret;

	module->kmod = NULL;
	module->ctx = kmod_new(NULL, NULL);
	if (!module->ctx)
		return fail(EXIT_FAILED, "libkmod cannot be used: %s", strerror(errno));
	kmod_set_log_priority(module->ctx, 0);

	status = find_module(module->ctx, file, &kmod);
	if (status)
		goto err_unref_ctx;
	ret = insert(kmod, file);
	if (ret < 0 && ret != -EEXIST) {
		status = refused(kmod, what, -ret);
		goto err_unref_kmod;
	}
	if (!wait_for_node(node)) {
		status = fail(EXIT_NO_DEVICE, "%s is loaded, but %s did not appear", what, node);
		hint("mount devtmpfs on /dev; a device of another name: --device PATH");
		if (ret != -EEXIST)
			kmod_module_remove_module(kmod, O_NONBLOCK);
		goto err_unref_kmod;
	}
	if (ret == -EEXIST)
		kmod_module_unref(kmod);
	else
		module->kmod = kmod;
	return EXIT_OK;

err_unref_kmod:
	kmod_module_unref(kmod);
err_unref_ctx:
	kmod_unref(module->ctx);
	module->ctx = NULL;
	return status;
}

/* Unloads what module_load() loaded, unless it is in use by now. */
void module_unload(struct module *module)
{
	int ret;

	if (module->kmod) {
		ret = kmod_module_remove_module(module->kmod, O_NONBLOCK);
		if (ret < 0)
			fail(EXIT_FAILED, "module " MODULE_NAME " stays loaded: %s",
			     ret == -EAGAIN || ret == -EBUSY ? "another program uses it" :
							       strerror(-ret));
		kmod_module_unref(module->kmod);
	}
	if (module->ctx)
		kmod_unref(module->ctx);
	memset(module, 0, sizeof(*module));
}
