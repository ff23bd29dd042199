// SPDX-License-Identifier: GPL-2.0-only
/*
 * in_state old|filtered|groupless COMMAND...: runs a command where the kernel
 * calls itself 2.6, where a filter forbids io_uring, as container runtimes
 * install it, or as user 1000 without the groups that the books give it.
 */
#include <err.h>
#include <errno.h>
#include <grp.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static void forbid_io_uring(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_io_uring_setup, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog filter = { .len = sizeof(code) / sizeof(code[0]), .filter = code };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) < 0)
		err(1, "seccomp");
}

static void drop_groups(void)
{
	if (setgroups(0, NULL) < 0 || setgid(1000) < 0 || setuid(1000) < 0)
		err(1, "setuid");
}

int main(int argc, char **argv)
{
	if (argc < 3)
		errx(1, "usage: in_state old|filtered|groupless COMMAND...");
	if (strcmp(argv[1], "filtered") == 0)
		forbid_io_uring();
	else if (strcmp(argv[1], "groupless") == 0)
		drop_groups();
	else if (personality(UNAME26) < 0)
		err(1, "personality");
	execvp(argv[2], argv + 2);
	err(1, "%s", argv[2]);
}
