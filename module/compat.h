/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * evnotify - all that is known about kernel versions
 *
 * The sources are written to the newest kernel's names.  What an older kernel
 * lacks is supplied here, under that name; Kbuild finds out by looking into
 * the kernel's headers, since distributions carry changes back.  In a kernel
 * tree this file is not needed, and not there.
 */
#ifndef EVNOTIFY_COMPAT_H
#define EVNOTIFY_COMPAT_H

#include <linux/compiler.h>
#include <linux/eventfd.h>
#include <linux/hrtimer.h>
#include <linux/slab.h>
#include <linux/version.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 1, 0)
#error "evnotify needs Linux 6.1 or later"
#endif

/* 6.13: hrtimer_setup() replaces hrtimer_init() and a store. */
#ifdef EVNOTIFY_NO_HRTIMER_SETUP
static inline void hrtimer_setup(struct hrtimer *timer,
				 enum hrtimer_restart (*function)(struct hrtimer *),
				 clockid_t clock_id, enum hrtimer_mode mode)
{
	hrtimer_init(timer, clock_id, mode);
	timer->function = function;
}
#endif

/* 6.8: eventfd_signal() adds 1 and takes no number. */
#ifdef EVNOTIFY_EVENTFD_SIGNAL_N
#define eventfd_signal(ctx) eventfd_signal(ctx, 1)
#endif

/* 7.0: kzalloc_obj() takes the object, not its size. */
#ifndef kzalloc_obj
#define kzalloc_obj(obj, gfp) kzalloc(sizeof(obj), gfp)
#endif

/* 6.12: exempts a variable from INIT_STACK_ALL, if the compiler does that. */
#ifndef __uninitialized
#if __has_attribute(__uninitialized__)
#define __uninitialized __attribute__((__uninitialized__))
#else
#define __uninitialized
#endif
#endif

/* 6.2: all architectures have it, most without effect. */
#ifndef barrier_nospec
#define barrier_nospec() do { } while (0)
#endif

/* 6.12: pcim_iomap_region() maps one BAR, and returns where. */
#ifdef EVNOTIFY_NO_PCIM_IOMAP_REGION
#include <linux/io.h>
#include <linux/pci.h>

static inline void __iomem *pcim_iomap_region(struct pci_dev *pdev, int bar,
					      const char *name)
{
	int ret = pcim_iomap_regions(pdev, BIT(bar), name);

	return ret ? IOMEM_ERR_PTR(ret) : pcim_iomap_table(pdev)[bar];
}
#endif

#endif /* EVNOTIFY_COMPAT_H */
