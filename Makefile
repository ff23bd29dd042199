# SPDX-License-Identifier: GPL-2.0-only
# The front door: every target hands over to module/, userspace/ or selftests/vm/.

VERSION := $(shell cat module/VERSION)
KVER ?= $(shell uname -r)
KDIR ?= /lib/modules/$(KVER)/build
PREFIX ?= /usr/local
EVNOTIFY_BUILD ?= build

# The kernel's Makefiles would take its parts for several directories.
$(foreach name,CURDIR EVNOTIFY_BUILD DEB_DIR KDIR DESTDIR PREFIX,$(if $(word 2,x$($(name))x), \
	$(error There is a space in the path $(name), '$($(name))': not even the kernel builds with that)))

# Where all is built; the scripts have it from the environment.
override EVNOTIFY_BUILD := $(abspath $(EVNOTIFY_BUILD))
export EVNOTIFY_BUILD
unexport CMD	# its $ are the VM's
DEB_DIR ?= $(EVNOTIFY_BUILD)/deb
MODULE_DIR := $(EVNOTIFY_BUILD)/module/$(KVER)
# in the order in which they are loaded
MODULES := $(addprefix $(MODULE_DIR)/,evnotify.ko evnotify-sim.ko)
VM := selftests/vm
LLVM_OPTION = $(if $(shell grep -s '^CONFIG_CC_IS_CLANG=y' '$(KDIR)/.config'),LLVM=1)

help:
	@echo 'evnotify $(VERSION): event notification in two modes; make help shows this'
	@echo
	@echo 'In throw-away VMs, where nothing of this machine changes but packages:'
	@echo '  demo              all of it at work, in two minutes'
	@echo '  check             the tests that a change has to pass, 12 minutes; KERNEL="6.1 debug"'
	@echo '                    picks cells of selftests/vm/cells'
	@echo '  check-ci          and a debug kernel, packages, fuzzer, torture, 40 minutes'
	@echo '  check-all         and everything else, on more kernels and machines, two hours'
	@echo '  check-install     the packages in throw-away Debian systems; SUITE="trixie"'
	@echo '  vm                a shell with module and tools; KERNEL=7.2 or DEBUG=1; CMD=""'
	@echo '  torture           all at once; KERNEL= EVNOTIFY_TORTURE_MS= EVNOTIFY_SEED='
	@echo '  fuzz              the fuzzer for an hour; TIME=600 for ten minutes'
	@echo '  coverage          what of the module the tests reach, as a table and HTML'
	@echo '  bench             instructions per request, and those of its peers; JSON=1;'
	@echo '                    bench-save, bench-compare, bench-profile; here: bench-native'
	@echo 'On this machine (kernel $(KVER)); what changes it needs root:'
	@echo '  modules, userspace               build the modules; library and command'
	@echo '  load, unload                     insert, remove the modules'
	@echo '  test                             both modes, once each, on the module that is loaded'
	@echo '  install, uninstall               modules, library, command; DESTDIR= PREFIX=;'
	@echo '                                   install-userspace: without the modules'
	@echo '  dkms-install, dkms-uninstall     the modules, for every kernel from now on'
	@echo '  deb                              Debian packages, into $(DEB_DIR)'
	@echo '  dist                             what is committed, as $(EVNOTIFY_BUILD)/evnotify-$(VERSION).tar.gz'
	@echo '  handbook                         as HTML, with Sphinx and Graphviz'
	@echo '  model                            check the models of the engine and of sources with spin'
	@echo '  in-tree KSRC=DIR                 lay the driver into a kernel tree, as commits'
	@echo '  clean                            remove build/; downloads stay in ~/.cache'
	@echo 'EVNOTIFY_BUILD=DIR builds there instead of in build/, so that a source may be read-only.'

demo:
	@$(VM)/demo.sh $(KERNEL)

check:
	@$(VM)/check.sh $(KERNEL)

check-ci check-all:
	@$(VM)/check.sh $(@:check-%=%)

vm:
	$(if $(and $(KERNEL),$(DEBUG)),$(error DEBUG=1 is KERNEL=debug; give one of them))
	@$(VM)/shell.sh $(or $(KERNEL),$(if $(DEBUG),debug,6.12)) $(if $(value CMD),'$(subst ','\'',$(value CMD))')

writable:
	@mkdir -p $(EVNOTIFY_BUILD) && test -w $(EVNOTIFY_BUILD) || \
		{ echo 'Cannot write to $(EVNOTIFY_BUILD); build elsewhere: EVNOTIFY_BUILD=DIR' >&2; exit 1; }

# The build happens in a copy, so that several kernels and users do not meet in module/. Samples
# are built by themselves: what is built with the module is installed with it.
modules: writable
	@test -d $(KDIR) || { echo 'No kernel headers in $(KDIR): README.md says what to install; KDIR=DIR names others' >&2; exit 1; }
	rm -rf $(MODULE_DIR)
	mkdir -p $(EVNOTIFY_BUILD)/module
	cp -R module $(MODULE_DIR)
	chmod -R u+w $(MODULE_DIR)
	$(MAKE) -C $(KDIR) M=$(MODULE_DIR) $(LLVM_OPTION) modules
	$(MAKE) -C $(KDIR) M=$(MODULE_DIR)/samples $(LLVM_OPTION) modules

userspace: writable
	$(MAKE) -C userspace O=$(EVNOTIFY_BUILD)/userspace

# one build makes them all
$(lastword $(MODULES)): $(firstword $(MODULES));
$(firstword $(MODULES)): $(shell find module -type f)
	$(MAKE) modules

load: $(MODULES)
	$(foreach module,$(MODULES),insmod $(module) &&) :

unload:
	rmmod evnotify-sim evnotify

# With a compiler and what "modules" needs; DEVICE=NODE tests another port of the same device.
test: writable
	@mkdir -p $(EVNOTIFY_BUILD)/test
	$(CC) -O2 -Wall -Imodule/include/uapi -o $(EVNOTIFY_BUILD)/test/event selftests/event.c
	$(EVNOTIFY_BUILD)/test/event $(DEVICE)

# As the packages have it: the administrator's, who decides there whether it is loaded at boot.
LOAD := $(DESTDIR)/etc/modules-load.d/evnotify.conf
packaged = test -e /usr/lib/sysusers.d/evnotify.conf

# The headers of a distribution lack the key that modules are signed with, and System.map,
# without which the kernel's Makefile does not run depmod.
install: $(MODULES) install-userspace
	$(MAKE) -C $(KDIR) M=$(MODULE_DIR) $(LLVM_OPTION) INSTALL_MOD_DIR=updates modules_install \
		$(if $(wildcard $(KDIR)/certs/signing_key.pem),,CONFIG_MODULE_SIG_ALL=) \
		DEPMOD=true $(if $(DESTDIR),INSTALL_MOD_PATH=$(DESTDIR))
	$(if $(DESTDIR),,depmod $(KVER))

# All but the modules, as packages have it that leave these to DKMS. The udev rule names a group,
# which has to be there when udev reads the rule.
install-userspace: userspace
	$(MAKE) -C userspace O=$(EVNOTIFY_BUILD)/userspace DESTDIR=$(DESTDIR) PREFIX=$(PREFIX) install
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/lib/udev/rules.d userspace/udev/rules.d/70-evnotify.rules
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/lib/sysusers.d userspace/udev/sysusers.d/evnotify.conf
	test -e $(LOAD) || install -D -m 644 userspace/udev/modules-load.d/evnotify.conf $(LOAD)
	$(if $(DESTDIR),,ldconfig)
	$(if $(DESTDIR),,-systemd-sysusers $(PREFIX)/lib/sysusers.d/evnotify.conf && udevadm control --reload && \
		udevadm trigger --subsystem-match=misc --subsystem-match=evnotify --sysname-match='evnotify*')

# Directories that install makes, inner ones first. Those that each system has are not among them.
installed_dirs = ./lib/modules/$(KVER)/updates $(addprefix .$(PREFIX)/, \
	$(addprefix lib/,pkgconfig udev/rules.d udev sysusers.d) $(addprefix share/man/man,1 3 4 7) \
	$(addprefix share/,bash-completion/completions bash-completion zsh/site-functions zsh))

uninstall:
	rm -f $(addsuffix *,$(addprefix $(DESTDIR)/lib/modules/$(KVER)/updates/,$(notdir $(MODULES))))
	$(if $(DESTDIR),,depmod $(KVER))
	$(MAKE) -C userspace O=$(EVNOTIFY_BUILD)/userspace DESTDIR=$(DESTDIR) PREFIX=$(PREFIX) uninstall
	rm -f $(DESTDIR)$(PREFIX)/lib/udev/rules.d/70-evnotify.rules $(DESTDIR)$(PREFIX)/lib/sysusers.d/evnotify.conf
	$(if $(DESTDIR),,$(packaged) ||) rm -f $(LOAD)
	@cd $(DESTDIR)/ && rmdir $(if $(DESTDIR),-p $(addprefix .$(PREFIX)/,bin include) ./etc/modules-load.d) \
		$(installed_dirs) 2>/dev/null || :
	$(if $(DESTDIR),,ldconfig)
	$(if $(DESTDIR),,-$(packaged) || ! getent group evnotify >/dev/null || groupdel evnotify)

dkms-install:
	$(if $(DESTDIR),,@command -v dkms >/dev/null || { echo 'There is no dkms: apt install dkms' >&2; exit 1; })
	$(MAKE) dkms-uninstall
	mkdir -p $(DESTDIR)/usr/src/evnotify-$(VERSION)
	cp -R dkms.conf module $(DESTDIR)/usr/src/evnotify-$(VERSION)
	$(if $(DESTDIR),,dkms install evnotify/$(VERSION) -k $(KVER))

# of every version
dkms-uninstall:
	$(if $(filter /usr/src/evnotify-%,$(CURDIR)),$(error This is where the source goes; run make in another directory))
	$(if $(DESTDIR),,@! dpkg -S '/usr/src/evnotify-[0-9]*' >/dev/null 2>&1 || \
		{ echo 'The module is there as a package: apt remove evnotify-dkms' >&2; exit 1; })
	$(if $(DESTDIR),,@! command -v dkms >/dev/null || \
		dkms status evnotify | sed -n 's|^\(evnotify/[^,:]*\)[,:].*|\1|p' | sort -u | \
		while read -r version; do dkms remove $$version --all </dev/null || exit; done)
	rm -rf $(DESTDIR)/usr/src/evnotify-[0-9]*
	$(if $(DESTDIR),@cd $(DESTDIR)/ && rmdir -p usr/src 2>/dev/null || :)

# In a copy, as dpkg-buildpackage writes into the tree.
deb: writable
	rm -rf $(DEB_DIR)
	mkdir -p $(DEB_DIR)/evnotify-$(VERSION)
	tar -cf - --mode=u+w --exclude=./.git --exclude=./build --exclude=./userspace/build \
		--exclude=$(EVNOTIFY_BUILD:$(CURDIR)/%=./%) . | tar -xf - -C $(DEB_DIR)/evnotify-$(VERSION)
	cd $(DEB_DIR)/evnotify-$(VERSION) && \
		DEB_BUILD_OPTIONS="$$DEB_BUILD_OPTIONS noautodbgsym" dpkg-buildpackage --no-sign
	@ls $(DEB_DIR)/*.deb

# The same bytes wherever it is made: of the commit alone, with its time. What it has builds
# without git.
DIST := $(EVNOTIFY_BUILD)/evnotify-$(VERSION).tar
dist: writable
	@test -z "$$(git status --porcelain)" || { git status --short >&2; \
		echo 'These are in no commit, and would not be in the tarball: commit them first' >&2; exit 1; }
	git -c tar.umask=0022 archive --prefix=evnotify-$(VERSION)/ -o $(DIST) HEAD
	gzip -9nf $(DIST)
	@sha256sum $(DIST).gz

check-install:
	@selftests/install/check-install.sh $(SUITE)

bench:
	@selftests/bench/bench.sh run $(if $(JSON),--json)

bench-save bench-compare bench-profile bench-native:
	@selftests/bench/bench.sh $(@:bench-%=%) $(if $(JSON),--json)

fuzz:
	@selftests/fuzz/fuzz.sh long $(TIME)

coverage:
	@selftests/gates/coverage.sh

model:
	@selftests/model/model.sh

handbook: writable
	@Documentation/build.sh html $(EVNOTIFY_BUILD)/handbook

torture:
	@$(VM)/alone.sh $(or $(KERNEL),6.12) torture torture_cpu torture_module torture_clock

in-tree:
	@selftests/gates/in-tree.sh '$(KSRC)'

clean:
	rm -rf build

.PHONY: help demo check check-ci check-all vm writable modules userspace load unload test install install-userspace uninstall dkms-install dkms-uninstall deb dist check-install \
	bench bench-save bench-compare bench-profile bench-native fuzz coverage model handbook torture in-tree clean
