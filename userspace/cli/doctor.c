// SPDX-License-Identifier: GPL-2.0-only
/*
 * What "evnotify doctor" examines. Each examination comes to one finding; they
 * go from the kernel up to the device, which doctor_node.c examines.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <libkmod.h>
#include <linux/evnotify_sim.h>
#include <linux/io_uring.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "doctor.h"

#define MODULES_LOAD	"/etc/modules-load.d/evnotify.conf"
#define MOK_CERTIFICATE	"/var/lib/dkms/mok.pub"
#define UBUNTU_CERTIFICATE "/var/lib/shim-signed/mok/MOK.der"
#define SECURITYFS	"/sys/kernel/security/"
#define EFI_VARIABLES	"/sys/firmware/efi/efivars/"
#define SECURE_BOOT	EFI_VARIABLES "SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"
#define MOK_LIST	EFI_VARIABLES "MokListRT-605dab50-e046-4300-abb6-3dd810dd8b23"
#define EFI_DB		EFI_VARIABLES "db-d719b2cb-3d3a-4596-a3bc-dad00e67656f"

#define FILES_NEEDED	8
#define ENROL		"sudo mokutil --import %s && sudo reboot"
#define ENROL_HINT	"then choose Enroll MOK, see evnotify-secureboot(7)"
#define WITHOUT_FILTER	"the filter of a container: docker run --security-opt seccomp=unconfined"
#define BUILD_ANEW	"sudo apt install openssl mokutil && sudo dkms remove evnotify/%s -k %s && " \
			"sudo dkms install evnotify/%s -k %s && "
#define BUILD_BY_DKMS	"sudo apt install dkms openssl mokutil && sudo rm %s && " \
			"sudo make dkms-install && "
#define WITHOUT_ENFORCEMENT \
	"sudoedit /etc/default/grub && sudo update-grub && sudo reboot"
#define WITHOUT_ENFORCEMENT_HINT \
	"without UEFI only keys inside the kernel count: take lockdown and module.sig_enforce " \
	"out of its command line there"
/* Debian's kernels go by these names on each architecture. */
#define OTHER_KERNEL	"sudo apt install linux-image-generic linux-headers-generic && sudo reboot"
#define OTHER_KERNEL_HINT	"boot the kernel that this installs, one of Debian's"

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

void what(struct finding *f, const char *fmt, ...)
{
	PUT_ARGS(f->what);
}

void why(struct finding *f, const char *fmt, ...)
{
	PUT_ARGS(f->why);
}

void mend(struct finding *f, const char *fmt, ...)
{
	PUT_ARGS(f->mend);
}

void add_hint(struct finding *f, const char *fmt, ...)
{
	PUT_ARGS(f->hint);
}

void note(struct finding *f)
{
	f->state = STATE_NOTE;
}

void problem(struct finding *f, int status)
{
	f->state = STATE_PROBLEM;
	f->status = status;
}

/* What mends the first problem mends this one, too. */
void mend_cause(const struct system *system, struct finding *f)
{
	mend(f, "%s", system->cause->mend);
	add_hint(f, "%s", system->cause->hint);
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

/* Puts quotation marks around what a shell would take apart. */
static void quote(const char *text, char *buf, size_t size)
{
	FILE *out = fmemopen(buf, size, "w");
	const char *p = text;

	if (!out)
		abort();
	while (isalnum((unsigned char)*p) || (*p && strchr("/._-+:,@%", *p)))
		p++;
	if (p > text && !*p) {
		fputs(text, out);
	} else {
		fputc('\'', out);
		for (; *text; text++)
			fputs(*text == '\'' ? "'\\''" : (char[]){ *text, '\0' }, out);
		fputc('\'', out);
	}
	fclose(out);
}

/* Without files nothing can be looked at, and all would seem to be missing. */
static int try_files(void)
{
	int fds[FILES_NEEDED];
	int error = 0;
	int n;

	for (n = 0; n < FILES_NEEDED && !error; n++) {
		fds[n] = open("/dev/null", O_WRONLY | O_CLOEXEC);
		if (fds[n] < 0)
			error = errno;
	}
	while (n--)
		if (fds[n] >= 0)
			close(fds[n]);
	return error == EMFILE || error == ENFILE ? error : 0;
}

/* A flag that it does not know: it refuses that, and others do not know the call. */
static void learn_sim(struct system *system)
{
	struct evnotify_sim_new new = { .flags = ~0u };
	int fd = open(system->device, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		system->open_error = errno;
	else if (ioctl(fd, EVNOTIFY_SIM_IOC_NEW, &new) == 0 || errno != EINVAL)
		system->open_error = ENOTTY;
	if (fd >= 0)
		close(fd);
}

static void learn_device(struct system *system)
{
	struct evn *evn;

	if (strcmp(system->device, SIM_PATH) == 0)
		system->kind = DEVICE_SIM;
	else if (strncmp(system->device, DEVICE_PATH "-", strlen(DEVICE_PATH "-")) == 0)
		system->kind = DEVICE_SOURCE;
	if (system->kind == DEVICE_SIM) {
		learn_sim(system);
		return;
	}
	evn = evn_open(system->device, 0);
	if (!evn || evn_info(evn, &system->info) < 0)
		system->open_error = errno;
	if (evn)
		evn_close(evn);
}

void learn_system(struct system *system, const char *device)
{
	struct kmod_list *list = NULL;
	struct kmod_module *kmod;
	struct kmod_ctx *ctx;

	memset(system, 0, sizeof(*system));
	system->device = device;
	quote(device, system->quoted, sizeof(system->quoted));
	system->files_error = try_files();
	if (system->files_error)
		return;
	learn_device(system);
	system->release = running_kernel();
	system->container = container_kind();
	system->is_loaded = exists("/sys/module/" MODULE_NAME);
	read_line("/sys/module/" MODULE_NAME "/version", system->loaded_version,
		  sizeof(system->loaded_version));
	ctx = kmod_new(NULL, NULL);
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

static void examine_files(const struct system *system, struct finding *f)
{
	struct rlimit limit;
	unsigned long long more;

	what(f, "files can be opened");
	if (!system->files_error)
		return;
	problem(f, EXIT_FAILED);
	what(f, "nothing else can be examined: %s", strerror(system->files_error));
	if (system->files_error == ENFILE) {
		why(f, "the whole system has as many files open as it may (fs.file-max)");
		mend(f, "sudo sh -c 'echo $(($(cat /proc/sys/fs/file-max) * 2)) >/proc/sys/fs/file-max'");
		add_hint(f, "until the next boot; something holds very many files open");
		return;
	}
	getrlimit(RLIMIT_NOFILE, &limit);
	more = (unsigned long long)limit.rlim_cur + 1024;
	why(f, "this process was started with nearly all of the %llu files that it may have",
	    (unsigned long long)limit.rlim_cur);
	mend(f, "sudo prlimit --pid $$ --nofile=%llu:%llu", more,
	     MAX(more, (unsigned long long)limit.rlim_max));
	add_hint(f, "for this shell, which may rather close what it has open");
}

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
		add_hint(f, OTHER_KERNEL_HINT);
	} else if (lacks_option(system->release, "CONFIG_EVENTFD")) {
		problem(f, EXIT_NO_DEVICE);
		what(f, "kernel %s is built without CONFIG_EVENTFD", system->release);
		why(f, "the module uses what that option provides, so DKMS passes this kernel over");
		mend(f, OTHER_KERNEL);
		add_hint(f, OTHER_KERNEL_HINT);
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
	add_hint(f, GIVE_DEVICE);
}

/* Is it a kernel of a package? Then there is one of its headers. */
static bool is_packaged(const char *release)
{
	char pattern[256];
	char path[256];

	snprintf(pattern, sizeof(pattern),
		 "/usr/share/doc/linux-image-{,unsigned-}%s", release);
	return find_file(pattern, path, sizeof(path));
}

static void examine_headers(const struct system *system, struct finding *f)
{
	char path[256];

	snprintf(path, sizeof(path), "/lib/modules/%s/build/include", system->release);
	what(f, "the headers of the running kernel are there");
	if (exists(path))
		return;
	if (system->container) {
		what(f, "the headers of the kernel are the host's matter");
		return;
	}
	what(f, "no headers of the running kernel");
	why(f, "%s is missing; DKMS builds the module with it", path);
	if (is_packaged(system->release)) {
		mend(f, "sudo apt install linux-headers-%s", system->release);
	} else {
		why(f, "%s is missing, and no Debian package has this kernel", path);
		mend(f, OTHER_KERNEL);
		add_hint(f, "or make /lib/modules/%s/build a link to where this kernel was built",
			 system->release);
	}
	if (system->is_installed || system->is_loaded)
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
	if (system->container) {
		what(f, "the module is the host's matter");
		return;
	}
	what(f, "no module is installed for kernel %s", system->release);
	if (system->is_loaded)
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
		mend(f, "sudo make install");
		add_hint(f, IN_SOURCE);
	} else {
		why(f, "neither DKMS nor 'make install' has put one there");
		mend(f, "sudo apt install dkms && sudo make dkms-install");
		add_hint(f, IN_SOURCE "; or the package: sudo apt install ./evnotify-dkms_*.deb");
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
	add_hint(f, ENROL_HINT);
	if (!exists(EFI_VARIABLES)) {
		mend(f, WITHOUT_ENFORCEMENT);
		add_hint(f, WITHOUT_ENFORCEMENT_HINT);
	} else if (has_certificate(system, MOK_CERTIFICATE)) {
		mend(f, "sudo apt install mokutil && " ENROL, MOK_CERTIFICATE);
	} else if (has_certificate(system, UBUNTU_CERTIFICATE)) {
		mend(f, "sudo apt install mokutil && " ENROL, UBUNTU_CERTIFICATE);
	} else if (strstr(system->path, "/dkms/")) {
		mend(f, BUILD_ANEW ENROL, system->version, system->release, system->version,
		     system->release, MOK_CERTIFICATE);
	} else {
		mend(f, BUILD_BY_DKMS ENROL, system->path, MOK_CERTIFICATE);
		add_hint(f, IN_SOURCE "; " ENROL_HINT);
	}
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
	if (!enforced && has_secure_boot() && !exists(SECURITYFS "lockdown") &&
	    !exists(SECURITYFS "lsm")) {
		note(f);
		what(f, "Secure Boot is on; whether the kernel takes unsigned modules is not known");
		why(f, "that stands in " SECURITYFS "lockdown, which cannot be read");
		mend(f, "sudo mount -t securityfs none " SECURITYFS);
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
		mend(f, "sudo modprobe " MODULE_NAME);
		add_hint(f, "if the kernel refuses it, see evnotify-secureboot(7)");
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

/* Is the module among those that are loaded at boot? */
static bool is_opted_in(void)
{
	char text[4096] = "\n";
	FILE *file = fopen(MODULES_LOAD, "re");
	size_t len = file ? fread(text + 1, 1, sizeof(text) - 2, file) : 0;

	text[len + 1] = '\0';
	if (file)
		fclose(file);
	return strstr(text, "\n" MODULE_NAME);
}

static void examine_loaded(const struct system *system, struct finding *f)
{
	const char *where = system->container ? "on the host; " : "";

	if (!system->is_loaded) {
		problem(f, EXIT_NO_DEVICE);
		what(f, "the module is not loaded");
		if (system->cause) {
			why(f, "it cannot be, before the first problem is solved");
			mend_cause(system, f);
			return;
		}
		mend(f, "sudo modprobe " MODULE_NAME);
		if (is_opted_in()) {
			why(f, "it is loaded at every boot, but has failed to, or was unloaded");
			add_hint(f, "%ssystemctl status systemd-modules-load says more", where);
			return;
		}
		why(f, "nothing loads it by itself");
		add_hint(f, "%sat every boot: %s " MODULES_LOAD, where,
			 exists(MODULES_LOAD) ? "sudo sed -i 's/^#evnotify$/evnotify/'" :
						"echo evnotify | sudo tee");
		return;
	}
	what(f, "module %s is loaded", system->loaded_version);
	if (!system->is_installed || strcmp(system->version, system->loaded_version) == 0)
		return;
	note(f);
	what(f, "module %s is loaded, but %s is installed",
	     system->loaded_version, system->version);
	why(f, "the other one was loaded before this one was installed, or by insmod");
	mend(f, RELOAD);
}

static void mend_version(const struct system *system, struct finding *f)
{
	const char *own = evn_version_string();

	if (strcmp(system->version, own) == 0) {
		mend(f, RELOAD);
		return;
	}
	mend(f, "sudo apt install ./evnotify_*.deb ./evnotify-dkms_*.deb && " RELOAD);
	add_hint(f, "both of one release, %s or later; or its source: sudo make install && " RELOAD,
		 strverscmp(system->loaded_version, own) > 0 ? system->loaded_version : own);
}

static void examine_version(const struct system *system, struct finding *f)
{
	if (!system->open_error && system->kind != DEVICE_SIM &&
	    system->info.abi_version < EVNOTIFY_ABI_VERSION) {
		problem(f, EXIT_VERSION);
		what(f, "the module speaks version %u of the interface, this command needs %u",
		     system->info.abi_version, EVNOTIFY_ABI_VERSION);
		why(f, "the module is of an older release than the command");
		mend_version(system, f);
		return;
	}
	what(f, "the command is of version %s%s", evn_version_string(),
	     system->open_error ? "; the module could not be asked" : "");
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
		add_hint(f, WITHOUT_FILTER);
	} else if (error == EPERM || error == EACCES) {
		why(f, "a seccomp filter forbids it, as Docker's does; poll and read work all the same");
		add_hint(f, WITHOUT_FILTER);
	} else {
		why(f, "the kernel has it, and did not give one; poll and read work all the same");
	}
}

const struct examination examinations[] = {
	{ "files", examine_files },
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
