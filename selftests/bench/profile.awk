# SPDX-License-Identifier: GPL-2.0-only
# Instructions per request, kernel function and phase.
#
#   awk -f profile.awk OUTPUT COUNTS
#
# OUTPUT is what bench -p printed and then /proc/kallsyms, sorted, after a line KALLSYMS;
# COUNTS is what plugin.so wrote, in the order of addresses within a phase. Addresses have
# the same length, so they compare as text.

BEGIN {
	split("arm fire reap cancel close latency", phase_name, " ")
}

FNR == NR && $1 == "marked" { requests[$2] = $3; next }
FNR == NR && $1 == "KALLSYMS" { symbols = 1; next }
FNR == NR && symbols && $2 ~ /[tTwW]/ && $1 != last {
	address[++nr] = last = $1
	name[nr] = $3 ($4 == "" ? "" : " " $4)
	next
}
FNR == NR { next }

$1 != phase { phase = $1; i = 1 }
{
	if ($2 == "0") {
		function_name = "(user space)"
	} else {
		while (i < nr && address[i + 1] <= $2)
			i++
		function_name = name[i]
	}
	count[phase, function_name] += $3
	total[phase] += $3
	all[phase] = all[phase] == "" ? function_name : all[phase] "\n" function_name
}

END {
	for (phase = 1; phase <= 6; phase++) {
		if (!requests[phase])
			continue
		printf "\n%s: %.1f instructions per request, %d requests\n", phase_name[phase],
			total[phase] / requests[phase], requests[phase]
		split(all[phase], list, "\n")
		sort = "sort -rn -k1,1 | head -n " (lines ? lines : 40)
		for (j in list) {
			if (count[phase, list[j]] == "")
				continue
			printf "%9.1f  %s\n", count[phase, list[j]] / requests[phase], list[j] | sort
			delete count[phase, list[j]]
		}
		close(sort)
	}
}
