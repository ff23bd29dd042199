#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The tree of this machine, as it is, as the one commit of a repository, of an hour that has been:
# for "make dist", which takes what is committed.
#
#   commit.sh DIRECTORY
# shellcheck source-path=SCRIPTDIR source=../vm/common.sh
. "$(dirname "$0")/../vm/common.sh"

[[ $# = 1 ]] || die "usage: commit.sh DIRECTORY"
mkdir "$1"
tar -C "$TOP" -cf - --exclude=./.git --exclude=./build --exclude=./userspace/build . | tar -C "$1" -xf -
export GIT_CONFIG_GLOBAL=/dev/null GIT_AUTHOR_NAME=Ada GIT_AUTHOR_EMAIL=ada@example.org
export GIT_COMMITTER_NAME=$GIT_AUTHOR_NAME GIT_COMMITTER_EMAIL=$GIT_AUTHOR_EMAIL GIT_COMMITTER_DATE=2026-01-01T00:00Z
git -C "$1" init -q && git -C "$1" add -A && git -C "$1" commit -qm all
