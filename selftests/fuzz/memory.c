// SPDX-License-Identifier: GPL-2.0-only
/*
 * evnotify fuzzer - guarded and poisoned memory
 *
 * Every structure lies on pages between others that cannot be touched, in poison.  After the
 * call they must be what they were, but for the bytes that the call is to write.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "execute.h"

void memory_init(struct thread *t)
{
	int k, memory;

	for (k = 0; k < 2; k++) {
		memory = memfd_create("arena", MFD_CLOEXEC);
		t->arena[k] = mmap(NULL, 5 * ARENA, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (memory < 0 || ftruncate(memory, ARENA) || t->arena[k] == MAP_FAILED)
			die("no memory: %s", strerror(errno));
		t->arena[k] += ARENA;
		mmap(t->arena[k], ARENA, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, memory, 0);
		mmap(t->arena[k] + 2 * ARENA, ARENA, PROT_READ, MAP_SHARED | MAP_FIXED, memory, 0);
		close(memory);
	}
}

struct place put(int which, uint64_t kind, const void *image, size_t size)
{
	struct place p = { .which = which };
	uint8_t *arena = self->arena[which];
	size_t beyond = kind >= 16 && size ? (kind - 16) % size + 1 : 0;

	memset(arena, POISON, ARENA);
	if (kind == 1 || kind == 2)
		p.offset = size + 1025 > ARENA ? 0 : 1022 + kind * 2 - (kind == 2);
	else if (size - beyond < ARENA)
		p.offset = ARENA - (size - beyond);
	p.inside = size < ARENA - p.offset ? size : ARENA - p.offset;
	p.addr = arena + p.offset;
	p.readable = p.inside == size;
	p.writable = p.readable && kind != 5;
	if (kind == 3 || kind == 4 || (kind >= 6 && kind < 16)) {
		p.addr = kind == 3 ? NULL :
			 (void *)(kind == 4 ? 0xffff888000000000 : 0x8000000000000000);
		p.inside = 0;
		p.readable = false;
		p.writable = false;
	}
	if (kind == 5)
		p.addr += 2 * ARENA;
	if (image)
		memcpy(arena + p.offset, image, p.inside);
	memcpy(self->expected[which], arena, ARENA);
	/* The content stays, but the call has to fault it in. */
	if (kind == 1 || kind == 5)
		madvise(arena + (kind == 5 ? 2 * ARENA : 0), ARENA, MADV_DONTNEED);
	return p;
}

void allow(const struct place *p, size_t from, size_t size)
{
	if (from >= p->inside)
		return;
	if (size > p->inside - from)
		size = p->inside - from;
	memcpy(self->expected[p->which] + p->offset + from,
	       self->arena[p->which] + p->offset + from, size);
}

void verify(const struct place *p, const char *what)
{
	if (memcmp(self->expected[p->which], self->arena[p->which], ARENA))
		finding("%s wrote where it must not", what);
}

void *at(const struct place *p)
{
	return self->arena[p->which] + p->offset;
}
