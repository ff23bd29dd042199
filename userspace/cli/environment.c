// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a latency depends on. A figure without it is no figure.
 */
#include <fcntl.h>
#include <glob.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "latency.h"

#define CPUS	"/sys/devices/system/cpu/"

static void print_text(const char *name, const char *text)
{
	printf(",\"%s\":", name);
	if (*text && strcmp(text, "(null)"))
		print_json_string(text);
	else
		printf("null");
}

static void print_file(const char *name, const char *path)
{
	char line[4096];

	read_line(path, line, sizeof(line));
	print_text(name, line);
}

/*
 * How much of the kernel can be preempted; "dynamic" where the choice that was made at
 * boot is not the user's to see.
 */
static const char *preemption(const struct utsname *uts)
{
	static char line[64];
	char *chosen;

	if (strstr(uts->version, "PREEMPT_RT"))
		return "rt";
	read_line("/sys/kernel/debug/sched/preempt", line, sizeof(line));
	chosen = strchr(line, '(');
	if (chosen) {
		chosen[strcspn(chosen, ")")] = '\0';
		return chosen + 1;
	}
	if (strstr(uts->version, "PREEMPT_DYNAMIC"))
		return "dynamic";
	return strstr(uts->version, "PREEMPT") ? "full" : "none or voluntary";
}

/* The value of a key of /proc/cpuinfo, of the first CPU. */
static void cpuinfo(const char *key, char *buf, size_t size)
{
	FILE *file = fopen("/proc/cpuinfo", "re");
	char line[8192];

	*buf = '\0';
	while (file && !*buf && fgets(line, sizeof(line), file)) {
		char *value = strchr(line, ':');

		if (!value || strncmp(line, key, strlen(key)))
			continue;
		value += 1 + (value[1] == ' ');
		value[strcspn(value, "\n")] = '\0';
		snprintf(buf, size, "%s", value);
	}
	if (file)
		fclose(file);
}

/* Who the machine is made by, if it says that it is none of metal. */
static void virtualisation(char *buf, size_t size)
{
	char flags[8192], vendor[128], product[128];

	read_line("/sys/hypervisor/type", buf, (int)size);
	if (*buf)
		return;
	cpuinfo("flags", flags, sizeof(flags));
	read_line("/sys/class/dmi/id/sys_vendor", vendor, sizeof(vendor));
	read_line("/sys/class/dmi/id/product_name", product, sizeof(product));
	if (strstr(flags, " hypervisor") || strstr(vendor, "QEMU") || strstr(product, "Virtual"))
		snprintf(buf, size, "%s%s%s", vendor, *vendor ? " " : "",
			 *product ? product : "unknown");
	else
		snprintf(buf, size, "none");
}

/* The sleep from which it takes longest to wake up. */
static void deepest_idle(char *buf, size_t size)
{
	uint64_t longest = 0;
	glob_t found;

	*buf = '\0';
	if (glob(CPUS "cpu0/cpuidle/state*", 0, NULL, &found) == 0) {
		for (size_t i = 0; i < found.gl_pathc; i++) {
			char path[PATH_MAX], name[64], latency[32];

			snprintf(path, sizeof(path), "%s/latency", found.gl_pathv[i]);
			read_line(path, latency, sizeof(latency));
			snprintf(path, sizeof(path), "%s/disable", found.gl_pathv[i]);
			if (file_says(path, "1") || strtoull(latency, NULL, 10) < longest)
				continue;
			longest = strtoull(latency, NULL, 10);
			snprintf(path, sizeof(path), "%s/name", found.gl_pathv[i]);
			read_line(path, name, sizeof(name));
			snprintf(buf, size, "%s, %" PRIu64 " us", name, longest);
		}
	}
	globfree(&found);
}

static void print_mitigations(void)
{
	const char *comma = "";
	glob_t found;

	printf(",\"mitigations\":{");
	if (glob(CPUS "vulnerabilities/*", 0, NULL, &found) == 0) {
		for (size_t i = 0; i < found.gl_pathc; i++) {
			char line[256];

			read_line(found.gl_pathv[i], line, sizeof(line));
			printf("%s", comma);
			print_json_string(strrchr(found.gl_pathv[i], '/') + 1);
			printf(":");
			print_json_string(line);
			comma = ",";
		}
	}
	globfree(&found);
	printf("}");
}

static void print_module(const char *device)
{
	struct evn *evn = evn_open(device, 0);
	struct evnotify_info info;

	if (evn && evn_info(evn, &info) == 0)
		printf(",\"module_version\":\"%u.%u.%u\",\"checked_build\":%s",
		       info.module_version >> 16, info.module_version >> 8 & 0xff,
		       info.module_version & 0xff,
		       info.features & EVNOTIFY_FEATURE_CHECKED ? "true" : "false");
	else
		printf(",\"module_version\":null,\"checked_build\":null");
	if (evn)
		evn_close(evn);
}

void print_environment(const char *device)
{
	struct utsname uts = { .release = "" };
	char text[8192];

	uname(&uts);
	printf("\"environment\":{\"kernel\":");
	print_json_string(uts.release);
	printf(",\"preemption\":\"%s\",\"cpus\":%ld", preemption(&uts),
	       sysconf(_SC_NPROCESSORS_ONLN));
	cpuinfo("model name", text, sizeof(text));
	print_text("cpu_model", text);
	virtualisation(text, sizeof(text));
	print_text("virtualisation", text);
	print_file("clocksource",
		   "/sys/devices/system/clocksource/clocksource0/current_clocksource");
	print_file("governor", CPUS "cpu0/cpufreq/scaling_governor");
	print_file("idle_driver", CPUS "cpuidle/current_driver");
	deepest_idle(text, sizeof(text));
	print_text("deepest_idle", text);
	print_file("isolated_cpus", CPUS "isolated");
	print_file("nohz_full_cpus", CPUS "nohz_full");
	print_file("command_line", "/proc/cmdline");
	print_mitigations();
	print_module(device);
	printf("}");
}
