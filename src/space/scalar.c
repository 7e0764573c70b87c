/* SPDX-License-Identifier: Apache-2.0 */
/* space/scalar.c - one number between two bounds and its coordinate u in [0,1].
 *
 *   linear  x = low + u (high - low)
 *   log     T(x) = ln x                                   low > 0
 *   revlog  T(x) = -ln(c - x), c = 1 for ranges in [0,1), else c = low + high: as dense towards the upper
 *           bound as log is towards the lower one
 *   logit   T(x) = ln((x - a) / (b - x)), (a, b) = (0, 1); for an int (low - 1, high + 1)
 *   other than linear: u = (T(x) - T(low)) / (T(high) - T(low)).
 * Discrete, linear: n equal cells of [0,1].  Discrete on another scale: value x owns the coordinates between
 * T(x - step/2) and T(x + step/2), so that a draw has the continuous law rounded to the nearest value.
 *
 * decode(encode(decode(u))) = decode(u), bit for bit.  On the curved scales this is by construction:
 * with |T| <= M, computing T, u and back loses less than e = 4 M 2^-52 relative in exp(T).  decode therefore
 * rounds exp(T) to a mantissa grid coarser than 8 e: what comes back from encode is within an eighth of a
 * grid step of the grid point it came from, and is rounded to it again.  (For 1e-5..1 this keeps 43 of 53
 * bits.)  On the linear scale x is monotone in u, and encode corrects its quotient by a search. */
#include "math/func.h"
#include "space/space.h"
#include <float.h>
#include <math.h>
#include <string.h>

/* To the mantissa grid.  v > 0 and finite. */
static double to_grid(const hpo_scalar *k, double v)
{
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    bits = (bits + k->half) & k->keep;
    memcpy(&v, &bits, sizeof v);
    return v;
}

static double transform(const hpo_scalar *k, double x)
{
    switch (k->scale) {
    case HPO_SCALE_LOG:
        return hpo_log(x);
    case HPO_SCALE_REVLOG:
        return -hpo_log(k->ref_b - x);
    case HPO_SCALE_LOGIT:
        return hpo_log((x - k->ref_a) / (k->ref_b - x));
    default:
        return x;
    }
}

static double inverse(const hpo_scalar *k, double t)
{
    switch (k->scale) {
    case HPO_SCALE_LOG:
        return to_grid(k, hpo_exp(t));
    case HPO_SCALE_REVLOG:
        return k->ref_b - to_grid(k, hpo_exp(-t));
    case HPO_SCALE_LOGIT: {
        /* The smaller of s and 1 - s, s = 1 / (1 + exp(-t)), without cancellation. */
        double e = hpo_exp(-fabs(t)), small = to_grid(k, e / (1 + e)) * (k->ref_b - k->ref_a);
        return t < 0 ? k->ref_a + small : k->ref_b - small;
    }
    default:
        return t;
    }
}

/* Value number i of a discrete range. */
static double value_at(const hpo_scalar *k, double i)
{
    if (i >= k->n - 1) return k->high;
    return k->per != 0 ? (k->first + i * k->each) / k->per : k->low + i * k->step;
}

static double index_of(const hpo_scalar *k, double x)
{
    double i = floor((x - k->low) / k->step + 0.5);
    if (!(i > 0)) return 0;
    return i > k->n - 1 ? k->n - 1 : i;
}

static void init_grid(hpo_scalar *k)
{
    double a = fabs(k->t_low), b = fabs(k->t_low + k->t_width), m = 1;
    unsigned drop = 6; /* 8 * 4 * m, m = 1, twice: at least 64 units in the last place */
    if (a > m) m = a;
    if (b > m) m = b;
    if (k->t_width > m) m = k->t_width;
    for (; m > 2; m /= 2)
        drop++;
    if (drop > 40) drop = 40;
    k->half = UINT64_C(1) << (drop - 1);
    k->keep = ~((UINT64_C(1) << drop) - 1);
}

static void init_steps(hpo_scalar *k, double low, double high)
{
    double steps = (high - low) / k->step;
    k->n = floor(k->is_int ? steps : steps * (1 + 4e-16) + 1e-9) + 1;
    double last = low + (k->n - 1) * k->step;
    k->high = last > high || high - last < 1e-9 * k->step ? high : last;
    if (k->is_int) return;
    /* Decimal fractions are computed from whole numbers: 0.3, not 0.30000000000000004. */
    for (double per = 1; per <= 1e9; per *= 10) {
        double first = floor(low * per + 0.5), each = floor(k->step * per + 0.5);
        if (fabs(low * per - first) > 1e-9 || fabs(k->step * per - each) > 1e-9 || each < 1) continue;
        if (fabs(first) + each * k->n > HPO_MAX_INT) return;
        k->per = per;
        k->first = first;
        k->each = each;
        if (k->high != high) k->high = (first + (k->n - 1) * each) / per;
        return;
    }
}

int hpo_scalar_init(hpo_scalar *k, double low, double high, double step, hpo_scale scale, int is_int)
{
    *k = (hpo_scalar){
        .low = low, .high = high, .step = step, .scale = (uint8_t)scale, .is_int = (uint8_t)is_int};
    k->discrete = step > 0;
    k->keep = ~UINT64_C(0);
    if (k->discrete) init_steps(k, low, high);
    high = k->high;
    double below = k->discrete ? low - step / 2 : low, above = k->discrete ? high + step / 2 : high;
    switch (scale) {
    case HPO_SCALE_LOG:
        if (!(low > 0)) return 0;
        if (!(below > 0)) below = low / 2;
        break;
    case HPO_SCALE_REVLOG:
        if (!is_int && low >= 0 && high < 1)
            k->ref_b = 1;
        else if (low > 0)
            k->ref_b = low + high;
        else
            return 0;
        if (!(above < k->ref_b)) above = (high + k->ref_b) / 2;
        break;
    case HPO_SCALE_LOGIT:
        k->ref_a = is_int ? low - 1 : 0;
        k->ref_b = is_int ? high + 1 : 1;
        if (!(low > k->ref_a && high < k->ref_b)) return 0;
        if (!(below > k->ref_a)) below = (low + k->ref_a) / 2;
        if (!(above < k->ref_b)) above = (high + k->ref_b) / 2;
        break;
    default:
        k->t_low = low;
        k->t_width = high - low;
        return 1;
    }
    k->t_low = transform(k, below);
    k->t_width = transform(k, above) - k->t_low;
    init_grid(k);
    return isfinite(k->t_low) && isfinite(k->t_width);
}

double hpo_scalar_decode(const hpo_scalar *k, double u)
{
    double x;
    if (k->scale == HPO_SCALE_LINEAR) {
        if (k->discrete) {
            double i = floor(u * k->n);
            return value_at(k, i > 0 ? i : 0);
        }
        if (u >= 1) return k->high;
        x = k->low + u * k->t_width;
    } else if (k->discrete) {
        return value_at(k, index_of(k, inverse(k, k->t_low + u * k->t_width)));
    } else {
        if (u >= 1) return k->high;
        if (u <= 0) return k->low;
        x = inverse(k, k->t_low + u * k->t_width);
    }
    return x < k->low ? k->low : x > k->high ? k->high : x;
}

double hpo_scalar_place(const hpo_scalar *k, double x)
{
    double u;
    if (k->scale == HPO_SCALE_LINEAR)
        u = k->discrete ? ((x - k->low) / k->step + 0.5) / k->n : (x - k->low) / k->t_width;
    else
        u = (transform(k, x) - k->t_low) / k->t_width;
    if (u > 0) return u < 1 ? u : 1;
    return u <= 0 ? 0 : 0.5; /* NaN: a range of one value */
}

/* The cell of a discrete value on a curved scale, its middle. */
static double cell_middle(const hpo_scalar *k, double i)
{
    double x = value_at(k, i);
    double a = i > 0 ? transform(k, x - k->step / 2) : k->t_low;
    double b = i < k->n - 1 ? transform(k, x + k->step / 2) : k->t_low + k->t_width;
    double u = ((a + b) / 2 - k->t_low) / k->t_width;
    return u > 0 ? (u < 1 ? u : 1) : (u <= 0 ? 0 : 0.5);
}

/* decode is monotone (linear) or nearly so: look around u, then halve intervals. */
static double search(const hpo_scalar *k, double x, double u)
{
    double scale = k->t_width > 0 ? fabs(k->t_low) / k->t_width : 1;
    double quantum = DBL_EPSILON / 2 * (u > scale ? u : scale) / 2;
    double down = u, up = u;
    for (int i = 0; i < 4; i++) {
        down = nextafter(down, 0);
        up = nextafter(up, 1);
        if (hpo_scalar_decode(k, down) == x) return down;
        if (hpo_scalar_decode(k, up) == x) return up;
    }
    for (int i = 1; i <= 64; i++) {
        double d = quantum * i, a = u - d > 0 ? u - d : 0, b = u + d < 1 ? u + d : 1;
        if (hpo_scalar_decode(k, a) == x) return a;
        if (hpo_scalar_decode(k, b) == x) return b;
    }
    double low = 0, high = 1;
    for (int i = 0; i < 1100; i++) {
        double middle = low + (high - low) / 2, v = hpo_scalar_decode(k, middle);
        if (v == x) return middle;
        if (middle <= low || middle >= high) break;
        if (v < x)
            low = middle;
        else
            high = middle;
    }
    return u;
}

double hpo_scalar_encode(const hpo_scalar *k, double x)
{
    double u;
    if (k->discrete) {
        double i = index_of(k, x);
        u = k->scale == HPO_SCALE_LINEAR ? (i + 0.5) / k->n : cell_middle(k, i);
    } else {
        if (x <= k->low) return k->high > k->low ? 0 : 0.5;
        if (x >= k->high) return 1;
        u = hpo_scalar_place(k, x);
    }
    return hpo_scalar_decode(k, u) == x ? u : search(k, x, u);
}
