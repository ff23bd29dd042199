# SPDX-License-Identifier: GPL-2.0-only
# The front door: every target hands over to module/, userspace/ or selftests/vm/.

VERSION := $(shell cat module/VERSION)
KVER ?= $(shell uname -r)
KDIR ?= /lib/modules/$(KVER)/build
PREFIX ?= /usr/local
DKMS_SRC = $(DESTDIR)/usr/src/evnotify-$(VERSION)
MODULE := build/module/$(KVER)/evnotify.ko
VM := selftests/vm

help:
	@echo 'evnotify $(VERSION): event notification in two modes, /dev/evnotify'
	@echo
	@echo 'See it and prove it, in throw-away VMs (nothing of this machine changes but packages):'
	@echo '  make demo                 both modes end to end, under three minutes'
	@echo '  make check                all tests on all kernels; KERNEL="6.1 debug" picks cells'
	@echo '  make vm                   a shell in a VM with module and tools; CMD="..." runs one'
	@echo '                            command; KERNEL=6.12 picks a kernel; DEBUG=1 the debug kernel'
	@echo
	@echo 'On this machine (kernel $(KVER)):'
	@echo '  make modules              build the module; KDIR=... for other headers'
	@echo '  make userspace            build library, command and examples'
	@echo '  make load, make unload    insert, remove the module (as root)'
	@echo '  make install, uninstall   module, library and command; DESTDIR, PREFIX=$(PREFIX)'
	@echo '  make dkms-install         the module through DKMS, for every future kernel (as root)'
	@echo '  make clean                remove build/ (downloads stay in ~/.cache/evnotify)'

demo:
	@$(VM)/demo.sh $(KERNEL)

check:
	@$(VM)/check.sh $(KERNEL)

vm:
	@$(VM)/shell.sh $(or $(KERNEL),$(if $(DEBUG),debug,6.12)) $(if $(CMD),'$(subst ','\'',$(CMD))')

# The build happens in a copy, so that several kernels and users do not meet in module/.
modules:
	@test -d '$(KDIR)' || { echo 'No kernel headers in $(KDIR): install linux-headers-$(KVER), or name others: KDIR=...' >&2; exit 1; }
	rm -rf build/module/$(KVER)
	mkdir -p build/module
	cp -R module build/module/$(KVER)
	$(MAKE) -C '$(KDIR)' M='$(CURDIR)/build/module/$(KVER)' modules

userspace:
	$(MAKE) -C userspace O='$(CURDIR)/build/userspace'

$(MODULE): $(shell find module -type f)
	$(MAKE) modules

load: $(MODULE)
	insmod $(MODULE)

unload:
	rmmod evnotify

install: $(MODULE) userspace
	$(MAKE) -C '$(KDIR)' M='$(CURDIR)/build/module/$(KVER)' modules_install \
		$(if $(DESTDIR),INSTALL_MOD_PATH='$(DESTDIR)')
	$(MAKE) -C userspace O='$(CURDIR)/build/userspace' DESTDIR='$(DESTDIR)' PREFIX='$(PREFIX)' install

uninstall:
	rm -f $(DESTDIR)/lib/modules/$(KVER)/updates/evnotify.ko*
	$(if $(DESTDIR),,depmod $(KVER))
	$(MAKE) -C userspace O='$(CURDIR)/build/userspace' DESTDIR='$(DESTDIR)' PREFIX='$(PREFIX)' uninstall

dkms-install:
	rm -rf $(DKMS_SRC)
	mkdir -p $(DKMS_SRC)
	cp -R module/. $(DKMS_SRC)
	sed 's/#MODULE_VERSION#/$(VERSION)/' dkms.conf > $(DKMS_SRC)/dkms.conf
	$(if $(DESTDIR),,dkms install evnotify/$(VERSION) -k $(KVER))

clean:
	rm -rf build

.PHONY: help demo check vm modules userspace load unload install uninstall dkms-install clean
