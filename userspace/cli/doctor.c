// SPDX-License-Identifier: GPL-2.0-only
/*
 * What "evnotify doctor" examines. Each examination comes to one finding; they
 * go from the kernel up to the device.
 */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <grp.h>
#include <libkmod.h>
#include <linux/io_uring.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "doctor.h"

#define MODULES_LOAD	"/etc/modules-load.d/evnotify.conf"
#define MOK_CERTIFICATE	"/var/lib/dkms/mok.pub"
#define UBUNTU_CERTIFICATE "/var/lib/shim-signed/mok/MOK.der"
#define EFI_VARIABLES	"/sys/firmware/efi/efivars/"
#define SECURE_BOOT	EFI_VARIABLES "SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"
#define MOK_LIST	EFI_VARIABLES "MokListRT-605dab50-e046-4300-abb6-3dd810dd8b23"
#define EFI_DB		EFI_VARIABLES "db-d719b2cb-3d3a-4596-a3bc-dad00e67656f"

#define UDEV_RULE	"{/etc,/run,/usr/lib,/lib,/usr/local/lib}/udev/rules.d/70-evnotify.rules"
#define OVERFLOW_GID	65534		/* of a group that a user namespace does not know */
#define RELOAD		"sudo modprobe -r " MODULE_NAME " && sudo modprobe " MODULE_NAME
#define RUN_WITH_DEVICE	"podman run --device " DEVICE_PATH " --group-add keep-groups ...; on the host; " \
			"or docker run --device " DEVICE_PATH \
			" --group-add $(getent group evnotify | cut -d: -f3) ..."
#define ENROL		"sudo mokutil --import %s && sudo reboot; " \
			"then choose Enroll MOK, see evnotify-secureboot(7)"
#define BUILD_ANEW	"sudo apt install openssl mokutil && sudo dkms remove evnotify/%s -k %s && " \
			"sudo dkms install evnotify/%s -k %s && "
#define BUILD_BY_DKMS	"sudo apt install dkms openssl mokutil && sudo rm %s && " \
			"sudo make dkms-install && "
#define WITHOUT_ENFORCEMENT \
	"sudoedit /etc/default/grub && sudo update-grub && sudo reboot; without UEFI only keys " \
	"inside the kernel count, so take lockdown and module.sig_enforce out of its command line"
/* Debian's kernels go by these names on each architecture. */
#define OTHER_KERNEL	"sudo apt install linux-image-generic linux-headers-generic && sudo reboot; " \
			"into the kernel that this installs"

__attribute__((format(printf, 3, 0)))
static void put(char *buf, size_t size, const char *fmt, va_list args)
{
	size_t len = (size_t)vsnprintf(buf, size, fmt, args);

	if (len < size)
		return;
	/* What is cut off may have begun before: drop that UTF-8 character. */
	for (len = size - 1; len && (buf[len - 1] & 0xc0) == 0x80; len--)
		;
	if (len && (buf[len - 1] & 0x80))
		len--;
	buf[len] = '\0';
}

#define PUT_ARGS(buf)					\
	do {						\
		va_list args;				\
							\
		va_start(args, fmt);			\
		put(buf, sizeof(buf), fmt, args);	\
		va_end(args);				\
	} while (0)

__attribute__((format(printf, 2, 3)))
static void what(struct finding *f, const char *fmt, ...)
{
	PUT_ARGS(f->what);
}

__attribute__((format(printf, 2, 3)))
static void why(struct finding *f, const char *fmt, ...)
{
	PUT_ARGS(f->why);
}

__attribute__((format(printf, 2, 3)))
static void mend(struct finding *f, const char *fmt, ...)
{
	PUT_ARGS(f->mend);
}

static void note(struct finding *f)
{
	f->state = STATE_NOTE;
}

static void problem(struct finding *f, int status)
{
	f->state = STATE_PROBLEM;
	f->status = status;
}

/* What the system is like. */

/*
 * The serial number of the signer's certificate, "01:AB:...", as an X.509
 * certificate has it: a number in DER, after the version, which is 3.
 */
static void learn_serial(struct system *system, const char *hex)
{
	unsigned char *der = system->serial;
	size_t len = sizeof("\xa0\3\2\1\2\2") - 1;
	size_t start = len + 1;
	char *end;

	memcpy(der, "\xa0\3\2\1\2\2", len);
	for (len = start; *hex && len < sizeof(system->serial); hex = end + (*end == ':')) {
		unsigned long byte = strtoul(hex, &end, 16);

		if (end == hex)
			return;
		if (len == start && byte >= 0x80)
			der[len++] = 0;		/* or it would be negative */
		der[len++] = (unsigned char)byte;
	}
	der[start - 1] = (unsigned char)(len - start);
	if (len > start)
		system->serial_len = len;
}

static void learn_module(struct system *system, struct kmod_module *kmod)
{
	const char *path = kmod_module_get_path(kmod);
	struct kmod_list *list = NULL;
	struct kmod_list *item;

	if (path && !exists(path))
		return;
	system->is_installed = true;
	snprintf(system->path, sizeof(system->path), "%s", path ? path : "");
	if (kmod_module_get_info(kmod, &list) < 0)
		return;
	kmod_list_foreach(item, list) {
		const char *key = kmod_module_info_get_key(item);
		const char *value = kmod_module_info_get_value(item);

		if (strcmp(key, "version") == 0)
			snprintf(system->version, sizeof(system->version), "%s", value);
		else if (strcmp(key, "signer") == 0 && *value)
			snprintf(system->signer, sizeof(system->signer), "%s", value);
		else if (strcmp(key, "sig_id") == 0 && !*system->signer)
			snprintf(system->signer, sizeof(system->signer), "an unnamed key");
		else if (strcmp(key, "sig_key") == 0)
			learn_serial(system, value);
	}
	kmod_module_info_free_list(list);
}

static const char *container_kind(void)
{
	static char kind[32];
	size_t size = 0;
	char *entry = NULL;
	FILE *file;

	if (exists("/run/.containerenv"))
		return "podman";
	if (exists("/.dockerenv"))
		return "docker";
	if (getenv("KUBERNETES_SERVICE_HOST"))
		return "kubernetes";
	read_line("/run/systemd/container", kind, sizeof(kind));
	if (!*kind)
		read_line("/run/host/container-manager", kind, sizeof(kind));
	file = *kind ? NULL : fopen("/proc/1/environ", "re");
	if (file) {
		while (getdelim(&entry, &size, '\0', file) > 0)
			if (sscanf(entry, "container=%31s", kind) == 1)
				break;
		free(entry);
		fclose(file);
	}
	return *kind ? kind : NULL;
}

void learn_system(struct system *system, const char *device)
{
	struct kmod_ctx *ctx = kmod_new(NULL, NULL);
	struct kmod_list *list = NULL;
	struct kmod_module *kmod;

	memset(system, 0, sizeof(*system));
	system->device = device;
	system->release = running_kernel();
	system->container = container_kind();
	system->is_loaded = exists("/sys/module/" MODULE_NAME);
	read_line("/sys/module/" MODULE_NAME "/version", system->loaded_version,
		  sizeof(system->loaded_version));
	if (!ctx)
		return;
	kmod_set_log_priority(ctx, 0);
	if (kmod_module_new_from_lookup(ctx, MODULE_NAME, &list) == 0 && list) {
		kmod = kmod_module_get_module(list);
		learn_module(system, kmod);
		kmod_module_unref(kmod);
		kmod_module_unref_list(list);
	}
	kmod_unref(ctx);
}

/* Examinations. */

/* Says the kernel's configuration, if it can be read, that it is not there? */
static bool lacks_option(const char *release, const char *option)
{
	char path[256];
	char line[64];
	char *config;
	size_t len;
	bool lacks;

	snprintf(path, sizeof(path), "/boot/config-%s", release);
	if (!exists(path))
		snprintf(path, sizeof(path), "/lib/modules/%s/build/.config", release);
	config = read_all(path, &len);
	snprintf(line, sizeof(line), "\n%s=y\n", option);
	lacks = len && !memmem(config, len, line, strlen(line));
	free(config);
	return lacks;
}

static void examine_kernel(const struct system *system, struct finding *f)
{
	unsigned int major = 0;
	unsigned int minor = 0;

	what(f, "the kernel is %s", system->release);
	if (sscanf(system->release, "%u.%u", &major, &minor) != 2)
		major = 0;
	if (major < 6 || (major == 6 && minor < 1)) {
		problem(f, EXIT_NO_DEVICE);
		what(f, "kernel %s is too old", system->release);
		why(f, "the module needs Linux 6.1 or later");
		mend(f, OTHER_KERNEL);
	} else if (lacks_option(system->release, "CONFIG_EVENTFD")) {
		problem(f, EXIT_NO_DEVICE);
		what(f, "kernel %s is built without CONFIG_EVENTFD", system->release);
		why(f, "the module uses what that option provides, so DKMS passes this kernel over");
		mend(f, OTHER_KERNEL);
	}
}

static void examine_container(const struct system *system, struct finding *f)
{
	what(f, "not in a container");
	if (!system->container)
		return;
	what(f, "in a container (%s)", system->container);
	note(f);
	why(f, "kernel, module and device are the host's");
	mend(f, "sudo modprobe " MODULE_NAME " && " RUN_WITH_DEVICE);
}

static void examine_headers(const struct system *system, struct finding *f)
{
	char path[256];

	snprintf(path, sizeof(path), "/lib/modules/%s/build/include", system->release);
	what(f, "the headers of the running kernel are there");
	if (exists(path))
		return;
	what(f, "no headers of the running kernel");
	why(f, "%s is missing; DKMS builds the module with it", path);
	mend(f, "sudo apt install linux-headers-%s", system->release);
	if (system->is_installed || system->is_loaded || system->container)
		note(f);
	else
		problem(f, EXIT_NO_DEVICE);
}

/* The log of DKMS's last build, if that was for this kernel and failed. */
static bool find_log(const char *release, char *path, size_t size)
{
	glob_t found = { 0 };
	bool is_found = false;

	glob("/var/lib/dkms/" MODULE_NAME "/*/build/make.log", 0, NULL, &found);
	for (size_t i = 0; !is_found && i < found.gl_pathc; i++) {
		char line[256];
		char kernel[128];
		const char *at;

		read_line(found.gl_pathv[i], line, sizeof(line));
		at = strstr(line, " for kernel ");
		is_found = at && sscanf(at, " for kernel %127s", kernel) == 1 &&
			   strcmp(kernel, release) == 0;
		if (is_found)
			snprintf(path, size, "%s", found.gl_pathv[i]);
	}
	globfree(&found);
	return is_found;
}

static void examine_installed(const struct system *system, struct finding *f)
{
	const char *other;
	char path[256];
	size_t len;

	if (system->is_installed) {
		what(f, "module %s is installed for this kernel", system->version);
		return;
	}
	what(f, "no module is installed for kernel %s", system->release);
	if (system->is_loaded || system->container)
		note(f);
	else
		problem(f, EXIT_NO_DEVICE);
	if (find_log(system->release, path, sizeof(path))) {
		why(f, "DKMS could not build it; the compiler's messages are in %s", path);
		mend(f, "less %s", path);
	} else if (exists("/var/lib/dkms/" MODULE_NAME)) {
		why(f, "DKMS has its source, but has not built it for this kernel");
		mend(f, "sudo dkms autoinstall -k %s", system->release);
	} else if (find_file("/lib/modules/*/updates/" MODULE_NAME ".ko*", path, sizeof(path))) {
		other = path + strlen("/lib/modules/");
		len = strcspn(other, "/");
		why(f, "'make install' put it there for kernel %.*s; each needs its own build",
		    (int)len, other);
		mend(f, "sudo make install; in the source of evnotify");
	} else {
		why(f, "neither DKMS nor 'make install' has put one there");
		mend(f, "sudo apt install dkms && sudo make dkms-install; in the source of evnotify, or sudo apt install ./evnotify-dkms_*.deb");
	}
}

static bool has_secure_boot(void)
{
	char value[8] = "";
	FILE *file = fopen(SECURE_BOOT, "re");
	size_t len = file ? fread(value, 1, sizeof(value), file) : 0;

	if (file)
		fclose(file);
	return len >= 5 && value[4] == 1;	/* after four bytes of attributes */
}

/* What makes the kernel refuse unsigned modules; NULL if nothing does. */
static const char *enforcement(void)
{
	bool is_enforced = file_says("/sys/module/module/parameters/sig_enforce", "Y");

	if (has_secure_boot() && (is_enforced || is_locked_down()))
		return "Secure Boot";
	if (is_locked_down())
		return "lockdown";
	return is_enforced ? "module.sig_enforce" : NULL;
}

/* Is the certificate of the module's signer in this file? */
static bool has_certificate(const struct system *system, const char *path)
{
	size_t len;
	char *file = read_all(path, &len);
	bool found = false;

	for (char *at = file; len && system->serial_len && !found; at++) {
		at = memmem(at, (size_t)(file + len - at), system->serial, system->serial_len);
		if (!at)
			break;
		/* Another's may have that number: the name follows it. */
		found = memmem(at, MIN((size_t)(file + len - at), 512u), system->signer,
			       strlen(system->signer));
	}
	free(file);
	return found;
}

/* What gets the module signed with the key of this machine, and that into the firmware. */
static void mend_signature(const struct system *system, struct finding *f)
{
	if (!exists(EFI_VARIABLES))
		mend(f, WITHOUT_ENFORCEMENT);
	else if (has_certificate(system, MOK_CERTIFICATE))
		mend(f, "sudo apt install mokutil && " ENROL, MOK_CERTIFICATE);
	else if (has_certificate(system, UBUNTU_CERTIFICATE))
		mend(f, "sudo apt install mokutil && " ENROL, UBUNTU_CERTIFICATE);
	else if (strstr(system->path, "/dkms/"))
		mend(f, BUILD_ANEW ENROL, system->version, system->release, system->version,
		     system->release, MOK_CERTIFICATE);
	else
		mend(f, BUILD_BY_DKMS ENROL "; make in the source of evnotify", system->path,
		     MOK_CERTIFICATE);
}

static void examine_signature(const struct system *system, struct finding *f)
{
	const char *enforced = enforcement();

	if (!system->is_loaded && file_says("/proc/sys/kernel/modules_disabled", "1")) {
		problem(f, EXIT_REFUSED);
		what(f, "this kernel loads no more modules");
		why(f, "kernel.modules_disabled is 1, which cannot be taken back");
		mend(f, "sudo reboot");
		return;
	}
	if (!enforced) {
		what(f, "the kernel takes unsigned modules%s",
		     has_secure_boot() ? ", in spite of Secure Boot" : "");
		return;
	}
	if (system->is_loaded || !system->is_installed) {
		what(f, "the kernel wants signed modules (%s)%s", enforced,
		     system->is_loaded ? " and took this one" : "");
		return;
	}
	if (has_certificate(system, MOK_LIST) || has_certificate(system, EFI_DB)) {
		what(f, "the module is signed by '%s', whose key is enrolled", system->signer);
		return;
	}
	if (*system->signer && (!system->serial_len || (!exists(EFI_DB) && !exists(MOK_LIST)))) {
		note(f);
		what(f, "the module is signed by '%s'", system->signer);
		why(f, "%s is on, and what keys the kernel trusts cannot be seen from here",
		    enforced);
		mend(f, "sudo modprobe " MODULE_NAME
		     "; if the kernel refuses it, see evnotify-secureboot(7)");
		return;
	}
	problem(f, EXIT_REFUSED);
	if (*system->signer) {
		what(f, "the module is signed by '%s', whose key is not enrolled", system->signer);
		why(f, "%s makes the kernel refuse it", enforced);
	} else {
		what(f, "the module is not signed");
		why(f, "%s makes the kernel refuse such modules; DKMS signs if it has openssl",
		    enforced);
	}
	mend_signature(system, f);
}

static void examine_loaded(const struct system *system, struct finding *f)
{
	if (!system->is_loaded) {
		problem(f, EXIT_NO_DEVICE);
		what(f, "the module is not loaded");
		if (system->cause) {
			why(f, "it cannot be, until what comes first is mended");
			mend(f, "%s", system->cause->mend);
			return;
		}
		why(f, "nothing loads it by itself");
		mend(f, "sudo modprobe " MODULE_NAME "; %sat every boot: %s " MODULES_LOAD,
		     system->container ? "on the host; " : "",
		     exists(MODULES_LOAD) ? "sudo sed -i 's/^#evnotify/evnotify/'" :
					    "echo evnotify | sudo tee");
		return;
	}
	what(f, "module %s is loaded", system->loaded_version);
	if (!system->is_installed || strcmp(system->version, system->loaded_version) == 0)
		return;
	note(f);
	what(f, "module %s is loaded, but %s is installed",
	     system->loaded_version, system->version);
	why(f, "it was loaded before the upgrade");
	mend(f, RELOAD);
}

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

static void examine_permission(const struct system *system, const struct stat *st,
			       struct finding *f)
{
	struct group *group = getgrgid(st->st_gid);
	const char *name = group ? group->gr_name : "?";
	char path[256];

	problem(f, EXIT_NO_PERMISSION);
	what(f, "no permission for %s", system->device);
	if (system->container || st->st_gid == OVERFLOW_GID) {
		why(f, "a container has the groups that it was given, and lacks the node's");
		mend(f, RUN_WITH_DEVICE);
	} else if (st->st_gid == 0 || !(st->st_mode & S_IRGRP)) {
		why(f, "it is root's alone: no udev rule gave it to the group evnotify");
		if (find_file(UDEV_RULE, path, sizeof(path)))
			mend(f, "sudo udevadm control --reload && sudo udevadm trigger --sysname-match=evnotify");
		else
			mend(f, "sudo make install; in the source of evnotify, or sudo apt install ./evnotify_*.deb");
	} else if (is_member(st->st_gid)) {
		why(f, "you are in its group %s, but since after you logged in", name);
		mend(f, "newgrp %s; or log out and in again", name);
	} else {
		why(f, "it belongs to the group %s, and you are not in it", name);
		mend(f, "sudo usermod -aG %s $USER; then log in anew", name);
	}
}

/* The module is loaded, but the node is another's, or is not there. */
static void mend_node(const struct system *system, struct finding *f)
{
	char number[32] = "";

	read_line("/sys/class/misc/" MODULE_NAME "/dev", number, sizeof(number));
	number[strcspn(number, ":")] = ' ';
	if (system->container)
		mend(f, RUN_WITH_DEVICE);
	else
		mend(f, "sudo rm -f %s && sudo mknod -m 660 %s c %s", system->device,
		     system->device, number);
}

static void examine_node(const struct system *system, struct finding *f)
{
	struct stat st;
	int fd;

	if (stat(system->device, &st) < 0) {
		problem(f, EXIT_NO_DEVICE);
		what(f, "%s: %s", system->device, strerror(errno));
		if (!system->is_loaded) {
			why(f, "the module makes it, and is not loaded");
			mend(f, "%s", system->cause->mend);
			return;
		}
		why(f, "the module is loaded, so /dev is not the kernel's devtmpfs");
		mend_node(system, f);
		return;
	}
	fd = open(system->device, O_RDWR | O_CLOEXEC);
	if (fd >= 0) {
		what(f, "%s can be opened", system->device);
		close(fd);
		return;
	}
	if (errno == EACCES) {
		examine_permission(system, &st, f);
		return;
	}
	what(f, "%s cannot be opened: %s", system->device, strerror(errno));
	if (errno == EPERM) {
		problem(f, EXIT_NO_PERMISSION);
		why(f, "a container may use only devices that it was given");
		mend(f, RUN_WITH_DEVICE);
		return;
	}
	problem(f, EXIT_NO_DEVICE);
	why(f, "the node is of no module that is loaded");
	if (system->is_loaded)
		mend_node(system, f);
	else
		mend(f, "sudo rm %s && %s", system->device, system->cause->mend);
}

static void mend_version(const struct system *system, struct finding *f)
{
	const char *own = evn_version_string();

	if (strcmp(system->version, own) == 0)
		mend(f, RELOAD);
	else
		mend(f, "sudo apt install ./evnotify_*.deb ./evnotify-dkms_*.deb && " RELOAD
		     "; of one release, %s or later, or, in its source: sudo make install",
		     strverscmp(system->loaded_version, own) > 0 ? system->loaded_version : own);
}

static void examine_version(const struct system *system, struct finding *f)
{
	struct evn *evn = evn_open(system->device, 0);
	struct evnotify_info info;
	bool known = evn && evn_info(evn, &info) == 0;

	if (evn)
		evn_close(evn);
	if (known && info.abi_version < EVNOTIFY_ABI_VERSION) {
		problem(f, EXIT_VERSION);
		what(f, "the module speaks version %u of the interface, this command needs %u",
		     info.abi_version, EVNOTIFY_ABI_VERSION);
		why(f, "the module is of an older release than the command");
		mend_version(system, f);
		return;
	}
	what(f, "the command is of version %s", evn_version_string());
	if (!*system->loaded_version || strcmp(system->loaded_version, evn_version_string()) == 0)
		return;
	note(f);
	what(f, "the command is of version %s, the module of %s", evn_version_string(),
	     system->loaded_version);
	why(f, "they were not installed together; they understand each other all the same");
	mend_version(system, f);
}

static void examine_io_uring(const struct system *system, struct finding *f)
{
	struct io_uring_params params = { 0 };
	long fd = syscall(SYS_io_uring_setup, 1, &params);
	int error = errno;

	(void)system;
	what(f, "io_uring can be used");
	if (fd >= 0) {
		close((int)fd);
		return;
	}
	note(f);
	what(f, "io_uring cannot be used: %s", strerror(error));
	if (file_says("/proc/sys/kernel/io_uring_disabled", "1") ||
	    file_says("/proc/sys/kernel/io_uring_disabled", "2")) {
		why(f, "kernel.io_uring_disabled forbids it; poll and read work all the same");
		mend(f, "sudo sysctl kernel.io_uring_disabled=0");
	} else if (error == ENOSYS) {
		why(f, "the kernel has none, or a filter hides it; poll and read work all the same");
		mend(f, "docker run --security-opt seccomp=unconfined ...; if it is a filter's doing");
	} else {
		why(f, "a seccomp filter forbids it, as Docker's does; poll and read work all the same");
		mend(f, "docker run --security-opt seccomp=unconfined ...");
	}
}

const struct examination examinations[] = {
	{ "kernel", examine_kernel },
	{ "container", examine_container },
	{ "headers", examine_headers },
	{ "installed", examine_installed },
	{ "signature", examine_signature },
	{ "loaded", examine_loaded },
	{ "node", examine_node },
	{ "version", examine_version },
	{ "io_uring", examine_io_uring },
	{ NULL, NULL },
};
