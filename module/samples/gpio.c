// SPDX-License-Identifier: GPL-2.0-only
/*
 * A source behind a GPIO line: an event at each edge, with the level as its data.
 *
 *	modprobe evnotify-gpio chip=LABEL line=NUMBER
 *
 * Processes wait on /dev/evnotify-gpio0.  Where the device tree names the line, in a
 * node of the device's own, there is an of_match_table in place of the parameters and
 * of all that is below gpio_driver.
 */
#include <linux/err.h>
#include <linux/evnotify_source.h>
#include <linux/gpio/consumer.h>
#include <linux/gpio/machine.h>
#include <linux/interrupt.h>
#include <linux/module.h>
#include <linux/platform_device.h>
#include <linux/slab.h>

struct gpio {
	struct evnotify_source *src;
	struct gpio_desc *line;
};

/* In a thread, since a GPIO chip may be behind a bus, and asking it for a level sleep. */
static irqreturn_t gpio_interrupt(int irq, void *data)
{
	struct gpio *gpio = data;

	evnotify_source_raise(gpio->src, gpiod_get_value_cansleep(gpio->line));
	return IRQ_HANDLED;
}

static int gpio_probe(struct platform_device *pdev)
{
	struct device *dev = &pdev->dev;
	struct gpio *gpio = devm_kzalloc(dev, sizeof(*gpio), GFP_KERNEL);
	int irq;

	if (!gpio)
		return -ENOMEM;
	gpio->line = devm_gpiod_get(dev, NULL, GPIOD_IN);
	if (IS_ERR(gpio->line))
		return dev_err_probe(dev, PTR_ERR(gpio->line), "no such line\n");
	irq = gpiod_to_irq(gpio->line);
	if (irq < 0)
		return dev_err_probe(dev, irq, "the line has no interrupt\n");
	gpio->src = devm_evnotify_source_register(dev, "gpio", NULL, NULL);
	if (IS_ERR(gpio->src))
		return PTR_ERR(gpio->src);
	return devm_request_threaded_irq(dev, irq, NULL, gpio_interrupt,
					 IRQF_TRIGGER_RISING |
					 IRQF_TRIGGER_FALLING | IRQF_ONESHOT,
					 "evnotify-gpio", gpio);
}

static struct platform_driver gpio_driver = {
	.driver.name = "evnotify-gpio",
	.probe = gpio_probe,
};

static char *chip;
module_param(chip, charp, 0444);
MODULE_PARM_DESC(chip, "label of the GPIO chip, as gpiodetect prints it");
static u16 line;
module_param(line, ushort, 0444);
MODULE_PARM_DESC(line, "number of the line on the chip (0)");

static struct platform_device *gpio_device;
static struct gpiod_lookup_table gpio_lines = {
	.dev_id = "evnotify-gpio",
	.table = { { .idx = 0, .flags = GPIO_ACTIVE_HIGH }, { } },
};

static int __init gpio_init(void)
{
	int ret;

	if (!chip)
		return -EINVAL;
	gpio_lines.table[0].key = chip;
	gpio_lines.table[0].chip_hwnum = line;
	gpiod_add_lookup_table(&gpio_lines);
	ret = platform_driver_register(&gpio_driver);
	if (ret)
		goto remove_lines;
	gpio_device = platform_device_register_simple("evnotify-gpio",
						      PLATFORM_DEVID_NONE, NULL,
						      0);
	ret = PTR_ERR_OR_ZERO(gpio_device);
	if (ret)
		goto unregister;
	return 0;

unregister:
	platform_driver_unregister(&gpio_driver);
remove_lines:
	gpiod_remove_lookup_table(&gpio_lines);
	return ret;
}
module_init(gpio_init);

static void __exit gpio_exit(void)
{
	platform_device_unregister(gpio_device);
	platform_driver_unregister(&gpio_driver);
	gpiod_remove_lookup_table(&gpio_lines);
}
module_exit(gpio_exit);

MODULE_DESCRIPTION("Source of evnotify: a GPIO line");
MODULE_AUTHOR("The evnotify authors");
MODULE_LICENSE("GPL");
