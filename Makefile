# SPDX-License-Identifier: GPL-2.0-only
# The front door: every target hands over to module/, userspace/ or selftests/vm/.

VERSION := $(shell cat module/VERSION)
KVER ?= $(shell uname -r)
KDIR ?= /lib/modules/$(KVER)/build
PREFIX ?= /usr/local
DKMS ?= dkms
DKMS_SRC ?= $(DESTDIR)/usr/src/evnotify-$(VERSION)
DEB_DIR ?= build/deb
MODULE := build/module/$(KVER)/evnotify.ko
VM := selftests/vm

help:
	@echo 'evnotify $(VERSION): event notification in two modes, /dev/evnotify'
	@echo
	@echo 'See it and prove it, in throw-away VMs (nothing of this machine changes but packages):'
	@echo '  make demo                 both modes end to end, under three minutes'
	@echo '  make check                all tests on the main kernels; KERNEL="6.1 debug" picks cells'
	@echo '  make check-all            and on all others of selftests/vm/cells'
	@echo '  make vm                   a shell in a VM with module and tools; CMD="..." runs one'
	@echo '                            command; KERNEL=6.12 picks a kernel; DEBUG=1 the debug kernel'
	@echo '  make bench                instructions per request, against timerfd, io_uring, POSIX timers;'
	@echo '                            bench-save, -compare, -profile; bench-native on this machine; JSON=1'
	@echo '  make fuzz                 the fuzzer for an hour; TIME=600 for ten minutes'
	@echo '  make coverage             lines and branches of the module that the tests reach, as a table and HTML'
	@echo '  make model                check the model of the engine (module/evnotify.pml) with spin'
	@echo '  make torture              all that processes can do, at once; KERNEL=debug picks a kernel,'
	@echo '                            EVNOTIFY_TORTURE_MS=60000 the time, EVNOTIFY_SEED=N repeats'
	@echo
	@echo 'On this machine (kernel $(KVER)):'
	@echo '  make modules              build the module; KDIR=... for other headers'
	@echo '  make userspace            build library, command and examples'
	@echo '  make load, make unload    insert, remove the module (as root)'
	@echo '  make install, uninstall   module, library and command; DESTDIR, PREFIX=$(PREFIX)'
	@echo '  make dkms-install         the module through DKMS, for every future kernel (as root);'
	@echo '                            dkms-uninstall takes it away again'
	@echo '  make deb                  Debian packages, into $(DEB_DIR)'
	@echo '  make check-install        installs them in throw-away Debian systems; SUITE="trixie"'
	@echo '  make in-tree KSRC=DIR     lay driver, tests and documentation into a kernel tree, as commits'
	@echo '  make clean                remove build/ (downloads stay in ~/.cache/evnotify)'

demo:
	@$(VM)/demo.sh $(KERNEL)

check:
	@$(VM)/check.sh $(KERNEL)

check-all:
	@$(VM)/check.sh all

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

# The headers of a distribution lack the key that modules are signed with, and System.map,
# without which the kernel's Makefile does not run depmod. The udev rule names a group, which has
# to be there when udev reads the rule.
install: $(MODULE) userspace
	$(MAKE) -C '$(KDIR)' M='$(CURDIR)/build/module/$(KVER)' INSTALL_MOD_DIR=updates modules_install \
		$(if $(wildcard $(KDIR)/certs/signing_key.pem),,CONFIG_MODULE_SIG_ALL=) \
		DEPMOD=true $(if $(DESTDIR),INSTALL_MOD_PATH='$(DESTDIR)')
	$(if $(DESTDIR),,depmod $(KVER))
	$(MAKE) -C userspace O='$(CURDIR)/build/userspace' DESTDIR='$(DESTDIR)' PREFIX='$(PREFIX)' install
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/lib/udev/rules.d userspace/udev/rules.d/70-evnotify.rules
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/lib/sysusers.d userspace/udev/sysusers.d/evnotify.conf
	$(if $(DESTDIR),,-systemd-sysusers $(PREFIX)/lib/sysusers.d/evnotify.conf && udevadm control --reload)

uninstall:
	rm -f $(DESTDIR)/lib/modules/$(KVER)/updates/evnotify.ko*
	$(if $(DESTDIR),,depmod $(KVER))
	$(MAKE) -C userspace O='$(CURDIR)/build/userspace' DESTDIR='$(DESTDIR)' PREFIX='$(PREFIX)' uninstall
	rm -f $(DESTDIR)$(PREFIX)/lib/udev/rules.d/70-evnotify.rules $(DESTDIR)$(PREFIX)/lib/sysusers.d/evnotify.conf
	$(if $(DESTDIR),,-test -e /usr/lib/sysusers.d/evnotify.conf || groupdel evnotify)

dkms-install: dkms-uninstall
	mkdir -p $(DKMS_SRC)
	cp -R dkms.conf module $(DKMS_SRC)
	$(if $(DESTDIR),,$(DKMS) install evnotify/$(VERSION) -k $(KVER))

dkms-uninstall:
	$(if $(DESTDIR),,! $(DKMS) status evnotify/$(VERSION) | grep -q . || $(DKMS) remove evnotify/$(VERSION) --all)
	rm -rf $(DKMS_SRC)

# In a copy, as dpkg-buildpackage writes into the tree.
deb:
	rm -rf $(DEB_DIR)
	mkdir -p $(DEB_DIR)/evnotify-$(VERSION)
	tar -cf - --exclude=./.git --exclude=./build --exclude=./userspace/build . | tar -xf - -C $(DEB_DIR)/evnotify-$(VERSION)
	cd $(DEB_DIR)/evnotify-$(VERSION) && dpkg-buildpackage --no-sign
	@ls $(DEB_DIR)/*.deb

check-install:
	@selftests/install/check-install.sh $(SUITE)

bench:
	@selftests/bench/bench.sh run $(if $(JSON),--json)

bench-save bench-compare bench-profile bench-native:
	@selftests/bench/bench.sh $(@:bench-%=%) $(if $(JSON),--json)

fuzz:
	@selftests/fuzz/fuzz.sh long $(TIME)

coverage:
	@selftests/coverage.sh

model:
	@selftests/model.sh

torture:
	@$(VM)/alone.sh $(or $(KERNEL),6.12) torture

in-tree:
	@selftests/in-tree.sh '$(KSRC)'

clean:
	rm -rf build

.PHONY: help demo check check-all vm modules userspace load unload install uninstall dkms-install dkms-uninstall deb check-install \
	bench bench-save bench-compare bench-profile bench-native fuzz coverage model torture in-tree clean
