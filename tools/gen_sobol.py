#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes src/math/sobol_table.inc: primitive polynomials and initial direction numbers of the first 1111
dimensions of new-joe-kuo-6.21201 (Joe & Kuo 2008), taken from the copy inside SciPy (Debian package
python3-scipy, file scipy/stats/_sobol_direction_numbers.npz, arrays `poly` and `vinit`).

    /usr/bin/python3 tools/gen_sobol.py [output]

The expansion to 64-bit direction numbers is done by hpo_sobol_create.
"""
import os
import sys

import numpy as np
import scipy.stats

DIMS = 1111
NOTICE = """\
/* Direction numbers new-joe-kuo-6: S. Joe and F. Y. Kuo, "Constructing Sobol sequences with better two-dimensional
 * projections", SIAM J. Sci. Comput. 30 (2008) 2635-2654.  Written by tools/gen_sobol.py: do not edit.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2008, Frances Y. Kuo and Stephen Joe
 * All rights reserved.
 *
 * Redistribution and use in source and binary forms, with or without modification, are permitted provided that the
 * following conditions are met:
 *   * Redistributions of source code must retain the above copyright notice, this list of conditions and the
 *     following disclaimer.
 *   * Redistributions in binary form must reproduce the above copyright notice, this list of conditions and the
 *     following disclaimer in the documentation and/or other materials provided with the distribution.
 *   * Neither the names of the copyright holders nor the names of the University of New South Wales and the University
 *     of Waikato and its contributors may be used to endorse or promote products derived from this software without
 *     specific prior written permission.
 *
 * THIS SOFTWARE IS PROVIDED BY THE COPYRIGHT HOLDERS "AS IS" AND ANY EXPRESS OR IMPLIED WARRANTIES, INCLUDING, BUT NOT
 * LIMITED TO, THE IMPLIED WARRANTIES OF MERCHANTABILITY AND FITNESS FOR A PARTICULAR PURPOSE ARE DISCLAIMED.  IN NO
 * EVENT SHALL THE COPYRIGHT HOLDERS BE LIABLE FOR ANY DIRECT, INDIRECT, INCIDENTAL, SPECIAL, EXEMPLARY, OR
 * CONSEQUENTIAL DAMAGES (INCLUDING, BUT NOT LIMITED TO, PROCUREMENT OF SUBSTITUTE GOODS OR SERVICES; LOSS OF USE, DATA,
 * OR PROFITS; OR BUSINESS INTERRUPTION) HOWEVER CAUSED AND ON ANY THEORY OF LIABILITY, WHETHER IN CONTRACT, STRICT
 * LIABILITY, OR TORT (INCLUDING NEGLIGENCE OR OTHERWISE) ARISING IN ANY WAY OUT OF THE USE OF THIS SOFTWARE, EVEN IF
 * ADVISED OF THE POSSIBILITY OF SUCH DAMAGE. */
"""


def main():
    out = sys.argv[1] if len(sys.argv) > 1 else "src/math/sobol_table.inc"
    path = os.path.join(os.path.dirname(scipy.stats.__file__), "_sobol_direction_numbers.npz")
    with np.load(path) as data:
        poly, vinit = data["poly"], data["vinit"]
    numbers = []
    for dim in range(1, DIMS):  # dimension 0 is the van der Corput sequence: nothing to store
        p = int(poly[dim])
        degree = p.bit_length() - 1
        m = [int(v) for v in vinit[dim][:degree]]
        assert p & 1 and all(v & 1 and v < 2 ** (k + 1) for k, v in enumerate(m))
        numbers += [p] + m
    lines = [NOTICE.rstrip("\n"), "/* clang-format off */",
             "/* For each dimension from the second on: the primitive polynomial (all its bits), then as many initial",
             " * numbers m_1, m_2, ... as its degree. */",
             f"static const uint16_t SOBOL_TABLE[{len(numbers)}] = {{"]
    row = "   "
    for v in numbers:
        item = f" {v},"
        if len(row) + len(item) > 118:
            lines.append(row)
            row = "   "
        row += item
    lines += [row, "};"]
    with open(out, "w") as f:
        f.write("\n".join(lines) + "\n")


main()
