#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Computes every constant of src/math/func_*.c and writes src/math/func_*.inc.

Only the standard library: `decimal` with 90 digits, from series whose truncation error is far below
that.  Polynomials are interpolants at Chebyshev nodes (within a small factor of minimax), computed in
90 digits and rounded once; the script prints their truncation error on a fine grid.  All numbers are
written as hexadecimal floating constants, so that no compiler has to round.

    python3 tools/gen_func_coefficients.py [folder]       default folder: src/math
"""
import sys
from decimal import Decimal as D, getcontext
from fractions import Fraction

getcontext().prec = 90
ONE, TWO, HALF = D(1), D(2), D("0.5")


# ---- high-precision functions ---------------------------------------------------------------

def arctan_inverse(n):
    """atan(1/n) for an integer n >= 2."""
    total, power, k = D(0), ONE / n, 0
    while abs(power) > D(10) ** -88:
        total += (power if k % 2 == 0 else -power) / (2 * k + 1)
        power /= n * n
        k += 1
    return total


PI = 4 * (4 * arctan_inverse(5) - arctan_inverse(239))  # Machin 1706
LN2 = TWO.ln()


def series(term0, ratio):
    """term0 * (1 + ratio(1) (1 + ratio(2) (...)))"""
    total, term, k = D(0), term0, 0
    while abs(term) > D(10) ** -88:
        total += term
        k += 1
        term *= ratio(k)
    return total


def atan(x):
    if x == 0:
        return D(0)
    if x > HALF:  # halve the argument: atan x = 2 atan(x / (1 + sqrt(1 + x^2)))
        return 2 * atan(x / (1 + (1 + x * x).sqrt()))
    total, power, k = D(0), x, 0
    while abs(power) > D(10) ** -88:
        total += (power if k % 2 == 0 else -power) / (2 * k + 1)
        power *= x * x
        k += 1
    return total


def sinc_minus(t):  # (sin(s)/s - 1) / s^2 with t = s^2
    return series(-ONE / 6, lambda k: -t / ((2 * k + 2) * (2 * k + 3)))


def cos_minus(t):  # (cos(s) - 1 + s^2/2) / s^4
    return series(ONE / 24, lambda k: -t / ((2 * k + 3) * (2 * k + 4)))


def erf_over_x(t):  # erf(s)/s with t = s^2 (Abramowitz & Stegun 7.1.5)
    total, term, k = D(0), ONE, 0
    while abs(term) > D(10) ** -88:
        total += term / (2 * k + 1)
        k += 1
        term *= -t / k
    return total * 2 / PI.sqrt()


def erfcx(x):
    if x < 5:
        # erfcx = exp(x^2) - 2/sqrt(pi) * sum 2^n x^(2n+1)/(2n+1)!!: loses x^2/ln 10 < 11 digits of 90
        return (x * x).exp() * (1 - x * erf_over_x(x * x))
    # continued fraction, A&S 7.1.14, from the back; 600 terms give far more than 60 digits for x >= 5
    f = x
    for k in range(600, 0, -1):
        f = x + D(k) / 2 / f
    return 1 / (PI.sqrt() * f)


def zeta(s):  # Borwein 2000, algorithm 2
    n = 130
    d, total = [], Fraction(0)
    fact = [1]
    for i in range(1, 2 * n + 1):
        fact.append(fact[-1] * i)
    for i in range(n + 1):
        total += Fraction(fact[n + i - 1] * 4 ** i, fact[n - i] * fact[2 * i])
        d.append(n * total)
    acc = D(0)
    for k in range(n):
        w = d[k] - d[n]
        acc += (-1) ** k * D(w.numerator) / D(w.denominator) / D(k + 1) ** s
    dn = D(d[n].numerator) / D(d[n].denominator)
    return -acc / (dn * (1 - D(2) ** (1 - s)))


ZETA = {k: zeta(k) for k in range(2, 170)}


def euler_gamma():  # 1 - gamma = sum_{k>=2} (zeta(k) - 1) / k
    return 1 - sum((ZETA[k] - 1) / k for k in ZETA) - sum(D(2) ** -k / k for k in range(170, 320))


GAMMA = euler_gamma()


def lgamma2_over_t(t):  # log Gamma(2 + t) / t = 1 - gamma + sum_{k>=2} (-1)^k (zeta(k) - 1) t^(k-1) / k
    total, power = 1 - GAMMA, t
    for k in range(2, 168):
        total += (-1) ** k * (ZETA[k] - 1) / k * power
        power *= t
    return total


def bernoulli(n):
    a = [Fraction(0)] * (n + 1)
    for m in range(n + 1):
        a[m] = Fraction(1, m + 1)
        for j in range(m, 0, -1):
            a[j - 1] = j * (a[j - 1] - a[j])
    return a[0]  # B_1 = +1/2, never used


# ---- polynomials ----------------------------------------------------------------------------

def cos_pi(q):  # cos(pi q), by its series
    x = PI * q
    return series(ONE, lambda k: -x * x / ((2 * k - 1) * (2 * k)))


def chebyshev_fit(f, a, b, degree, centred=False):
    """Monomial coefficients (in x, or in t = (x - mid) / half when centred) of the interpolant of f
    at the degree+1 Chebyshev nodes of [a, b]."""
    n = degree + 1
    mid, half = (a + b) / 2, (b - a) / 2
    nodes = [cos_pi(D(2 * j + 1) / (2 * n)) for j in range(n)]
    values = [f(mid + half * t) for t in nodes]
    cheb = []
    for k in range(n):
        s = sum(values[j] * cos_pi(D(k * (2 * j + 1) % (4 * n)) / (2 * n)) for j in range(n))
        cheb.append(s * (1 if k == 0 else 2) / n)
    # to monomials in t
    poly, t0, t1 = [D(0)] * n, [ONE] + [D(0)] * (n - 1), [D(0)] * n
    if n > 1:
        t1[1] = ONE
    for k in range(n):
        for i in range(n):
            poly[i] += cheb[k] * t0[i]
        nxt = [D(0)] * n
        for i in range(n - 1):
            nxt[i + 1] += 2 * t1[i]
        for i in range(n):
            nxt[i] -= t0[i]
        t0, t1 = t1, nxt
    if centred:
        return poly
    # substitute t = (x - mid) / half
    out = [D(0)] * n
    for c in reversed(poly):
        shifted = [D(0)] * n
        for i in range(n):
            if i + 1 < n:
                shifted[i + 1] += out[i] / half
            shifted[i] -= out[i] * mid / half
        shifted[0] += c
        out = shifted
    return out


def rounded(x):
    """The double nearest to x (Fraction -> float is correctly rounded)."""
    return float(Fraction(x))


def report(name, f, coeffs, a, b, centred=False, steps=400):
    worst = D(0)
    mid, half = (a + b) / 2, (b - a) / 2
    for i in range(steps + 1):
        x = a + (b - a) * i / steps
        t = (x - mid) / half if centred else x
        y = D(0)
        for c in reversed(coeffs):
            y = y * t + c
        e = abs(y / f(x) - 1)
        worst = max(worst, e)
    bits = float(worst.ln() / LN2) if worst > 0 else -999.0
    print(f"{name:28s} degree {len(coeffs) - 1:2d}  relative truncation 2^{bits:.1f}")


# ---- writing --------------------------------------------------------------------------------

def hexf(x):
    return float(x).hex() if float(x) != 0 else "0.0"


def hi_part(x, bits):
    """x truncated to `bits` significant bits."""
    fx = Fraction(x)
    e = 0
    while abs(fx) >= 2:
        fx /= 2
        e += 1
    while abs(fx) < 1:
        fx *= 2
        e -= 1
    n = int(fx * 2 ** (bits - 1))
    return Fraction(n, 2 ** (bits - 1)) * Fraction(2) ** e


def to_dec(fr):
    return D(fr.numerator) / D(fr.denominator)


class Out:
    def __init__(self, folder, name, what):
        self.path = f"{folder}/{name}"
        self.lines = ["/* SPDX-License-Identifier: Apache-2.0 */",
                      f"/* {what}  Written by tools/gen_func_coefficients.py: do not edit. */",
                      "/* clang-format off */"]

    def scalar(self, name, value, note):
        self.lines.append(f"static const double {name} = {hexf(rounded(value))}; /* {note} */")

    def array(self, name, values, note):
        self.lines.append(f"/* {note} */")
        self.lines.append(f"static const double {name}[{len(values)}] = {{")
        items = [hexf(rounded(v)) for v in values]
        for i in range(0, len(items), 4):
            self.lines.append("    " + ", ".join(items[i:i + 4]) + ",")
        self.lines.append("};")

    def array2(self, name, rows, note):
        self.lines.append(f"/* {note} */")
        self.lines.append(f"static const double {name}[{len(rows)}][{len(rows[0])}] = {{")
        for r in rows:
            items = [hexf(rounded(v)) for v in r]
            for i in range(0, len(items), 4):
                self.lines.append("    " + ("{" if i == 0 else " ") + ", ".join(items[i:i + 4]) +
                                  ("}," if i + 4 >= len(items) else ","))
        self.lines.append("};")

    def words(self, name, values, note):
        self.lines.append(f"/* {note} */")
        self.lines.append(f"static const uint64_t {name}[{len(values)}] = {{")
        for i in range(0, len(values), 4):
            self.lines.append("    " + ", ".join(f"0x{v:016x}u" for v in values[i:i + 4]) + ",")
        self.lines.append("};")

    def close(self):
        with open(self.path, "w") as f:
            f.write("\n".join(self.lines) + "\n")


def write_exp(folder):
    o = Out(folder, "func_exp.inc", "Constants of func_exp.c.")
    n = 128
    o.scalar("INV_LN2_N", n / LN2, "128 / ln 2")
    hi = hi_part(LN2 / n, 35)
    o.scalar("LN2_HI_N", to_dec(hi), "ln 2 / 128, 35 bits: k * this is exact for |k| < 2^18")
    o.scalar("LN2_LO_N", LN2 / n - to_dec(hi), "the rest")
    rows = []
    for i in range(n):
        t = (LN2 * i / n).exp()
        h = rounded(t)
        rows.append((to_dec(Fraction(h)), t / to_dec(Fraction(h)) - 1))
    o.array2("EXP_TABLE", rows, "2^(i/128): {h, e} with h the nearest double and 2^(i/128) = h (1 + e)")
    o.close()


LOG_OFF = 0x3FE6900000000000


def from_bits(b):
    import struct
    return struct.unpack("<d", struct.pack("<Q", b))[0]


def write_log(folder):
    o = Out(folder, "func_log.inc", "Constants of func_log.c.")
    q = 2 ** 42  # k ln2_hi + logc_hi is a multiple of 2^-42 below 2^11: exact
    ln2hi = Fraction(int(Fraction(LN2) * q), q)
    o.scalar("LN2_HI", to_dec(ln2hi), "ln 2, a multiple of 2^-42")
    o.scalar("LN2_LO", LN2 - to_dec(ln2hi), "the rest")
    inv = 1 / LN2
    o.scalar("INV_LN2_HI", inv, "1 / ln 2")
    o.scalar("INV_LN2_LO", inv - to_dec(Fraction(rounded(inv))), "the rest")
    inv = 1 / D(10).ln()
    o.scalar("INV_LN10_HI", inv, "1 / ln 10")
    o.scalar("INV_LN10_LO", inv - to_dec(Fraction(rounded(inv))), "the rest")
    rows, worst = [], 0.0
    for i in range(128):
        a = Fraction(from_bits(LOG_OFF + (i << 45)))
        b = Fraction(from_bits(LOG_OFF + ((i + 1) << 45)))
        if a < 1 < b:
            invc = Fraction(1)
        else:
            invc = Fraction(round(2 / (a + b) * 2 ** 19), 2 ** 19)
        worst = max(worst, abs(float(a * invc - 1)), abs(float(b * invc - 1)))
        logc = -to_dec(invc).ln()
        lh = Fraction(round(Fraction(logc) * q), q)
        rows.append((to_dec(invc), to_dec(lh), logc - to_dec(lh)))
    print(f"log: |r| <= {worst:.6f} = 2^{__import__('math').log2(worst):.2f}")
    o.array2("LOG_TABLE", rows, "{1/c to 20 bits, -log(1/c) as a multiple of 2^-42, the rest} for 128 intervals of z")
    o.close()


def write_trig(folder):
    o = Out(folder, "func_trig.inc", "Constants of func_trig.c.")
    half_pi = PI / 2
    o.scalar("TWO_OVER_PI", 1 / half_pi, "2 / pi")
    rest = half_pi
    for i in range(3):
        p = hi_part(rest, 33)
        o.scalar(f"HALF_PI_{i + 1}", to_dec(p), f"pi / 2, 33 bits, part {i + 1}: n * this is exact for |n| < 2^20")
        rest -= to_dec(p)
    o.scalar("HALF_PI_4", rest, "the rest")
    o.scalar("HALF_PI_HI", half_pi, "pi / 2")
    o.scalar("HALF_PI_LO", half_pi - to_dec(Fraction(rounded(half_pi))), "the rest")
    top = (PI / 4 + D("1e-9")) ** 2
    s = chebyshev_fit(sinc_minus, D(0), top, 6)
    report("sin", lambda t: 1 + t * sinc_minus(t), [ONE] + s, D(0), top)
    o.array("SIN_POLY", s, "sin s = s + s^3 P(s^2), |s| <= pi/4")
    c = chebyshev_fit(cos_minus, D(0), top, 5)
    report("cos", lambda t: 1 - t / 2 + t * t * cos_minus(t), [ONE, -HALF] + c, D(0), top)
    o.array("COS_POLY", c, "cos s = 1 - s^2/2 + s^4 P(s^2)")
    getcontext().prec = 450
    global LONG_PI
    total = 4 * (4 * long_arctan_inverse(5) - long_arctan_inverse(239))
    frac = Fraction(2 / total)
    words = []
    for _ in range(20):  # 1280 bits: 2^1024 needs 1024 - 53 + 64 + 128 + guard
        frac *= 2 ** 64
        w = int(frac)
        words.append(w)
        frac -= w
    getcontext().prec = 90
    o.words("TWO_OVER_PI_BITS", words, "2 / pi = 0.[...] in base 2^64 (Payne & Hanek 1983)")
    rows = []
    for i in range(17):
        v = atan(D(i) / 16)
        rows.append((v, v - to_dec(Fraction(rounded(v)))))
    o.array2("ATAN_TABLE", rows, "atan(i / 16) as the sum of two doubles")
    o.close()


def long_arctan_inverse(n):
    total, power, k = D(0), ONE / n, 0
    while abs(power) > D(10) ** -448:
        total += (power if k % 2 == 0 else -power) / (2 * k + 1)
        power /= n * n
        k += 1
    return total


def write_erf(folder):
    o = Out(folder, "func_erf.inc", "Constants of func_erf.c.")
    e = chebyshev_fit(erf_over_x, D(0), D("0.25"), 8)
    report("erf", erf_over_x, e, D(0), D("0.25"))
    lead = 2 / PI.sqrt()
    e1 = chebyshev_fit(lambda t: (erf_over_x(t) - lead) / t, D(0), D("0.25"), 8)
    o.array("ERF_POLY", e1, "erf x = x (2/sqrt(pi) + x^2 P(x^2)), |x| <= 1/2")
    o.scalar("TWO_OVER_SQRT_PI_HI", lead, "2 / sqrt(pi)")
    o.scalar("TWO_OVER_SQRT_PI_LO", lead - to_dec(Fraction(rounded(lead))), "the rest")
    o.scalar("INV_SQRT_PI", lead / 2, "1 / sqrt(pi)")
    rows, worst = [], D(0)
    for binade in range(-2, 6):
        for j in range(8):
            a = D(2) ** binade * (8 + j) / 8
            b = D(2) ** binade * (9 + j) / 8
            c = chebyshev_fit(erfcx, a, b, 11, centred=True)
            rows.append(c)
            if j == 0:
                report(f"erfcx [{float(a):g},{float(b):g}]", erfcx, c, a, b, centred=True, steps=60)
    o.array2("ERFCX_POLY", rows, "erfcx on 8 equal parts of each binade of [1/4, 64), in t = (x - mid)/half")
    o.close()


def write_gamma(folder):
    o = Out(folder, "func_gamma.inc", "Constants of func_gamma.c.")
    p = chebyshev_fit(lgamma2_over_t, -HALF, HALF, 19)
    report("lgamma(2+t)/t", lgamma2_over_t, p, -HALF, HALF)
    o.array("LGAMMA_POLY", p, "log Gamma(2 + t) = t P(t), |t| <= 1/2")
    def between(x):  # log Gamma(x) / ((x - 1)(x - 2))
        if x in (ONE, TWO):  # 0/0: the limit
            x += D(10) ** -40
        t = x - 2
        if t < -HALF:  # log Gamma(x) = log Gamma(x + 1) - log x
            return (lgamma2_over_t(t + 1) * (t + 1) - x.ln()) / ((x - 1) * t)
        return lgamma2_over_t(t) / (x - 1)

    q = chebyshev_fit(between, ONE, TWO, 23, centred=True)
    report("lgamma(x)/(x-1)(x-2)", between, q, ONE, TWO, centred=True)
    o.array("LGAMMA_MIDDLE", q, "log Gamma(x) = (x - 1)(x - 2) P(2 x - 3), 1 <= x <= 2")
    stir, dig = [], []
    for k in range(1, 11):
        b = bernoulli(2 * k)
        stir.append(to_dec(b / (2 * k * (2 * k - 1))))
        dig.append(to_dec(b / (2 * k)))
    o.array("STIRLING", stir, "B_2k / (2k (2k-1)), k = 1, 2, ...")
    o.array("DIGAMMA_SERIES", dig, "B_2k / 2k")
    h = (2 * PI).ln() / 2
    o.scalar("HALF_LOG_2PI_HI", h, "log(2 pi) / 2")
    o.scalar("HALF_LOG_2PI_LO", h - to_dec(Fraction(rounded(h))), "the rest")
    o.scalar("LOG_PI", PI.ln(), "log(pi)")
    o.close()


def gauss_legendre(n):
    """Positive nodes and weights on [-1, 1] by Newton's rule on P_n."""
    out = []
    for k in range(n // 2):
        x = cos_pi((D(k) + D("0.75")) / (n + HALF))
        for _ in range(8):
            p0, p1 = ONE, x
            for j in range(2, n + 1):
                p0, p1 = p1, ((2 * j - 1) * x * p1 - (j - 1) * p0) / j
            slope = n * (x * p1 - p0) / (x * x - 1)
            x -= p1 / slope
        out.append((x, 2 / ((1 - x * x) * slope * slope)))
    return out


def write_quadrature(folder):
    o = Out(folder, "dist_quadrature.inc", "Constants of dist_truncnorm.c.")
    o.array2("GAUSS_LEGENDRE", gauss_legendre(10), "10-point Gauss-Legendre rule on [-1, 1]: {node > 0, weight}")
    o.close()


def main():
    folder = sys.argv[1] if len(sys.argv) > 1 else "src/math"
    write_exp(folder)
    write_log(folder)
    write_trig(folder)
    write_erf(folder)
    write_gamma(folder)
    write_quadrature(folder)


main()
