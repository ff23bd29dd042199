// SPDX-License-Identifier: GPL-2.0-only
/*
 * bench - bpf_timer: a timer of a BPF map for each request, whose callback puts a record into a
 * ring buffer that the process has mapped
 *
 * The programs are assembled here, so that neither a compiler for BPF nor libbpf is needed.  Each
 * is a loop over the arguments that the process has left in mapped memory: as many requests in
 * one call as io_uring takes.  It needs CAP_BPF, and Linux 6.4 for times that are absolute.
 */
#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/bpf.h>

#include "bench.h"

#ifndef BPF_F_TIMER_ABS
#define BPF_F_TIMER_ABS	(1ULL << 0)
#endif

#define CALL	256	/* requests in one call */

/* What a program is called with: the number of a request, and its due time; then the result. */
struct argument {
	uint64_t number;
	uint64_t due;
};

enum operation { INIT, START, STOP, NR_OPERATIONS };

static struct argument *arguments;
static int args_fd = -1, timers_fd = -1, ring_fd = -1, btf_fd = -1, programs[NR_OPERATIONS];

/* The ring: where we are, where the kernel is, the records. */
static uint64_t *consumer, *producer;
static unsigned char *records;
static uint64_t ring_bytes, *collected;

static int bpf(enum bpf_cmd cmd, union bpf_attr *attr)
{
	return syscall(SYS_bpf, cmd, attr, sizeof(*attr));
}

/* --- the types that a map with timers, and a callback, have to have -------------------- */

enum type { VOID, U64, U32, TIMER, VALUE, PROTOTYPE, FUNCTION };

static const char strings[] = "\0u64\0u32\0bpf_timer\0value\0f";

enum { U64_NAME = 1, U32_NAME = 5, TIMER_NAME = 9, VALUE_NAME = 19, FUNCTION_NAME = 25 };

#define KIND(kind, members)	((kind) << 24 | (members))
enum { KIND_INT = 1, KIND_STRUCT = 4, KIND_FUNC = 12, KIND_PROTO = 13 };

static const uint32_t types[] = {
	/* name, kind, size or type; then of integers the bits, of members name, type, offset */
	U64_NAME, KIND(KIND_INT, 0), 8, 64,
	U32_NAME, KIND(KIND_INT, 0), 4, 32,
	TIMER_NAME, KIND(KIND_STRUCT, 2), 16, U64_NAME, U64, 0, U32_NAME, U64, 64,
	VALUE_NAME, KIND(KIND_STRUCT, 1), 16, VALUE_NAME, TIMER, 0,
	0, KIND(KIND_PROTO, 0), U32,
	FUNCTION_NAME, KIND(KIND_FUNC, 0), PROTOTYPE,
};

static int load_types(void)
{
	struct {
		uint16_t magic;
		uint8_t version, flags;
		uint32_t header_bytes, types_at, types_bytes, strings_at, strings_bytes;
		uint32_t types[sizeof(types) / sizeof(*types)];
		char strings[sizeof(strings)];
	} btf = {
		.magic = 0xeb9f,
		.version = 1,
		.header_bytes = offsetof(typeof(btf), types),
		.types_bytes = sizeof(types),
		.strings_at = sizeof(types),
		.strings_bytes = sizeof(strings),
	};
	union bpf_attr attr = {
		.btf = (uintptr_t)&btf,
		.btf_size = offsetof(typeof(btf), strings) + sizeof(strings),
	};

	memcpy(btf.types, types, sizeof(types));
	memcpy(btf.strings, strings, sizeof(strings));
	return bpf(BPF_BTF_LOAD, &attr);
}

/* --- the programs ---------------------------------------------------------------------- */

static struct bpf_insn code[64];
static unsigned int length;

static void put(uint8_t op, uint8_t dst, uint8_t src, int16_t off, int32_t imm)
{
	code[length++] = (struct bpf_insn){
		.code = op, .dst_reg = dst, .src_reg = src, .off = off, .imm = imm,
	};
}

#define SET(dst, imm)		put(BPF_ALU64 | BPF_MOV | BPF_K, dst, 0, 0, imm)
#define COPY(dst, src)		put(BPF_ALU64 | BPF_MOV | BPF_X, dst, src, 0, 0)
#define ADD(dst, src)		put(BPF_ALU64 | BPF_ADD | BPF_X, dst, src, 0, 0)
#define ADD_IMM(dst, imm)	put(BPF_ALU64 | BPF_ADD | BPF_K, dst, 0, 0, imm)
#define LOAD(size, dst, src, off)	put(BPF_LDX | BPF_MEM | (size), dst, src, off, 0)
#define STORE(size, dst, off, src)	put(BPF_STX | BPF_MEM | (size), dst, src, off, 0)
#define CALL_HELPER(helper)	put(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_##helper)
#define RETURN()		(SET(0, 0), put(BPF_JMP | BPF_EXIT, 0, 0, 0, 0))

/* A 64 bit constant of a kind: a map, the memory of a map, a function. */
static void load_64(uint8_t dst, uint8_t kind, int value)
{
	put(BPF_LD | BPF_DW | BPF_IMM, dst, kind, 0, value);
	put(0, 0, 0, 0, 0);
}

/* A function that is known only later is named by what loads its address. */
static void function_at(unsigned int loaded, unsigned int start)
{
	code[loaded].imm = start - loaded - 1;
}

static int load_program(enum operation operation)
{
	static const char license[] = "GPL";
	struct bpf_func_info functions[3] = { { .type_id = FUNCTION } };
	unsigned int nr = 1, loop, past[2], callback = 0, i;
	union bpf_attr attr = {};

	/* main: loop over as many arguments as the context says */
	length = 0;
	LOAD(BPF_W, 1, 1, 0);
	loop = length;
	load_64(2, BPF_PSEUDO_FUNC, 0);
	SET(3, 0);
	SET(4, 0);
	CALL_HELPER(loop);
	RETURN();

	/* the loop's body, which has the index in register 1 */
	function_at(loop, length);
	functions[nr++] = (struct bpf_func_info){ length, FUNCTION };
	past[0] = length;
	put(BPF_JMP | BPF_JGE | BPF_K, 1, 0, 0, CALL);
	load_64(6, BPF_PSEUDO_MAP_VALUE, args_fd);
	put(BPF_ALU64 | BPF_LSH | BPF_K, 1, 0, 0, 4);
	ADD(6, 1);
	LOAD(BPF_W, 7, 6, offsetof(struct argument, number));
	STORE(BPF_W, 10, -4, 7);
	load_64(1, BPF_PSEUDO_MAP_FD, timers_fd);
	COPY(2, 10);
	ADD_IMM(2, -4);
	CALL_HELPER(map_lookup_elem);
	past[1] = length;
	put(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 0, 0);
	COPY(1, 0);
	switch (operation) {
	case INIT:
		COPY(7, 0);
		load_64(2, BPF_PSEUDO_MAP_FD, timers_fd);
		SET(3, CLOCK_MONOTONIC);
		CALL_HELPER(timer_init);
		COPY(1, 7);
		callback = length;
		load_64(2, BPF_PSEUDO_FUNC, 0);
		CALL_HELPER(timer_set_callback);
		break;
	case START:
		LOAD(BPF_DW, 2, 6, offsetof(struct argument, due));
		SET(3, BPF_F_TIMER_ABS);
		CALL_HELPER(timer_start);
		break;
	default:
		CALL_HELPER(timer_cancel);
	}
	STORE(BPF_DW, 6, offsetof(struct argument, due), 0);
	for (i = 0; i < 2; i++)
		code[past[i]].off = length - past[i] - 1;
	RETURN();

	/* the timer's callback, which has the address of the number in register 2 */
	if (callback) {
		function_at(callback, length);
		functions[nr++] = (struct bpf_func_info){ length, FUNCTION };
		LOAD(BPF_W, 2, 2, 0);
		STORE(BPF_DW, 10, -8, 2);
		load_64(1, BPF_PSEUDO_MAP_FD, ring_fd);
		COPY(2, 10);
		ADD_IMM(2, -8);
		SET(3, 8);
		SET(4, 0);
		CALL_HELPER(ringbuf_output);
		RETURN();
	}

	attr.prog_type = BPF_PROG_TYPE_SYSCALL;
	attr.prog_flags = BPF_F_SLEEPABLE;
	attr.insns = (uintptr_t)code;
	attr.insn_cnt = length;
	attr.license = (uintptr_t)license;
	attr.prog_btf_fd = btf_fd;
	attr.func_info = (uintptr_t)functions;
	attr.func_info_cnt = nr;
	attr.func_info_rec_size = sizeof(*functions);
	return bpf(BPF_PROG_LOAD, &attr);
}

/* Does an operation on the first n arguments; -1 and errno if the last one failed. */
static int run(enum operation operation, unsigned int n)
{
	uint64_t context = n;
	union bpf_attr attr = {
		.test = {
			.prog_fd = programs[operation],
			.ctx_in = (uintptr_t)&context,
			.ctx_size_in = sizeof(context),
		},
	};
	int64_t error;

	if (bpf(BPF_PROG_TEST_RUN, &attr))
		return -1;
	error = arguments[n - 1].due;
	if (error >= 0)
		return 0;
	errno = -error;
	return -1;
}

/* --- the method ------------------------------------------------------------------------ */

static int map_create(enum bpf_map_type type, unsigned int key, unsigned int value,
		      unsigned int entries, unsigned int flags)
{
	union bpf_attr attr = {
		.map_type = type, .key_size = key, .value_size = value,
		.max_entries = entries, .map_flags = flags,
	};

	if (!flags && key) {
		attr.btf_fd = btf_fd;
		attr.btf_key_type_id = U32;
		attr.btf_value_type_id = VALUE;
	}
	return bpf(BPF_MAP_CREATE, &attr);
}

static void *map_memory(int fd, size_t bytes, int prot, off_t at)
{
	void *p = mmap(NULL, bytes, prot, MAP_SHARED | MAP_POPULATE, fd, at);

	if (p == MAP_FAILED)
		die("mapping a BPF map: %s", strerror(errno));
	return p;
}

static void bpf_close(void)
{
	long page = sysconf(_SC_PAGESIZE);
	int i;

	for (i = 0; i < NR_OPERATIONS; i++)
		close(programs[i]);
	munmap(consumer, page);
	munmap(producer, page + 2 * ring_bytes);
	munmap(arguments, CALL * sizeof(*arguments));
	close(args_fd);
	close(timers_fd);
	close(ring_fd);
}

static void bpf_open(unsigned int n)
{
	long page = sysconf(_SC_PAGESIZE);
	unsigned int i, done;

	if (!collected)
		collected = buffer(max_n, sizeof(*collected));
	/* 16 bytes for each record, a power of two */
	for (ring_bytes = page; ring_bytes < 16ULL * n; ring_bytes *= 2)
		;
	args_fd = map_create(BPF_MAP_TYPE_ARRAY, 4, CALL * sizeof(*arguments), 1, BPF_F_MMAPABLE);
	timers_fd = map_create(BPF_MAP_TYPE_ARRAY, 4, sizeof(struct bpf_timer), n ? n : 1, 0);
	ring_fd = map_create(BPF_MAP_TYPE_RINGBUF, 0, 0, ring_bytes, 0);
	if (args_fd < 0 || timers_fd < 0 || ring_fd < 0)
		die("BPF maps: %s", strerror(errno));
	for (i = 0; i < NR_OPERATIONS; i++) {
		programs[i] = load_program(i);
		if (programs[i] < 0)
			die("BPF program %u: %s", i, strerror(errno));
	}
	arguments = map_memory(args_fd, CALL * sizeof(*arguments), PROT_READ | PROT_WRITE, 0);
	consumer = map_memory(ring_fd, page, PROT_READ | PROT_WRITE, 0);
	producer = map_memory(ring_fd, page + 2 * ring_bytes, PROT_READ, page);
	records = (unsigned char *)producer + page;

	for (done = 0; done < n; done += i) {
		for (i = 0; i < CALL && done + i < n; i++)
			arguments[i].number = done + i;
		if (run(INIT, i))
			die("bpf_timer_init: %s", strerror(errno));
	}
}

static int start(const uint64_t *due, unsigned int n)
{
	unsigned int done, i;

	for (done = 0; done < n; done += i) {
		for (i = 0; i < CALL && done + i < n; i++)
			arguments[i] = (struct argument){ done + i, due[done + i] };
		if (run(START, i))
			return -1;
	}
	return 0;
}

static void bpf_arm(const uint64_t *due, unsigned int n)
{
	if (start(due, n))
		die("bpf_timer_start: %s", strerror(errno));
}

static unsigned int bpf_reap(unsigned int n)
{
	uint64_t at = *consumer, end = __atomic_load_n(producer, __ATOMIC_ACQUIRE);
	unsigned int done = 0;

	for (; done < n && at < end; done++, at += 16) {
		const unsigned char *record = records + (at & (ring_bytes - 1));
		uint32_t head = __atomic_load_n((const uint32_t *)record, __ATOMIC_ACQUIRE);

		if (head & BPF_RINGBUF_BUSY_BIT)
			break;
		collected[done] = *(const uint64_t *)(record + BPF_RINGBUF_HDR_SZ);
	}
	__atomic_store_n(consumer, at, __ATOMIC_RELEASE);
	return done;
}

static unsigned int bpf_check(unsigned int n)
{
	return distinct(collected, sizeof(*collected), n);
}

static void bpf_cancel(const unsigned int *which, unsigned int n)
{
	unsigned int done, i;

	for (done = 0; done < n; done += i) {
		for (i = 0; i < BATCH && done + i < n; i++)
			arguments[i].number = which[done + i];
		if (run(STOP, i))
			die("bpf_timer_cancel: %s", strerror(errno));
	}
}

static void bpf_update(const unsigned int *which, const uint64_t *due, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++) {
		arguments[0] = (struct argument){ which[i], due[i] };
		if (run(START, 1))
			die("bpf_timer_start: %s", strerror(errno));
	}
}

static bool bpf_supported(void)
{
	uint64_t far = now_ns() + 1000 * NSEC_PER_SEC;
	bool absolute;

	btf_fd = load_types();
	if (btf_fd < 0)
		return false;
	bpf_open(1);
	absolute = !start(&far, 1);
	bpf_close();
	return absolute;
}

/* Of the ring that bpf_open() has made. */
int bpf_ring(void)
{
	return ring_fd;
}

const struct method bpf_timer = {
	.name = "bpf_timer", .open = bpf_open, .close = bpf_close,
	.arm = bpf_arm, .reap = bpf_reap, .check = bpf_check,
	.cancel = bpf_cancel, .update = bpf_update, .supported = bpf_supported,
};
