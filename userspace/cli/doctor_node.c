// SPDX-License-Identifier: GPL-2.0-only
/*
 * What "evnotify doctor" examines of the device node: whose it is, and whether it
 * can be opened. Each errno has a cause of its own, and nothing is to be removed
 * that may be in order.
 */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "doctor.h"

#define UDEV_RULE	"{/etc,/run,/usr/lib,/lib,/usr/local/lib}/udev/rules.d/70-evnotify.rules"
#define DEVICE_GROUP	"evnotify"
#define OVERFLOW_GID	65534		/* of a group that a user namespace does not know */
#define READ_RULES	"sudo udevadm control --reload && " \
			"sudo udevadm trigger --sysname-match='" MODULE_NAME "*'"
#define OWN_RULE	"echo 'SUBSYSTEM==\"evnotify\", KERNEL==\"%.*s[0-9]*\", " \
			"GROUP=\"%s\", MODE=\"0660\"' | " \
			"sudo tee /etc/udev/rules.d/71-%.*s.rules && "
#define SIM_MODULE	"/sys/module/evnotify_sim"
#define PARAMETER	"/sys/module/" MODULE_NAME "/parameters/max_user_instances"

/* Is the user in the group by the books, though this process is not? */
static bool is_member(gid_t gid)
{
	struct passwd *user = getpwuid(getuid());
	gid_t groups[256];
	int n = ARRAY_SIZE(groups);

	if (!user || getgrouplist(user->pw_name, user->pw_gid, groups, &n) < 0)
		return false;
	for (int i = 0; i < n; i++)
		if (groups[i] == gid)
			return true;
	return false;
}

/* Do owner, group and mode let this process open it? */
static bool is_permitted(const struct stat *st)
{
	mode_t needed = S_IROTH | S_IWOTH;

	if (geteuid() == 0)
		return true;
	if (geteuid() == st->st_uid)
		needed = S_IRUSR | S_IWUSR;
	else if (group_member(st->st_gid))
		needed = S_IRGRP | S_IWGRP;
	return (st->st_mode & needed) == needed;
}

/* A source of a driver: the administrator says who may use it. */
static void examine_own_rule(const struct system *system, struct finding *f)
{
	const char *name = system->device + strlen("/dev/");
	int len = (int)strlen(name);

	while (len && strchr("0123456789", name[len - 1]))
		len--;
	why(f, "it is root's alone: whom a source is for has to be said by a rule of udev");
	mend(f, OWN_RULE READ_RULES, len, name, DEVICE_GROUP, len, name);
	add_hint(f, "or any other group that is to use it");
}

static bool is_sims(const struct system *system)
{
	size_t len = strlen(SIM_PATH);

	return strncmp(system->device, SIM_PATH, len) == 0 &&
	       !system->device[len + strspn(system->device + len, "0123456789")];
}

static void examine_permission(const struct system *system, const struct stat *st,
			       struct finding *f)
{
	struct group *group = getgrgid(st->st_gid);
	const char *name = group ? group->gr_name : "?";
	bool is_groups = (st->st_mode & 060) == 060;
	char path[256];

	problem(f, EXIT_NO_PERMISSION);
	what(f, "no permission for %s", system->device);
	if (is_permitted(st)) {
		why(f, "its mode permits it, but a security module or the mount option nodev does not");
		mend(f, "sudo dmesg | tail && findmnt -T %s", system->quoted);
	} else if (system->container || (is_groups && st->st_gid == OVERFLOW_GID)) {
		why(f, "a container has the groups that it was given, and lacks the node's");
		add_hint(f, GIVE_DEVICE);
	} else if ((st->st_gid == 0 || !is_groups) && system->kind == DEVICE_SOURCE &&
		   !is_sims(system)) {
		examine_own_rule(system, f);
	} else if (st->st_gid == 0 || !is_groups) {
		why(f, "it is root's alone: no udev rule gave it to the group " DEVICE_GROUP);
		if (!find_file(UDEV_RULE, path, sizeof(path))) {
			mend(f, "sudo make install");
			add_hint(f, IN_SOURCE "; or the package: sudo apt install ./evnotify_*.deb");
			return;
		}
		mend(f, "%s" READ_RULES, getgrnam(DEVICE_GROUP) ? "" : "sudo systemd-sysusers && ");
	} else if (is_member(st->st_gid)) {
		why(f, "you are in its group %s, but since after you logged in", name);
		mend(f, "newgrp %s", name);
		add_hint(f, "or log out and in again");
	} else {
		why(f, "it belongs to the group %s, and you are not in it", name);
		mend(f, "sudo usermod -aG %s $USER", name);
		add_hint(f, "then log out and in again");
	}
}

/* Makes the node of the module at @system->device, in place of what @remove removes. */
static void mend_node(const struct system *system, const char *remove, struct finding *f)
{
	char number[32] = "";

	read_line("/sys/class/misc/" MODULE_NAME "/dev", number, sizeof(number));
	if (strchr(number, ':'))
		*strchr(number, ':') = ' ';
	if (system->kind == DEVICE_SIM && !*remove) {
		mend(f, "%s" LOAD_SIM, exists(SIM_MODULE) ? "sudo modprobe -r evnotify-sim && " : "");
		if (system->container)
			add_hint(f, "on the host, which has to give the container the node then");
	} else if (system->kind == DEVICE_SOURCE && !*remove) {
		mend(f, "evnotify list");
		add_hint(f, "shows the sources that there are");
	} else if (strcmp(system->device, DEVICE_PATH)) {
		mend(f, "evnotify doctor");
		add_hint(f, "without --device: the node of the module is " DEVICE_PATH);
	} else if (!system->is_loaded) {
		mend_cause(system, f);
		/* What stands there keeps the kernel from making a node. */
		if (*remove)
			mend(f, "%s" DEVICE_PATH "%s%s", remove, *f->mend ? " && " : "",
			     system->cause->mend);
	} else if (system->container) {
		add_hint(f, GIVE_DEVICE);
	} else if (!*number) {
		mend(f, RELOAD);
	} else {
		mend(f, "%s%ssudo mknod -m 660 " DEVICE_PATH " c %s%s",
		     remove, *remove ? DEVICE_PATH " && " : "", number,
		     getgrnam(DEVICE_GROUP) ?
		     " && sudo chgrp " DEVICE_GROUP " " DEVICE_PATH : "");
	}
}

static void examine_absence(const struct system *system, int error, struct finding *f)
{
	problem(f, error == EACCES ? EXIT_NO_PERMISSION : EXIT_NO_DEVICE);
	what(f, "%s: %s", system->device, strerror(error));
	if (error != ENOENT) {
		why(f, "a directory of its path is closed to you, or is none");
		mend(f, "namei -l %s", system->quoted);
		return;
	}
	if (system->kind == DEVICE_SOURCE)
		why(f, "there is no source of that name: its driver, or its device, is not there");
	else if (system->kind == DEVICE_SIM && !exists(SIM_MODULE))
		why(f, "the module evnotify-sim makes it, and is not loaded");
	else if (!system->is_loaded)
		why(f, "the module makes it, and is not loaded");
	else if (system->container)
		why(f, "the module is loaded, but the container was not given its node");
	else
		why(f, "the module is loaded: the node was removed, or /dev is no devtmpfs");
	mend_node(system, "", f);
}

/* It could be opened, and does not answer as evnotify does. */
static void examine_stranger(const struct system *system, const struct stat *st,
			     struct finding *f)
{
	problem(f, EXIT_NO_DEVICE);
	what(f, "%s is not the device of evnotify", system->device);
	if (S_ISCHR(st->st_mode) || S_ISBLK(st->st_mode))
		why(f, "it is another device, %s %u:%u",
		    S_ISCHR(st->st_mode) ? "character" : "block",
		    major(st->st_rdev), minor(st->st_rdev));
	else
		why(f, "it is %s", S_ISREG(st->st_mode) ? "a plain file" :
				   S_ISDIR(st->st_mode) ? "a directory" : "no device at all");
	mend_node(system, S_ISDIR(st->st_mode) ? "sudo rmdir " : "sudo rm ", f);
}

/* The process has files to open, so it is the module that has no more for its user. */
static void examine_limit(const struct system *system, struct finding *f)
{
	char limit[32];

	read_line(PARAMETER, limit, sizeof(limit));
	problem(f, EXIT_FAILED);
	why(f, "you have as many files of it open as a user may: %s (max_user_instances)", limit);
	mend(f, "sudo fuser -v %s", system->quoted);
	add_hint(f, "shows who has it open; to raise the limit: echo NUMBER | sudo tee " PARAMETER);
}

void examine_node(const struct system *system, struct finding *f)
{
	struct stat st;

	if (stat(system->device, &st) < 0) {
		examine_absence(system, errno, f);
		return;
	}
	what(f, "%s can be opened", system->device);
	if (!system->open_error)
		return;
	what(f, "%s cannot be opened: %s", system->device, strerror(system->open_error));
	switch (system->open_error) {
	case ENOTTY:
	case EISDIR:
		examine_stranger(system, &st, f);
		break;
	case EACCES:
		examine_permission(system, &st, f);
		break;
	case EMFILE:
		examine_limit(system, f);
		break;
	case EPERM:
		problem(f, EXIT_NO_PERMISSION);
		why(f, "a container, or a service, may use only devices that it was given");
		add_hint(f, GIVE_DEVICE "; a service: DeviceAllow=" DEVICE_PATH " rw");
		break;
	case EUSERS:
		problem(f, EXIT_FAILED);
		why(f, "64 files have it open, and a source has no more");
		mend(f, "sudo fuser -v %s", system->quoted);
		add_hint(f, "shows who has it open");
		break;
	case ENODEV:
	case ENXIO:
		problem(f, EXIT_NO_DEVICE);
		why(f, "its device number, %u:%u, belongs to no module that is loaded",
		    major(st.st_rdev), minor(st.st_rdev));
		mend_node(system, "sudo rm ", f);
		break;
	default:
		problem(f, EXIT_FAILED);
		why(f, "that is nothing that is known here; the kernel may have said more");
		mend(f, "sudo dmesg | tail");
	}
}
