#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Boots a kernel of the table in a throw-away VM, runs one command there as root and
# returns its exit status. The one VM runner of this project.
#
#   run.sh [OPTION]... KERNEL [FILE]... -- COMMAND...
#   run.sh -i [OPTION]... KERNEL [FILE]... [-- COMMAND...]      and then a shell
#
# FILE        a file or directory (its contents) for /evnotify in the VM, the directory that
#             the command starts in and that is in its PATH; FILE:DEST puts it at DEST.
#             Shared libraries of programs come along.
# -t SECONDS  time limit (default 300)        -m MB    memory
# -c CPUS     number of CPUs (default 2)      -a ARGS  more kernel arguments
# -l FILE     where the kernel's log goes     -q ARGS  more QEMU arguments (such as -s); with
#                                                    -accel they choose the CPU as well, and
#                                                    this machine's own QEMU
#
# Output of the command is our output. The kernel's own log has a console of its own, and
# the run fails, with that log named, if the kernel complained while the command ran
# (splats.txt has the patterns), died, hung, or, where it can, found leaked memory.
# Status: the command's own; 70 the kernel complained, 71 no end was reached.
# shellcheck source-path=SCRIPTDIR source=common.sh
. "$(dirname "$0")/common.sh"

interactive=0 limit=300 cpus=2 more_args='' log='' qemu_args=() memory=
while getopts it:m:c:a:l:q: option; do
	case $option in
	i) interactive=1 ;;
	t) limit=$OPTARG ;;
	m) memory=$OPTARG ;;
	c) cpus=$OPTARG ;;
	a) more_args+=" $OPTARG" ;;
	l) log=$OPTARG ;;
	q) read -ra qemu_args <<<"$OPTARG" ;;
	*) die "see the top of $0 for its usage" ;;
	esac
done
shift $((OPTIND - 1))
[[ $# -ge 1 ]] || die "which kernel? $("$VM_DIR/kernel.sh" list | tr '\n' ' ')"
kernel=$1; shift
files=()
while [[ $# -gt 0 && $1 != -- ]]; do
	files+=("$1"); shift
done
[[ $interactive = 1 || $# -ge 2 ]] || die "no command: run.sh KERNEL [FILE]... -- COMMAND..."
shift $(($# > 0))

use_kernel "$kernel"
busybox=$(command -v busybox) || die "busybox is needed: run $VM_DIR/deps.sh"
[[ $arch = amd64 ]] || busybox=$("$VM_DIR/kernel.sh" sysroot "$arch")/bin/busybox

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
[[ -n $log ]] || log=$BUILD/log/$kernel.kernel.log
mkdir -p "$(dirname "$log")"

# --- the initramfs ---------------------------------------------------------------------

# libraries PROGRAM: those that the loader would take, loader included
libraries() { ldd "$1" 2>/dev/null | grep -o '/[^ ]*' || true; }

fill() {
	local root=$work/root file dest program
	mkdir -p "$root"/{bin,dev,etc,evnotify,proc,root,run,sys,tmp,home/user}
	cp "$busybox" "$root/bin/busybox"
	ln -s busybox "$root/bin/sh"
	install -m 755 "$VM_DIR/init" "$root/init"
	printf '%s\n' 'root:x:0:0::/root:/bin/sh' 'user:x:1000:1000::/home/user:/bin/sh' >"$root/etc/passwd"
	printf '%s\n' 'root:x:0:' 'user:x:1000:' 'evnotify:x:990:' >"$root/etc/group"
	printf '%s\n' "$*" >"$root/etc/command"
	[[ $interactive = 0 ]] || touch "$root/etc/interactive"
	[[ $arch != s390x ]] || find "${vmlinuz%/boot/*}" -name virtio_console.ko -exec cp -t "$root" {} +
	for file in "${files[@]}"; do
		dest=evnotify
		[[ $file != *:* ]] || dest=${file#*:} file=${file%%:*}
		[[ -e $file ]] || die "no such file: $file"
		[[ -d $file ]] && file=$file/.
		[[ $dest = evnotify || -d ${file%/.} ]] && mkdir -p "$root/$dest"
		mkdir -p "$root/$(dirname "$dest")"
		cp -RL "$file" "$root/$dest"
	done
	find "$root" -type f -perm -u+x | while read -r program; do
		libraries "$program"
	done | sort -u | while read -r file; do
		mkdir -p "$root/$(dirname "$file")"
		[[ -e $root/$file ]] || cp -L "$file" "$root/$file"
	done
	(cd "$root" && find . | busybox cpio -o -H newc 2>/dev/null) >"$work/initramfs"
}

# --- the machine -----------------------------------------------------------------------

# accelerator: KVM where a VM really boots with it (the device alone proves nothing),
# emulation elsewhere. Tried once per boot of this machine.
accelerator() {
	local verdict
	verdict=$CACHE/accel-$(cat /proc/sys/kernel/random/boot_id)
	if [[ ! -e $verdict ]]; then
		echo tcg,thread=multi >"$work/accel"
		if [[ -w /dev/kvm ]] && timeout --foreground 20 "${qemu[@]}" -accel kvm -cpu host -serial stdio \
			-append 'console=ttyS0 evnotify_probe panic=-1' </dev/null 2>/dev/null | grep -q 'evnotify-vm: probe'; then
			echo kvm >"$work/accel"
		fi
		mv "$work/accel" "$verdict"
	fi
	cat "$verdict"
}

is_pc() { [[ $arch = amd64 || $arch = i386 ]]; }

fill "$@"
# the command gets a console, the kernel's log one of its own; init knows which
case $arch in
amd64 | i386)
	machine=(qemu-system-x86_64 -M q35 -device edu)
	consoles=(-serial chardev:command -serial "file:$log")
	console=ttyS1 ;;
arm64)
	machine=(qemu-system-aarch64 -M virt -device edu)
	consoles=(-serial "file:$log" -device "pci-serial,chardev=command")
	console=ttyAMA0 ;;
s390x)
	machine=(qemu-system-s390x -M s390-ccw-virtio)
	consoles=(-serial "file:$log" -device virtio-serial-ccw -device "virtconsole,chardev=command")
	console=ttysclp0 ;;
esac
have "${machine[0]}" || die "${machine[0]} is needed: run $VM_DIR/deps.sh"
qemu=("${machine[@]}" -smp "$cpus" -m "${memory:-$mem}" -nodefaults -no-user-config
	-display none -no-reboot -kernel "$vmlinuz" -initrd "$work/initramfs" "${qemu_args[@]}")
if [[ " ${qemu_args[*]} " != *" -accel "* ]]; then
	accel=tcg,thread=multi cpu=max
	! is_pc || accel=$(accelerator)
	[[ $accel != kvm ]] || cpu=host
	if is_pc && [[ $accel != kvm ]]; then
		emulator=$("$VM_DIR/kernel.sh" qemu)
		read -ra machine <<<"$emulator"
		qemu=("${machine[@]}" "${qemu[@]:1}")
	fi
	qemu+=(-accel "$accel" -cpu "$cpu")
fi
qemu+=(-append "console=$console ignore_loglevel panic=-1 tsc=nowatchdog no5lvl no_timer_check no_console_suspend printk.time=1 printk.devkmsg=on $args $more_args")
if [[ $interactive = 1 ]]; then
	say "$release boots; leave with 'exit', the kernel's log is $log"
	"${qemu[@]}" -chardev stdio,id=command,mux=on,signal=off -mon chardev=command "${consoles[@]}"
	exit
fi

status=0
timeout --foreground "$limit" "${qemu[@]}" -chardev stdio,id=command "${consoles[@]}" </dev/null || status=$?

# --- the verdict -----------------------------------------------------------------------

fail() {
	local code=$1; shift
	printf 'run.sh: %s; the log is %s\n' "$*" "$log" >&2
	exit "$code"
}

# not_ours: drops the headline of data races of the kernel with itself, which it has: no frame
# of a module is in their reports, or both sides are within eventfd, of which poll looks at the
# count without the lock
not_ours() {
	awk '/BUG: KCSAN: .* in eventfd_[a-z_]+ \/ eventfd_[a-z_]+[\r]*$/ { next }
	     /BUG: KCSAN: / { headline = $0; next }
	     headline != "" && / \[(evnotify|badmod)\]/ { print headline; headline = "" }
	     /=====/ { headline = "" }
	     { print }'
}

sed -n '/evnotify-vm: start/,$p' "$log" | not_ours | grep -aE -f "$VM_DIR/splats.txt" >"$work/splats" || true
if [[ -s $work/splats ]]; then
	head -20 "$work/splats" >&2
	fail 70 "the kernel $release complained"
fi
# init writes this last, so it also says that the log is whole
result=$(grep -aoE 'evnotify-vm: exit [0-9]+' "$log" | tail -1 | grep -oE '[0-9]+$' || true)
if [[ -z $result ]]; then
	tail -5 "$log" >&2
	[[ $status != 124 ]] || fail 71 "no end after $limit seconds"
	fail 71 "the VM stopped before the command was done (QEMU's status $status)"
fi
exit "$result"
