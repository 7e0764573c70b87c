#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Prints src/base/pow10_table.inc: 128-bit significands of the powers of ten 10**-342 .. 10**324.

Row q holds g = floor(10**q * 2**(127 - floor(log2(10**q)))), so that 2**127 <= g < 2**128, as two
64-bit halves.  Exact integer arithmetic throughout.  Usage: gen_pow10.py > src/base/pow10_table.inc
"""
LOW, HIGH = -342, 324


def significand(q):
    if q >= 0:
        n = 10**q
        shift = 128 - n.bit_length()
        return n << shift if shift >= 0 else n >> -shift
    n = 10**-q
    # 10**q lies in (2**-k, 2**(1-k)) with k = bit_length(n): floor(2**(127+k) / n) has 128 bits.
    return (1 << (127 + n.bit_length())) // n


print("/* SPDX-License-Identifier: Apache-2.0 */")
print("/* Made by tools/gen_pow10.py; do not edit.  Powers of ten from 10**%d to 10**%d. */" % (LOW, HIGH))
for q in range(LOW, HIGH + 1):
    g = significand(q)
    assert g.bit_length() == 128
    print("{UINT64_C(0x%016X), UINT64_C(0x%016X)}," % (g >> 64, g & (2**64 - 1)))
