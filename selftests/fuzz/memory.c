// SPDX-License-Identifier: GPL-2.0-only
/*
 * evnotify fuzzer - guarded and poisoned memory
 *
 * Every structure lies on a page between two that cannot be touched, in poison.  After the
 * call the page must be what it was, but for the bytes that the call is to write.
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
		t->arena[k] = mmap(NULL, 5 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (memory < 0 || ftruncate(memory, PAGE) || t->arena[k] == MAP_FAILED)
			die("no memory: %s", strerror(errno));
		t->arena[k] += PAGE;
		mmap(t->arena[k], PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, memory, 0);
		mmap(t->arena[k] + 2 * PAGE, PAGE, PROT_READ, MAP_SHARED | MAP_FIXED, memory, 0);
		close(memory);
	}
}

struct place put(int which, uint64_t kind, const void *image, size_t size)
{
	struct place p = { .which = which };
	uint8_t *page = self->arena[which];
	size_t beyond = kind >= 16 && size ? (kind - 16) % size + 1 : 0;

	memset(page, POISON, PAGE);
	if (kind == 1 || kind == 2)
		p.offset = size + 1025 > PAGE ? 0 : 1022 + kind * 2 - (kind == 2);
	else if (size - beyond < PAGE)
		p.offset = PAGE - (size - beyond);
	p.inside = size < PAGE - p.offset ? size : PAGE - p.offset;
	p.addr = page + p.offset;
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
		p.addr += 2 * PAGE;
	if (image)
		memcpy(page + p.offset, image, p.inside);
	memcpy(self->expected[which], page, PAGE);
	/* The content stays, but the call has to fault it in. */
	if (kind == 1 || kind == 5)
		madvise(page + (kind == 5 ? 2 * PAGE : 0), PAGE, MADV_DONTNEED);
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
	if (memcmp(self->expected[p->which], self->arena[p->which], PAGE))
		finding("%s wrote where it must not", what);
}

void *at(const struct place *p)
{
	return self->arena[p->which] + p->offset;
}
