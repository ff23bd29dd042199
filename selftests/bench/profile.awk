# SPDX-License-Identifier: GPL-2.0-only
# Instructions per request, by kernel function and phase.
#
#   awk -f profile.awk OUTPUT COUNTS
#
# OUTPUT is what "in-vm.sh profile" printed: how many requests a phase was about, and after the
# line KALLSYMS the symbols in the order of their addresses. COUNTS is what plugin.so wrote, by
# phase and in the order of addresses within it. Addresses have the same length, so they
# compare as text.

BEGIN {
	phases = split("arm fire reap cancel close latency", phase_name, " ") + 1	# and "other"
	most = 40	# lines per phase
}

FNR == NR && $1 == "marked" { requests[$2] = $3; next }
FNR == NR && $1 == "set" { title[$2] = substr($0, index($0, $3)); sets = $2 + 1; next }
FNR == NR && $1 == "KALLSYMS" { symbols = 1; next }
FNR == NR && symbols && $2 ~ /[tTwW]/ && $1 != last {
	address[++nr] = last = $1
	name[nr] = $3 ($4 == "" ? "" : " " $4)
	next
}
FNR == NR { next }

$1 != phase { phase = $1; i = 1 }
$2 == "0" {
	# while requests expire, the process spins
	if (phase % phases != 2)
		add("(user space)", $3)
	next
}
{
	while (i < nr && address[i + 1] <= $2)
		i++
	add(name[i], $3)
}

function add(symbol, instructions) {
	if (!((phase, symbol) in count))
		list[phase, ++listed[phase]] = symbol
	count[phase, symbol] += instructions
	total[phase] += instructions
}

END {
	sort = "sort -rn -k1,1 | head -n " most
	for (set = 0; set < sets; set++) {
		printf "\n=== bench %s\n", title[set]
		for (p = 1; p < phases; p++) {
			phase = set * phases + p
			if (!requests[phase])
				continue
			printf "\n%s: %.1f instructions per request, %d requests\n", phase_name[p],
				total[phase] / requests[phase], requests[phase]
			fflush()
			for (i = 1; i <= listed[phase]; i++)
				printf "%9.1f  %s\n", count[phase, list[phase, i]] / requests[phase],
					list[phase, i] | sort
			close(sort)
		}
	}
}
