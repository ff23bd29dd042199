# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# What the scripts of this directory share: places, messages, the private apt.
set -euo pipefail
PATH=$PATH:/usr/sbin:/sbin	# depmod, for users whose PATH lacks them
shopt -s inherit_errexit

VM_DIR=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
TOP=$(cd "$VM_DIR/../.." && pwd)
CACHE=${EVNOTIFY_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/evnotify}
BUILD=$(realpath -m "${EVNOTIFY_BUILD:-$TOP/build}")
export VM_DIR TOP CACHE BUILD

# All progress goes to stderr, with the seconds since the first script: stdout belongs to results.
export EVNOTIFY_START=${EVNOTIFY_START:-$EPOCHSECONDS}
say() { printf '%4ds  %s\n' $((EPOCHSECONDS - EVNOTIFY_START)) "$*" >&2; }
die() { printf '%s: error: %s\n' "${0##*/}" "$*" >&2; exit 1; }

# make and the kernel's Makefiles would take its parts for several
for dir in "$TOP" "$CACHE" "$BUILD"; do
	[[ ! $dir =~ [[:space:]] ]] || die "there is a space in the path '$dir': not even the kernel builds with that;" \
		"EVNOTIFY_BUILD and EVNOTIFY_CACHE name other directories for what is built and fetched"
done
writable() {
	if ! mkdir -p "$1" 2>/dev/null || [[ ! -w $1 ]]; then
		die "cannot write to $1; name another directory: $2=DIR"
	fi
}
writable "$BUILD" EVNOTIFY_BUILD
writable "$CACHE/lock" EVNOTIFY_CACHE

# have COMMAND...: are they all on this machine?
have() { local c; for c; do command -v "$c" >/dev/null || return 1; done; }

# table NAME: the lines of one of the tables of this directory
table() { sed 's/#.*//; /^[[:space:]]*$/d' "$VM_DIR/$1"; }

# row TABLE NAME: what the table says of it
row() { table "$1" | awk -v name="$2" '$1 "" == name { $1 = ""; print; found = 1 } END { exit !found }'; }

# arch_of KERNEL: Debian's name of the architecture that it is for, which its release ends with
arch_of() {
	case $(row kernels "$1" | awk '{ print $2 }') in
	*-arm64) echo arm64 ;;
	*-686-pae) echo i386 ;;
	*-s390x) echo s390x ;;
	*) echo amd64 ;;
	esac
}

# compiler_of ARCH: what programs for it are compiled with
compiler_of() {
	case $1 in
	amd64) echo gcc ;;
	i386) echo gcc -m32 -Wno-psabi -D_TIME_BITS=64 -D_FILE_OFFSET_BITS=64 ;;
	arm64) echo aarch64-linux-gnu-gcc-12 ;;
	s390x) echo s390x-linux-gnu-gcc-12 ;;
	esac
}

# for_this_machine KERNEL: is it one that runs the programs of this machine?
for_this_machine() {
	[[ $(arch_of "$1") = amd64 ]] ||
		die "what is built here does not run on $1; 'make check KERNEL=$1' builds for it, and runs the tests there"
}

# locked NAME COMMAND...: one at a time per name, over all clones and processes.
locked() {
	local what_for=$1; shift
	( flock -n 9 || { say "waiting for $what_for, which is being prepared"; flock 9; }
	  "$@" ) 9>"$CACHE/lock/${what_for//\//_}"
}

# use_kernel NAME: make it available and set what kernel.sh says about it
# shellcheck disable=SC2034 # read by the scripts that call this
use_kernel() {
	local env
	declare -g release='' vmlinuz='' kdir='' arch='' cc='' root='' mem='' args=''
	env=$("$VM_DIR/kernel.sh" get "$1")
	eval "$env"
}

# mirror LABEL: address of the Debian archive ("Debian", "Debian-Security") that this
# machine's own apt uses. EVNOTIFY_MIRROR names one where apt has none.
mirror() {
	local uri
	# shellcheck disable=SC2016 # apt's variables
	uri=$(apt-get indextargets --format '$(ORIGIN)|$(LABEL)|$(REPO_URI)' 'Created-By: Packages' |
		awk -F'|' -v label="$1" '$1 == "Debian" && $2 == label { print $3; exit }')
	[[ -n $uri || $1 != Debian ]] || uri=${EVNOTIFY_MIRROR:-}
	if [[ -z $uri && $1 = Debian-Security ]]; then
		uri=$(mirror Debian) && uri=${uri%/}-security
	fi
	[[ -n $uri ]] || die "apt knows no Debian archive (its lists may be empty); run 'apt-get update'" \
		"as root, or name an archive: EVNOTIFY_MIRROR=http://HOST/debian"
	echo "${uri%/}"
}

# apt_private: from here on apt works on a private state that knows the suites of every
# kernel, and nothing in /etc/apt changes. Proxies and the like still come from there.
apt_private() { apt_use apt "bookworm bookworm-backports trixie trixie-backports" amd64; }

# apt_foreign ARCH: the same with Debian 12 for another architecture as well
apt_foreign() { apt_use "apt-$1" bookworm amd64 "$1"; }

# apt_unstable: the same with Debian's next release and what comes after it
apt_unstable() { apt_use apt-unstable "forky sid" amd64; }

apt_use() {
	local dir=$CACHE/$1
	have apt-get dpkg-deb || die "kernels come from the Debian archive through apt, and there is no apt here;" \
		"use this machine's own kernel instead: KERNEL=host"
	[[ -r $KEYRING ]] || die "$KEYRING is missing: install the package debian-archive-keyring"
	locked "$1" apt_update "$dir" "${@:2}"
	export APT_CONFIG=$dir/apt.conf
}

KEYRING=/usr/share/keyrings/debian-archive-keyring.gpg

# apt_update DIRECTORY SUITES ARCH...
apt_update() {
	local dir=$1 suites=$2 main security suite; shift 2
	[[ -z $(find "$dir/updated" -mmin -720 2>/dev/null) ]] || return 0
	main=$(mirror Debian) security=$(mirror Debian-Security)
	mkdir -p "$dir"/state/lists/partial "$dir"/cache/archives/partial "$dir/conf.d"
	: >"$dir/status"
	for suite in $suites; do
		echo "deb [signed-by=$KEYRING] $main $suite main"
		# it is there for its kernels
		[[ ! $suite =~ ^(bookworm|trixie)$ ]] ||
			echo "deb [arch=amd64,arm64 signed-by=$KEYRING] $security $suite-security main"
	done >"$dir/sources.list"
	# the machine's own settings first (proxies), then ours; hooks of the machine do not run
	find /etc/apt/apt.conf.d -type f -exec ln -sf -t "$dir/conf.d" {} +
	{ cat; printf 'APT::Architectures "%s";\n' "$@"; } >"$dir/conf.d/zz-evnotify" <<-'END'
		#clear APT::Update::Pre-Invoke;
		#clear APT::Update::Post-Invoke;
		#clear APT::Update::Post-Invoke-Success;
		APT::Sandbox::User "root";
		APT::Architecture "amd64";
		#clear APT::Architectures;
		Acquire::Languages "none";
		Dir::Cache::pkgcache "pkgcache.bin";
		Dir::Cache::srcpkgcache "srcpkgcache.bin";
	END
	cat >"$dir/apt.conf" <<-END
		Dir::State "$dir/state";
		Dir::State::status "$dir/status";
		Dir::Cache "$dir/cache";
		Dir::Etc::parts "$dir/conf.d";
		Dir::Etc::sourcelist "$dir/sources.list";
		Dir::Etc::sourceparts "/dev/null";
	END
	say "reading the package lists of Debian, $suites, for $*"
	if APT_CONFIG=$dir/apt.conf apt-get -qq -o Acquire::http::Timeout=20 update >&2; then
		touch "$dir/updated"
	elif [[ -e $dir/updated ]]; then
		say "the archive does not answer; going on with the lists of $(date -r "$dir/updated")"
	else
		die "cannot read the package lists of $main, which kernels and their source come from; is there a" \
			"network, and a proxy that apt knows of? EVNOTIFY_MIRROR=http://HOST/debian names another archive"
	fi
}
