/* SPDX-License-Identifier: Apache-2.0 */
/* base/number.c - doubles to the shortest text and back, without the process's locale.
 *
 * Writing: Schubfach (R. Giulietti, "The Schubfach way to render doubles", 2021).  A double is c * 2^q;
 * its rounding interval is scaled by a power of ten 10^-k, chosen so that the interval holds at least
 * one and at most ten integers; of the candidates s, s+1 (and the two multiples of ten around them) the
 * one inside is taken, the nearer one if both are.  128-bit powers of ten and rounding to odd make the
 * comparisons exact.
 *
 * Reading: w * 10^e with up to 19 digits in w.  Small cases are one exact operation (W. Clinger, "How to
 * read floating point numbers accurately", 1990).  Else the product of w and the 128-bit power of ten is
 * known with an error below two units of its last place: when both ends of that interval round to the
 * same double (nearly always), that is the answer (idea: M. Mushtak and D. Lemire, "Fast number parsing
 * without fallback", 2023).  What is left is decided by comparing big integers with the half-way point.
 *
 * The exponent estimates are floor(e * log10(2)) etc. as multiplications by 22- and 19-bit fractions,
 * exact for all |e| that occur (the tests run through them). */
#include <float.h>
#include <math.h>
#include <string.h>

#include "base/bits.h"
#include "base/str.h"

_Static_assert(FLT_RADIX == 2 && DBL_MANT_DIG == 53 && DBL_MAX_EXP == 1024,
               "double must be IEEE 754 binary64");

enum { TABLE_LOW = -342, TABLE_HIGH = 324 };
enum { LAST_EXACT = 55 }; /* 10^0 .. 10^55 have at most 128 significant bits */

typedef struct wide {
    uint64_t high, low;
} wide;

static const wide powers_of_ten[TABLE_HIGH - TABLE_LOW + 1] = {
#include "base/pow10_table.inc"
};

/* floor(log2(10^e)) */
static int log2_of_pow10(int e)
{
    return (int)(((int64_t)e * 1741647 - (e < 0 ? (1 << 19) - 1 : 0)) / (1 << 19));
}

/* ---- writing ------------------------------------------------------------------------------- */

/* g * c / 2^128, with the lowest bit set when anything was cut off. */
static uint64_t round_to_odd(wide g, uint64_t c)
{
    uint64_t x1, y1;
    (void)hpo_mul64(g.low, c, &x1);
    uint64_t y0 = hpo_mul64(g.high, c, &y1);
    uint64_t sum = y0 + x1;
    y1 += sum < y0;
    return y1 | (sum > 1);
}

/* The shortest decimal digits * 10^*exponent that rounds to the positive double with these fields. */
static uint64_t shortest_decimal(uint64_t fraction, int biased, int *exponent)
{
    uint64_t c = biased != 0 ? fraction | UINT64_C(1) << 52 : fraction;
    int q = (biased != 0 ? biased : 1) - 1075;
    if (q <= 0 && q > -53 && (c & ((UINT64_C(1) << -q) - 1)) == 0) { /* an integer below 2^53 */
        *exponent = 0;
        return c >> -q;
    }
    int closer = fraction == 0 && biased > 1; /* the neighbour below a power of two is twice as near */
    int64_t scaled = (int64_t)q * 1262611 - (closer ? 524031 : 0);
    int k = (int)((scaled - (scaled < 0 ? (1 << 22) - 1 : 0)) / (1 << 22));
    int h = q + log2_of_pow10(-k) + 1;
    wide g = powers_of_ten[-k - TABLE_LOW];
    if (-k < 0 || -k > LAST_EXACT) { /* the method wants the power rounded up */
        g.low++;
        g.high += g.low == 0;
    }
    uint64_t below = round_to_odd(g, (4 * c - 2 + (uint64_t)closer) << h);
    uint64_t value = round_to_odd(g, (4 * c) << h);
    uint64_t above = round_to_odd(g, (4 * c + 2) << h);
    /* Ends of the interval belong to it when c is even: ties go to even on reading. */
    uint64_t low = below + (c & 1), high = above - (c & 1), s = value / 4;
    if (s >= 10) {
        uint64_t tens = s / 10;
        int down_fits = low <= 40 * tens, up_fits = 40 * tens + 40 <= high;
        if (down_fits != up_fits) {
            *exponent = k + 1;
            return tens + (uint64_t)up_fits;
        }
    }
    *exponent = k;
    int down_fits = low <= 4 * s, up_fits = 4 * s + 4 <= high;
    if (down_fits != up_fits) return s + (uint64_t)up_fits;
    uint64_t middle = 4 * s + 2;
    return s + (uint64_t)(value > middle || (value == middle && (s & 1) != 0));
}

/* Writes the n decimal digits of v, n known to be right. */
static void put_digits(char *p, uint64_t v, int n)
{
    while (n >= 2) {
        unsigned two = (unsigned)(v % 100);
        v /= 100;
        n -= 2;
        p[n] = (char)('0' + two / 10);
        p[n + 1] = (char)('0' + two % 10);
    }
    if (n == 1) p[0] = (char)('0' + v % 10);
}

static int count_digits(uint64_t v)
{
    int n = 1;
    for (; v >= 10000; v /= 10000)
        n += 4;
    return n + (v >= 10) + (v >= 100) + (v >= 1000);
}

/* digits * 10^exponent in the layout of Python's repr: plain between 1e-4 and 1e16, else scientific. */
static char *layout(char *p, uint64_t digits, int exponent)
{
    int n = count_digits(digits), point = n + exponent; /* 0.d1..dn * 10^point */
    if (point > -4 && point <= 16) {
        if (point <= 0) {
            memset(p, '0', 5);
            p[1] = '.';
            put_digits(p + 2 - point, digits, n);
            return p + 2 - point + n;
        }
        if (point >= n) {
            put_digits(p, digits, n);
            memset(p + n, '0', (size_t)(point - n));
            return p + point;
        }
        put_digits(p + 1, digits, n);
        memmove(p, p + 1, (size_t)point);
        p[point] = '.';
        return p + n + 1;
    }
    put_digits(p + 1, digits, n);
    p[0] = p[1];
    p[1] = '.';
    p += n > 1 ? n + 1 : 1;
    int e = point - 1;
    *p++ = 'e';
    *p++ = e < 0 ? '-' : '+';
    unsigned size = (unsigned)(e < 0 ? -e : e);
    int width = size >= 100 ? 3 : 2;
    put_digits(p, size, width);
    return p + width;
}

size_t hpo_double_text(double v, char buf[32])
{
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    uint64_t fraction = bits & ((UINT64_C(1) << 52) - 1);
    int biased = (int)(bits >> 52 & 0x7FF);
    char *p = buf;
    if (biased == 0x7FF && fraction != 0) {
        memcpy(buf, "nan", 4);
        return 3;
    }
    if (bits >> 63 != 0) *p++ = '-';
    if (biased == 0x7FF) {
        memcpy(p, "inf", 3);
        p += 3;
    } else if (biased == 0 && fraction == 0) {
        *p++ = '0';
    } else {
        int exponent;
        uint64_t digits = shortest_decimal(fraction, biased, &exponent);
        while (digits % 10 == 0) { /* 1500 * 10^2: the layout counts significant digits */
            digits /= 10;
            exponent++;
        }
        p = layout(p, digits, exponent);
    }
    *p = '\0';
    return (size_t)(p - buf);
}

/* ---- reading ------------------------------------------------------------------------------- */

/* A number as it stands in the text. */
typedef struct decimal {
    const char *digits, *end; /* first significant digit .. past the last digit; may hold one '.' */
    uint64_t w;               /* the first 19 significant digits at most */
    int n_digits;             /* significant digits in all, leading zeros left out */
    int64_t exponent;         /* value = w * 10^exponent, not counting cut digits */
    int cut;                  /* non-zero digits were left out of w */
} decimal;

static int is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static const char *take_digits(const char *p, uint64_t *w)
{
    uint64_t v = *w;
    for (; is_digit(*p); p++)
        v = v * 10 + (uint64_t)(*p - '0');
    *w = v;
    return p;
}

/* Digits and '.' of a number with at most 19 significant digits, as nearly all are; 0: there are more. */
static int scan_short(const char *s, decimal *d, const char **end)
{
    const char *p = s, *part;
    while (*p == '0')
        p++;
    d->digits = p;
    d->w = 0;
    d->cut = 0;
    p = take_digits(p, &d->w);
    int64_t n = p - d->digits, digits = p - s;
    d->exponent = 0;
    if (*p == '.') {
        part = ++p;
        if (n == 0) { /* zeros behind the point are not significant either */
            while (*p == '0')
                p++;
            d->digits = p;
        }
        const char *rest = p;
        p = take_digits(p, &d->w);
        n += p - rest;
        d->exponent = part - p;
        digits += p - part;
    }
    d->n_digits = n <= 19 ? (int)n : 20;
    d->end = p;
    *end = digits > 0 ? p : NULL;
    return n <= 19;
}

/* The same for any number of digits. */
static const char *scan_long(const char *s, decimal *d)
{
    *d = (decimal){0};
    int any = 0, point = 0;
    int64_t after_point = 0, dropped = 0;
    const char *p = s;
    for (;; p++) {
        if (*p == '.' && !point) {
            point = 1;
            continue;
        }
        if (!is_digit(*p)) break;
        any = 1;
        after_point += point;
        if (*p == '0' && d->digits == NULL) continue;
        if (d->digits == NULL) d->digits = p;
        if (d->n_digits < INT32_MAX) d->n_digits++;
        if (d->n_digits <= 19) {
            d->w = d->w * 10 + (uint64_t)(*p - '0');
        } else {
            dropped++;
            d->cut |= *p != '0';
        }
    }
    if (!any) return NULL;
    d->end = p;
    d->exponent = dropped - after_point;
    return p;
}

/* Reads digits, '.', exponent; returns the end, or NULL when there is no digit. */
static const char *scan_decimal(const char *s, decimal *d)
{
    const char *p;
    if (!scan_short(s, d, &p)) p = scan_long(s, d);
    if (p == NULL) return NULL;
    if (*p == 'e' || *p == 'E') {
        const char *e = p + 1;
        int negative = *e == '-';
        if (*e == '-' || *e == '+') e++;
        if (is_digit(*e)) {
            int64_t size = 0;
            for (; is_digit(*e); e++) {
                if (size < INT64_C(1000000000000)) size = size * 10 + (*e - '0');
            }
            d->exponent += negative ? -size : size;
            p = e;
        }
    }
    return p;
}

static double from_bits(uint64_t bits)
{
    double v;
    memcpy(&v, &bits, sizeof v);
    return v;
}

/* Bits of the double nearest (ties to even) to m * 2^e, m having its top bit set; `sticky`: plus something
 * between 0 and 1 units of m. */
static uint64_t round_to_double(uint64_t m, int sticky, int e)
{
    /* As a normal number: 53 bits of m, biased exponent e + 63 + 1023.  Subnormals keep fewer bits. */
    int biased = e + 63 + 1023, drop = 11;
    if (biased <= 0) {
        drop += 1 - biased;
        biased = 0;
    }
    if (drop > 64) return 0;
    uint64_t kept = drop == 64 ? 0 : m >> drop;
    uint64_t half = UINT64_C(1) << (drop - 1), rest = m & (half | (half - 1));
    if (rest > half || (rest == half && (sticky || (kept & 1) != 0))) kept++;
    /* Adding carries into the exponent just as it should, up to infinity. */
    uint64_t bits = biased == 0 ? kept : kept + ((uint64_t)(biased - 1) << 52);
    return bits < UINT64_C(0x7FF0000000000000) ? bits : UINT64_C(0x7FF0000000000000);
}

/* The 128 high bits of x * 10^exponent, 10^exponent truncated: high * 2^64 + low units of 2^(e - 64); the
 * exact product is less than two units larger. */
typedef struct product {
    uint64_t high, low;
    int e;
} product;

static product times_pow10(uint64_t x, int exponent)
{
    wide g = powers_of_ten[exponent - TABLE_LOW];
    int zeros = hpo_leading_zeros64(x);
    product r = {.e = log2_of_pow10(exponent) - 127 - zeros + 128};
    x <<= zeros;
    uint64_t middle;
    (void)hpo_mul64(x, g.low, &middle);
    r.low = hpo_mul64(x, g.high, &r.high);
    r.low += middle;
    r.high += r.low < middle;
    return r;
}

/* Bits of the double nearest to an end of the interval that holds the exact product: the lower end, or the
 * upper one, a unit and a bit above it (the power and the product were cut by less than one unit each). */
static uint64_t interval_end(product r, int upper)
{
    if (upper) {
        r.low++;
        r.high += r.low == 0;
        if (r.high == 0) return round_to_double(UINT64_C(1) << 63, 1, r.e + 1); /* carried into bit 128 */
    }
    if (r.high >> 63 == 0) { /* the product of two numbers with top bits set lacks one bit at most */
        r.high = r.high << 1 | r.low >> 63;
        r.low <<= 1;
        r.e--;
    }
    return round_to_double(r.high, upper || r.low != 0, r.e);
}

/* Big natural numbers for the rare exact comparison; 1100 digits and 2^1100 fit in 160 words of 32 bits. */
enum { BIG_WORDS = 192, BIG_DIGITS = 800 };
typedef struct big {
    uint32_t word[BIG_WORDS];
    int n;
} big;

static void big_multiply_add(big *b, uint32_t factor, uint32_t add)
{
    uint64_t carry = add;
    for (int i = 0; i < b->n; i++) {
        carry += (uint64_t)b->word[i] * factor;
        b->word[i] = (uint32_t)carry;
        carry >>= 32;
    }
    if (carry != 0) b->word[b->n++] = (uint32_t)carry;
}

static void big_multiply_pow10(big *b, int exponent)
{
    for (; exponent >= 9; exponent -= 9)
        big_multiply_add(b, 1000000000, 0);
    for (; exponent > 0; exponent--)
        big_multiply_add(b, 10, 0);
}

static void big_shift_left(big *b, int bits)
{
    int words = bits / 32;
    if (b->n == 0) return;
    big_multiply_add(b, UINT32_C(1) << (bits % 32), 0);
    memmove(b->word + words, b->word, (size_t)b->n * sizeof b->word[0]);
    memset(b->word, 0, (size_t)words * sizeof b->word[0]);
    b->n += words;
}

static int big_compare(const big *a, const big *b)
{
    if (a->n != b->n) return a->n < b->n ? -1 : 1;
    for (int i = a->n - 1; i >= 0; i--) {
        if (a->word[i] != b->word[i]) return a->word[i] < b->word[i] ? -1 : 1;
    }
    return 0;
}

/* Compares the decimal with m * 2^e exactly; m < 2^54, -1075 <= e <= 971. */
static int compare_exactly(const decimal *d, uint64_t m, int e)
{
    big left = {{0}, 0}, right = {{0}, 0};
    /* A halfway point has at most 768 significant digits: of more than BIG_DIGITS, only whether one of
     * the rest is non-zero matters, which an extra last digit 1 says as well. */
    int taken = 0, rest = 0;
    for (const char *p = d->digits; p < d->end; p++) {
        if (!is_digit(*p)) continue;
        if (taken < BIG_DIGITS) {
            big_multiply_add(&left, 10, (uint32_t)(*p - '0'));
            taken++;
        } else {
            rest |= *p != '0';
        }
    }
    int64_t exponent = d->exponent + (d->n_digits > 19 ? 19 : d->n_digits) - taken;
    if (rest) {
        big_multiply_add(&left, 10, 1);
        exponent--;
    }
    big_multiply_add(&right, 1, (uint32_t)(m >> 32));
    big_shift_left(&right, 32);
    big_multiply_add(&right, 1, (uint32_t)m);
    if (exponent >= 0)
        big_multiply_pow10(&left, (int)exponent);
    else
        big_multiply_pow10(&right, (int)-exponent);
    if (e >= 0)
        big_shift_left(&right, e);
    else
        big_shift_left(&left, -e);
    return big_compare(&left, &right);
}

/* Walks up from a lower bound, which lies at most a few doubles below, to the nearest double. */
static uint64_t settle(const decimal *d, uint64_t bits)
{
    for (;;) {
        uint64_t biased = bits >> 52, fraction = bits & ((UINT64_C(1) << 52) - 1);
        if (biased >= 0x7FF) return UINT64_C(0x7FF0000000000000);
        uint64_t c = biased != 0 ? fraction | UINT64_C(1) << 52 : fraction;
        int q = (biased != 0 ? (int)biased : 1) - 1075;
        int order = compare_exactly(d, 2 * c + 1, q - 1);
        if (order < 0 || (order == 0 && (bits & 1) == 0)) return bits;
        bits++;
        if (order == 0) return bits;
    }
}

static double decimal_to_double(const decimal *d)
{
    static const double exact_powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                          1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                          1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    if (d->w == 0) return 0;
    int taken = d->n_digits > 19 ? 19 : d->n_digits;
    if (d->exponent + taken < -323) return 0; /* below half of the smallest double, 2.47e-324 */
    if (d->exponent + taken > 309) return INFINITY;
    int e = (int)d->exponent; /* -342 .. 308 */
    if (!d->cut && d->w <= UINT64_C(1) << 53 && e >= -22 && e <= 22) {
        double w = (double)d->w;
        return e < 0 ? w / exact_powers[-e] : w * exact_powers[e];
    }
    product r = times_pow10(d->w, e);
    uint64_t low = interval_end(r, 0), high = interval_end(d->cut ? times_pow10(d->w + 1, e) : r, 1);
    return from_bits(low == high ? low : settle(d, low));
}

/* Case-insensitive "inf", "infinity" or "nan" at s; its length, or 0. */
static size_t match_word(const char *s, double *out)
{
    static const struct {
        const char *word;
        double value;
    } words[] = {{"infinity", INFINITY}, {"inf", INFINITY}, {"nan", NAN}};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        size_t n = 0;
        while (words[i].word[n] != '\0' && (char)(s[n] | 0x20) == words[i].word[n])
            n++;
        if (words[i].word[n] == '\0') {
            *out = words[i].value;
            return n;
        }
    }
    return 0;
}

const char *hpo_double_parse(const char *s, double *out)
{
    const char *p = s;
    int negative = *p == '-';
    if (*p == '-' || *p == '+') p++;
    double v;
    size_t n = (*p | 0x20) >= 'a' ? match_word(p, &v) : 0;
    const char *end = p + n;
    if (n == 0) {
        decimal d;
        end = scan_decimal(p, &d);
        if (end == NULL) return s;
        v = decimal_to_double(&d);
    }
    *out = negative ? -v : v;
    return end;
}

int hpo_parse_double(const char *s, double *out)
{
    double v;
    const char *end = hpo_double_parse(s, &v);
    if (end == s || *end != '\0') return 0;
    *out = v;
    return 1;
}

int hpo_parse_int(const char *s, int64_t *out)
{
    int negative = *s == '-';
    if (*s == '-' || *s == '+') s++;
    if (!is_digit(*s)) return 0;
    uint64_t limit = negative ? (uint64_t)INT64_MAX + 1 : (uint64_t)INT64_MAX, v = 0;
    for (; is_digit(*s); s++) {
        uint64_t digit = (uint64_t)(*s - '0');
        if (v > (limit - digit) / 10) return 0;
        v = v * 10 + digit;
    }
    if (*s != '\0') return 0;
    *out = negative ? (v > INT64_MAX ? INT64_MIN : -(int64_t)v) : (int64_t)v;
    return 1;
}
