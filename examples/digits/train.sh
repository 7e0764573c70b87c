#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The digits again, as a shell script: k nearest neighbours in awk.  The hyperparameters come from the
# environment, HPO_PARAM_K (neighbours), HPO_PARAM_P (the norm) and HPO_PARAM_SHARPEN (weights 1 / distance^s);
# the last line printed is the result: let `hpo` read it with --metric last.
here=$(dirname "$0")
awk -v k="${HPO_PARAM_K:-5}" -v p="${HPO_PARAM_P:-2}" -v s="${HPO_PARAM_SHARPEN:-1}" '
    BEGIN { for (i = 0; i < 17; i++) level[substr("0123456789abcdefg", i + 1, 1)] = i }
    NR % 7 == 0 && n_test < 60 { for (i = 1; i <= 64; i++) test[n_test, i] = level[substr($2, i, 1)]; truth[n_test++] = $1 }
    NR % 7 == 3 && n < 240     { for (i = 1; i <= 64; i++) x[n, i] = level[substr($2, i, 1)]; label[n++] = $1 }
    END {
        for (gap = 0; gap < 17; gap++) power[gap] = gap ^ p
        for (t = 0; t < n_test; t++) {
            for (j = 0; j < n; j++) {
                d = 0
                for (i = 1; i <= 64; i++) { gap = test[t, i] - x[j, i]; d += power[gap < 0 ? -gap : gap] }
                distance[j] = d
            }
            split("", vote)
            for (round = 0; round < k; round++) {
                best = -1
                for (j = 0; j < n; j++) if (distance[j] >= 0 && (best < 0 || distance[j] < distance[best])) best = j
                vote[label[best]] += 1 / (1 + distance[best]) ^ (s / p)
                distance[best] = -1
            }
            winner = -1
            for (c in vote) if (winner < 0 || vote[c] > vote[winner]) winner = c
            wrong += winner != truth[t]
        }
        print "error", wrong / n_test
    }' "${DIGITS_DATA:-$here/digits.txt}"
