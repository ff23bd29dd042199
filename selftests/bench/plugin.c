// SPDX-License-Identifier: GPL-2.0-only
/*
 * bench - a QEMU plugin that counts the instructions of a guest by place and
 * phase
 *
 *   qemu-system-x86_64 -smp 1 -plugin plugin.so,out=FILE
 *
 * The guest says which phase begins by a call into the page at MARKS (see
 * mark() in bench.c).  At the end FILE gets a line per phase and block of
 * code: phase, address, instructions.  A function starts a block of its own,
 * so that profile.awk can add blocks up to functions by /proc/kallsyms.
 *
 * QEMU's header for plugins is not packaged: what is used of it is declared
 * here.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

typedef uint64_t qemu_plugin_id_t;
struct qemu_plugin_tb;
struct qemu_plugin_insn;
enum qemu_plugin_cb_flags { QEMU_PLUGIN_CB_NO_REGS };
typedef void (*qemu_plugin_vcpu_udata_cb_t)(unsigned int cpu, void *data);

void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t id,
					   void (*cb)(qemu_plugin_id_t id,
						      struct qemu_plugin_tb *tb));
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb, size_t idx);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *insn);
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *insn,
					    qemu_plugin_vcpu_udata_cb_t cb,
					    enum qemu_plugin_cb_flags flags, void *data);
void qemu_plugin_register_atexit_cb(qemu_plugin_id_t id,
				    void (*cb)(qemu_plugin_id_t id, void *data), void *data);

#define EXPORT __attribute__((visibility("default")))

/* The interface of QEMU that the declarations above are of. */
EXPORT int qemu_plugin_version = PLUGIN_VERSION;

/* Where Linux without KASLR has its code, and modules behind it. */
#define BASE		0xffffffff81000000ULL
#define BLOCK_BYTES	16
#define BLOCKS		((uint32_t)(-BASE / BLOCK_BYTES))
#define USER		BLOCKS		/* all code elsewhere */
#define PHASES		(MARK_SETS * NR_PHASES)

static uint64_t *counts[PHASES];	/* by block; pages never touched cost nothing */
static uint64_t *current;
static const char *out;

static void executed(unsigned int cpu, void *block)
{
	(void)cpu;
	current[(uintptr_t)block]++;
}

static void marked(unsigned int cpu, void *phase)
{
	(void)cpu;
	current = counts[(uintptr_t)phase];
}

static void translated(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
	size_t i;

	(void)id;
	for (i = 0; i < qemu_plugin_tb_n_insns(tb); i++) {
		struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);
		uint64_t addr = qemu_plugin_insn_vaddr(insn);
		uintptr_t place = addr >= BASE ? (addr - BASE) / BLOCK_BYTES : USER;

		if (addr >= MARKS && addr < MARKS + PHASES * MARK_STEP)
			qemu_plugin_register_vcpu_insn_exec_cb(insn, marked,
							       QEMU_PLUGIN_CB_NO_REGS,
							       (void *)((addr - MARKS) /
									MARK_STEP));
		else
			qemu_plugin_register_vcpu_insn_exec_cb(insn, executed,
							       QEMU_PLUGIN_CB_NO_REGS,
							       (void *)place);
	}
}

static void ended(qemu_plugin_id_t id, void *data)
{
	FILE *f = fopen(out, "w");
	unsigned int phase;
	uint32_t block;

	(void)id;
	(void)data;
	if (!f) {
		perror(out);
		return;
	}
	for (phase = OTHER + 1; phase < PHASES; phase++)
		for (block = 0; block <= BLOCKS; block++)
			if (counts[phase][block])
				fprintf(f, "%u %llx %llu\n", phase,
					block == USER ? 0ULL : BASE + (uint64_t)block * BLOCK_BYTES,
					(unsigned long long)counts[phase][block]);
	fclose(f);
}

EXPORT int qemu_plugin_install(qemu_plugin_id_t id, const void *info, int argc, char **argv)
{
	int i;

	(void)info;
	for (i = 0; i < argc; i++)
		if (!strncmp(argv[i], "out=", 4))
			out = strdup(argv[i] + 4);
	if (!out) {
		fprintf(stderr, "plugin.so: out=FILE is missing\n");
		return -1;
	}
	for (i = 0; i < PHASES; i++) {
		counts[i] = calloc(BLOCKS + 1, sizeof(**counts));
		if (!counts[i])
			return -1;
	}
	current = counts[OTHER];
	qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
	qemu_plugin_register_atexit_cb(id, ended, NULL);
	return 0;
}
