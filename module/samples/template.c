// SPDX-License-Identifier: GPL-2.0-only
/*
 * The least driver that tells processes of its events: copy it.
 *
 * A timer stands for the device: every 10 ms its interrupt comes, and the event
 * carries how many there have been.  Processes wait for it on
 * /dev/evnotify-template0.
 */
#include <linux/err.h>
#include <linux/evnotify_source.h>
#include <linux/jiffies.h>
#include <linux/module.h>
#include <linux/platform_device.h>
#include <linux/slab.h>
#include <linux/timer.h>

#define TEMPLATE_PERIOD	msecs_to_jiffies(10)

struct template {
	struct evnotify_source *src;
	struct timer_list device;
	u64 count;
};

/* The interrupt handler: ask the device what has happened, and raise that. */
static void template_interrupt(struct timer_list *timer)
{
	struct template *t = container_of(timer, struct template, device);

	evnotify_source_raise(t->src, ++t->count);
	mod_timer(timer, jiffies + TEMPLATE_PERIOD);
}

/* With an interrupt, devm_request_irq() does this. */
static void template_stop(void *data)
{
	struct template *t = data;

	timer_shutdown_sync(&t->device);
}

/*
 * The source first, then what raises events in it.  What devm has begun ends in the
 * reverse order when the driver is unbound: no interrupt finds the source gone.
 * Processes may have the node open meanwhile: they are told.
 */
static int template_probe(struct platform_device *pdev)
{
	struct template *t = devm_kzalloc(&pdev->dev, sizeof(*t), GFP_KERNEL);

	if (!t)
		return -ENOMEM;
	t->src = devm_evnotify_source_register(&pdev->dev, "template", NULL, NULL);
	if (IS_ERR(t->src))
		return PTR_ERR(t->src);
	timer_setup(&t->device, template_interrupt, 0);
	mod_timer(&t->device, jiffies + TEMPLATE_PERIOD);
	return devm_add_action_or_reset(&pdev->dev, template_stop, t);
}

static struct platform_driver template_driver = {
	.driver.name = "evnotify-template",
	.probe = template_probe,
};

/* A real device is on a bus, or in a device tree; then module_platform_driver(). */
static struct platform_device *template_device;

static int __init template_init(void)
{
	int ret = platform_driver_register(&template_driver);

	if (ret)
		return ret;
	template_device = platform_device_register_simple("evnotify-template",
							  PLATFORM_DEVID_NONE,
							  NULL, 0);
	ret = PTR_ERR_OR_ZERO(template_device);
	if (ret)
		platform_driver_unregister(&template_driver);
	return ret;
}
module_init(template_init);

static void __exit template_exit(void)
{
	platform_device_unregister(template_device);
	platform_driver_unregister(&template_driver);
}
module_exit(template_exit);

MODULE_DESCRIPTION("The least driver that has a source of evnotify");
MODULE_AUTHOR("The evnotify authors");
MODULE_LICENSE("GPL");
