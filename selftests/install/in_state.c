// SPDX-License-Identifier: GPL-2.0-only
/*
 * in_state STATE COMMAND...: runs a command in one of these states.
 *
 *   old        the kernel calls itself 2.6
 *   filtered   a filter forbids io_uring, as container runtimes install it
 *   hidden     a filter denies that there is io_uring
 *   full       the system has as many files open as it may, when it comes to the
 *              doctor's trial
 *   deviceless no device may be opened, as in a container; the control group
 *              for it is made in the hierarchy that is mounted on /cgroup
 *   groupless  user 1000 without the groups that the books give it
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/bpf.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* A system call fails, if its argument @n is that. */
static void filter(unsigned int nr, unsigned int n, unsigned int arg, unsigned int error)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[n])),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, arg, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog filter = { .len = sizeof(code) / sizeof(code[0]), .filter = code };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) < 0)
		err(1, "seccomp");
}

static void forbid_devices(void)
{
	struct bpf_insn code[] = {	/* return 0 */
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	union bpf_attr attr = {
		.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE,
		.insns = (uintptr_t)code,
		.insn_cnt = sizeof(code) / sizeof(code[0]),
		.license = (uintptr_t)"GPL",
	};
	int program = (int)syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr));
	int group;
	int members;

	if (program < 0)
		err(1, "BPF_PROG_LOAD");
	if (mkdir("/cgroup/deviceless", 0755) < 0 && errno != EEXIST)
		err(1, "/cgroup/deviceless");
	group = open("/cgroup/deviceless", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	memset(&attr, 0, sizeof(attr));
	attr.target_fd = (uint32_t)group;
	attr.attach_bpf_fd = (uint32_t)program;
	attr.attach_type = BPF_CGROUP_DEVICE;
	if (syscall(SYS_bpf, BPF_PROG_ATTACH, &attr, sizeof(attr)) < 0)
		err(1, "BPF_PROG_ATTACH");
	members = openat(group, "cgroup.procs", O_WRONLY | O_CLOEXEC);
	if (write(members, "0", 1) != 1)
		err(1, "cgroup.procs");
}

static void drop_groups(void)
{
	if (setgroups(0, NULL) < 0 || setgid(1000) < 0 || setuid(1000) < 0)
		err(1, "setuid");
}

static void call_kernel_old(void)
{
	if (personality(UNAME26) < 0)
		err(1, "personality");
}

/* its first argument: of how many entries */
static void forbid_io_uring(void) { filter(SYS_io_uring_setup, 0, 1, EPERM); }
static void hide_io_uring(void) { filter(SYS_io_uring_setup, 0, 1, ENOSYS); }
static void forbid_files(void) { filter(SYS_openat, 2, O_WRONLY | O_CLOEXEC, ENFILE); }

static const struct {
	const char *name;
	void (*enter)(void);
} states[] = {
	{ "old", call_kernel_old },
	{ "filtered", forbid_io_uring },
	{ "hidden", hide_io_uring },
	{ "full", forbid_files },
	{ "deviceless", forbid_devices },
	{ "groupless", drop_groups },
};

int main(int argc, char **argv)
{
	for (size_t i = 0; argc > 2 && i < sizeof(states) / sizeof(states[0]); i++) {
		if (strcmp(argv[1], states[i].name) != 0)
			continue;
		states[i].enter();
		execvp(argv[2], argv + 2);
		err(1, "%s", argv[2]);
	}
	errx(1, "usage: in_state STATE COMMAND...");
}
