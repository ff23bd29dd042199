// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <grp.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"

static int no_device(const char *path, int error)
{
	fail(EXIT_NO_DEVICE, "cannot open %s: %s", path, strerror(error));
	if (access("/sys/module/" MODULE_NAME, F_OK) == 0)
		hint("the module is loaded, but has no node here; containers need --device");
	else
		hint("sudo modprobe " MODULE_NAME "; 'sudo evnotify 1 0' loads and unloads it");
	return EXIT_NO_DEVICE;
}

static int no_permission(const char *path, int error)
{
	struct group *group = NULL;
	struct stat st;

	fail(EXIT_NO_PERMISSION, "cannot open %s: %s", path, strerror(error));
	if (stat(path, &st) == 0 && st.st_gid != 0 && (st.st_mode & S_IRGRP))
		group = getgrgid(st.st_gid);
	if (group)
		hint("sudo usermod -aG %s $USER, then log in anew; or run this with sudo",
		     group->gr_name);
	else
		hint("run this with sudo; the udev rule of the package gives the node a group");
	return EXIT_NO_PERMISSION;
}

/* Opens the device and makes sure that its module fits; says so if not. */
int device_open(const char *path, int flags, struct evn **evn, struct evnotify_info *info)
{
	*evn = evn_open(path, flags);
	if (!*evn) {
		switch (errno) {
		case ENOENT:
		case ENODEV:
		case ENXIO:
			return no_device(path, errno);
		case EACCES:
		case EPERM:
			return no_permission(path, errno);
		case ENOTTY:
			fail(EXIT_NO_DEVICE, "%s is not an evnotify device", path);
			hint("leave out --device to use " DEVICE_PATH);
			return EXIT_NO_DEVICE;
		default:
			return fail(EXIT_FAILED, "cannot open %s: %s", path, strerror(errno));
		}
	}
	if (evn_info(*evn, info) < 0) {
		fail(EXIT_FAILED, "cannot ask %s what it is: %s", path, strerror(errno));
		evn_close(*evn);
		return EXIT_FAILED;
	}
	if (info->abi_version < EVNOTIFY_ABI_VERSION) {
		fail(EXIT_VERSION, "the module has interface version %u, this command needs %u",
		     info->abi_version, EVNOTIFY_ABI_VERSION);
		hint("install the module of release %s, then: sudo modprobe -r " MODULE_NAME
		     " && sudo modprobe " MODULE_NAME, evn_version_string());
		evn_close(*evn);
		return EXIT_VERSION;
	}
	return EXIT_OK;
}
