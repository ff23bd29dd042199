// SPDX-License-Identifier: GPL-2.0-only
/*
 * Loads the kernel module, as the program of the WDK sample installs its driver, and
 * unloads it again. libkmod returns the kernel's errno, which is put in words.
 */
#include <errno.h>
#include <fcntl.h>
#include <libkmod.h>
#include <linux/capability.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "cli.h"

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

/* May this process load modules? Unknown counts as yes. */
static bool may_load(void)
{
	unsigned long long capabilities;
	bool may = true;
	size_t len;
	char *text = read_all("/proc/self/status", &len);
	const char *line = len ? memmem(text, len, "\nCapEff:", strlen("\nCapEff:")) : NULL;

	if (line && sscanf(line, " CapEff: %llx", &capabilities) == 1)
		may = capabilities >> CAP_SYS_MODULE & 1;
	free(text);
	return may;
}

/* The kernel says EPERM for each of these. */
static int no_module_permission(void)
{
	if (file_says("/proc/sys/kernel/modules_disabled", "1"))
		return fail(EXIT_REFUSED, "this kernel loads no more modules (modules_disabled)");
	if (may_load() && is_locked_down())
		return fail(EXIT_REFUSED,
			    "the kernel is locked down and loads signed modules only");
	fail(EXIT_NO_PERMISSION, "loading a module needs the right to (CAP_SYS_MODULE)");
	hint("run the command with sudo; a container has to leave the module to its host");
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
		return fail(EXIT_REFUSED, "the kernel refused the signature of %s: %s", what,
			    strerror(error));
	case ENOENT:
		fail(EXIT_REFUSED, "%s uses a symbol that this kernel does not have", what);
		break;
	case ENOEXEC:
	case EINVAL:
		built_for(kmod, kernel, sizeof(kernel));
		if (*kernel && strcmp(kernel, running_kernel()) != 0)
			return fail(EXIT_REFUSED, "%s was built for kernel %s, this one is %s",
				    what, kernel, running_kernel());
		fail(EXIT_REFUSED, "%s is not a module for this kernel: %s", what,
		     strerror(error));
		break;
	default:
		fail(EXIT_REFUSED, "the kernel refused to load %s: %s", what,
		     strerror(error));
	}
	hint("'sudo dmesg | tail' has what the kernel says of it");
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
		hint("a module that is not installed: --module FILE.ko");
		return EXIT_NO_DEVICE;
	}
	*kmod = kmod_module_get_module(list);
	kmod_module_unref_list(list);
	return EXIT_OK;
}

static int insert(struct kmod_module *kmod, const char *file)
{
	/* A file is taken as it is; an installed one with its modprobe.d options. */
	if (file)
		return kmod_module_insert_module(kmod, 0, NULL);
	return kmod_module_probe_insert_module(kmod, KMOD_PROBE_FAIL_ON_LOADED, NULL, NULL, NULL,
					       NULL);
}

/* Sets module->kmod if it was loaded here: another's is not ours to unload. */
static int load(struct module *module, const char *file, const char *what)
{
	struct kmod_module *kmod;
	int status;
	int ret;

	module->ctx = kmod_new(NULL, NULL);
	if (!module->ctx)
		return fail(EXIT_FAILED, "libkmod cannot be used: %s", strerror(errno));
	kmod_set_log_priority(module->ctx, 0);
	status = find_module(module->ctx, file, &kmod);
	if (status)
		return status;
	ret = insert(kmod, file);
	if (!ret) {
		module->kmod = kmod;
		return EXIT_OK;
	}
	if (ret != -EEXIST)
		status = refused(kmod, what, -ret);
	kmod_module_unref(kmod);
	return status;
}

/* Loads the module, unless it is loaded, and waits for @node. */
int module_load(struct module *module, const char *file, const char *node)
{
	const char *what = file ? file : "module " MODULE_NAME;
	int status = EXIT_OK;

	if (!exists("/sys/module/" MODULE_NAME))
		status = load(module, file, what);
	if (!status && !device_await(node, F_OK))
		status = fail(EXIT_NO_DEVICE, "the module is loaded, but %s did not appear", node);
	if (status)
		hint_doctor(node);
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
