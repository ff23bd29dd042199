// SPDX-License-Identifier: GPL-2.0-only
/*
 * A source behind the interrupt of a PCI device: QEMU's educational one, "-device edu".
 *
 * The device computes a factorial, and its interrupt says that it has.  Write n into
 * the attribute "factorial" of the device; the event on /dev/evnotify-edu0 carries n!.
 * The interrupt is on only while a process has the node open.
 */
#include <linux/err.h>
#include <linux/evnotify_source.h>
#include <linux/interrupt.h>
#include <linux/io.h>
#include <linux/kstrtox.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/slab.h>
#include <linux/sysfs.h>

#define EDU_FACTORIAL		0x08	/* write n, read n! */
#define EDU_STATUS		0x20
#define EDU_STATUS_COMPUTING	0x01	/* what is written to EDU_FACTORIAL is ignored */
#define EDU_STATUS_IRQ		0x80	/* interrupt when it has computed */
#define EDU_IRQ_STATUS		0x24
#define EDU_IRQ_ACK		0x64
/* The largest number whose factorial has 32 bits. */
#define EDU_MAX			12

/**
 * struct edu - a device
 * @regs: its registers
 * @irq: its interrupt
 * @src: its source, while the interrupt is on
 * @mutex: one question at a time
 */
struct edu {
	void __iomem *regs;
	int irq;
	struct evnotify_source *src;
	struct mutex mutex;	/* one question at a time */
};

static irqreturn_t edu_interrupt(int irq, void *data)
{
	struct edu *edu = data;
	u32 status = readl(edu->regs + EDU_IRQ_STATUS);

	if (!status)
		return IRQ_NONE;	/* of another device on the line */
	writel(status, edu->regs + EDU_IRQ_ACK);
	evnotify_source_raise(edu->src, readl(edu->regs + EDU_FACTORIAL));
	return IRQ_HANDLED;
}

/* Let the device neither interrupt, nor hold a line that others share. */
static void edu_quiet(struct edu *edu)
{
	writel(0, edu->regs + EDU_STATUS);
	writel(readl(edu->regs + EDU_IRQ_STATUS), edu->regs + EDU_IRQ_ACK);
}

static int edu_open(struct evnotify_source *src, void *driver_data)
{
	struct edu *edu = driver_data;
	int ret;

	edu->src = src;
	edu_quiet(edu);
	ret = request_irq(edu->irq, edu_interrupt, IRQF_SHARED, "evnotify-edu", edu);
	if (!ret)
		writel(EDU_STATUS_IRQ, edu->regs + EDU_STATUS);
	return ret;
}

static void edu_close(void *driver_data)
{
	struct edu *edu = driver_data;

	/* The device first: nobody would answer it, and others share the line. */
	edu_quiet(edu);
	free_irq(edu->irq, edu);
	edu_quiet(edu);
}

static const struct evnotify_source_ops edu_ops = {
	.open = edu_open,
	.close = edu_close,
};

static ssize_t factorial_store(struct device *dev, struct device_attribute *attr,
			       const char *buf, size_t size)
{
	struct edu *edu = dev_get_drvdata(dev);
	u32 n;
	int ret = kstrtou32(buf, 0, &n);

	if (ret)
		return ret;
	mutex_lock(&edu->mutex);
	if (readl(edu->regs + EDU_STATUS) & EDU_STATUS_COMPUTING)
		ret = -EBUSY;
	else if (n > EDU_MAX)
		ret = -ERANGE;
	else
		writel(n, edu->regs + EDU_FACTORIAL);
	mutex_unlock(&edu->mutex);
	return ret ?: size;
}
static DEVICE_ATTR_WO(factorial);

static struct attribute *edu_attrs[] = {
	&dev_attr_factorial.attr,
	NULL,
};
ATTRIBUTE_GROUPS(edu);

static int edu_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct edu *edu = devm_kzalloc(&pdev->dev, sizeof(*edu), GFP_KERNEL);
	struct evnotify_source *src;
	int ret;

	if (!edu)
		return -ENOMEM;
	mutex_init(&edu->mutex);
	ret = pcim_enable_device(pdev);
	if (ret)
		return ret;
	edu->regs = pcim_iomap_region(pdev, 0, "evnotify-edu");
	if (IS_ERR(edu->regs))
		return PTR_ERR(edu->regs);
	pci_set_master(pdev);	/* a message is a write of the device's */
	pci_set_drvdata(pdev, edu);
	ret = pci_alloc_irq_vectors(pdev, 1, 1, PCI_IRQ_ALL_TYPES);
	if (ret < 0)
		return ret;
	edu->irq = pci_irq_vector(pdev, 0);
	/*
	 * Last: from here on edu_open() may be called.  So it is what goes first when
	 * the driver is unbound: edu_close() is called, and edu_open() no more.
	 */
	src = devm_evnotify_source_register(&pdev->dev, "edu", &edu_ops, edu);
	return PTR_ERR_OR_ZERO(src);
}

static const struct pci_device_id edu_ids[] = {
	{ PCI_DEVICE(0x1234, 0x11e8) },
	{ }
};
MODULE_DEVICE_TABLE(pci, edu_ids);

static struct pci_driver edu_driver = {
	.name = "evnotify-edu",
	.id_table = edu_ids,
	.probe = edu_probe,
	.dev_groups = edu_groups,
};
module_pci_driver(edu_driver);

MODULE_DESCRIPTION("Source of evnotify: QEMU's educational PCI device");
MODULE_AUTHOR("The evnotify authors");
MODULE_LICENSE("GPL");
