/* SPDX-License-Identifier: Apache-2.0 */
/* model/parzen_lanes.c - sums of exponentials over the members of a set.
 *
 * Tiles of 64 members: exponents e_i axis by axis, their largest, then
 *
 *     log sum = M + log(sum_i exp(e_i - M)),
 *
 * M the largest so far, in eight partial sums per tile, added in one fixed order.  Tiles go from the newest
 * members to the oldest: those are the ones near to what is asked about, and a caller who only wants to know
 * whether the sum exceeds a limit is answered soon.  Terms below M - 24 count, but a tile all of whose terms
 * are is left out: with n members that is a relative error below n e^-24 = 4e-8 for n = 1000.
 *
 * Single precision: exponents, up to some hundreds, are good to about 1e-5, and so is log p, which is far
 * below any difference between candidates that means something.
 *
 * exp: 2^k e^r with k = round(x / ln 2) taken from the low bits of x / ln 2 + 3 2^22, e^r by a polynomial of
 * degree 5: relative error 3e-7. */
#include "model/parzen_lanes.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "hpo/export.h"
#include "math/func.h"

enum { LANES = 8, TILE = 64 };

static const double CUT = 24;

#define EACH_LANE_J HPO_KEEP_LOOP for (size_t j = 0; j < LANES; j++)

HPO_INLINE float exp_lane(float x)
{
    const float big = 12582912.0F;
    float t, r, p, y;
    uint32_t bits;
    x = x < -87.0F ? -87.0F : x;
    t = x * 1.44269504F + big;
    memcpy(&bits, &t, sizeof bits);
    t -= big;
    r = (x - t * 0.693359375F) + t * 2.12194440e-4F;
    p = 1.0F + r * (1.0F + r * (0.5F + r * (0.16666667F + r * (0.041666667F + r * 0.0083333333F))));
    bits = (bits << 23) + 0x3f800000U; /* 0x4b400000 << 23 is 0 */
    memcpy(&y, &bits, sizeof y);
    return p * y;
}

HPO_INLINE void add_term(const hpo_parzen_term *t, size_t at, size_t n, float *restrict e)
{
    const float *restrict a = t->a + at;
    float v = t->v, same = t->same, other = t->other;
    if (t->part == HPO_PARZEN_NORMAL) {
        const float *restrict b = t->b + at;
        for (size_t i = 0; i < n; i += LANES)
            EACH_LANE_J
            {
                float z = (v - a[i + j]) * b[i + j];
                e[i + j] -= z * z;
            }
    } else if (t->part == HPO_PARZEN_ROW) {
        for (size_t i = 0; i < n; i += LANES)
            EACH_LANE_J e[i + j] += a[i + j];
    } else {
        for (size_t i = 0; i < n; i += LANES)
            EACH_LANE_J e[i + j] += a[i + j] == v ? same : other;
    }
}

HPO_INLINE float largest(const float *restrict e, size_t n)
{
    float top[LANES];
    EACH_LANE_J top[j] = -HUGE_VALF;
    for (size_t i = 0; i < n; i += LANES)
        EACH_LANE_J top[j] = e[i + j] > top[j] ? e[i + j] : top[j];
    float max = top[0];
    for (size_t j = 1; j < LANES; j++)
        max = top[j] > max ? top[j] : max;
    return max;
}

HPO_INLINE double sum_exps(const float *restrict e, size_t n, float shift)
{
    float s[LANES] = {0};
    for (size_t i = 0; i < n; i += LANES)
        EACH_LANE_J s[j] += exp_lane(e[i + j] - shift);
    return (double)(((s[0] + s[4]) + (s[2] + s[6])) + ((s[1] + s[5]) + (s[3] + s[7])));
}

void hpo_parzen_sum_add(hpo_parzen_sum *r, double e)
{
    if (e > r->max) {
        r->sum = r->sum > 0 ? r->sum * hpo_exp(r->max - e) : 0;
        r->max = e;
    }
    r->sum += hpo_exp(e - r->max);
}

HPO_DISPATCH static void sum_here(const hpo_parzen_term *t, size_t n_terms, const float *start,
                                  const float *weight, size_t n, double limit, hpo_parzen_sum *r)
{
    double max = r->max, sum = r->sum, enough = limit - max < 700 ? hpo_exp(limit - max) : HUGE_VAL;
    for (size_t end = n; end > 0 && sum < enough;) {
        float e[TILE];
        size_t at = (end - 1) / TILE * TILE, m = end - at;
        for (size_t i = 0; i < m; i += LANES)
            EACH_LANE_J e[i + j] = start[at + i + j] + weight[at + i + j];
        for (size_t k = 0; k < n_terms; k++)
            add_term(&t[k], at, m, e);
        end = at;
        double top = (double)largest(e, m);
        if (top < max - CUT) continue;
        if (top > max) {
            sum = sum > 0 ? sum * hpo_exp(max - top) : 0;
            max = top;
            enough = limit - max < 700 ? hpo_exp(limit - max) : HUGE_VAL;
        }
        sum += sum_exps(e, m, (float)max);
    }
    r->max = max;
    r->sum = sum;
}

HPO_DISPATCH static void fill_here(const hpo_parzen_term *t, size_t n_terms, const float *start, size_t n,
                                   float *out)
{
    memcpy(out, start, n * sizeof *out);
    for (size_t k = 0; k < n_terms; k++)
        add_term(&t[k], 0, n, out);
}

HPO_DISPATCH static void merge_here(const float *restrict part, float missing, size_t n, float *restrict to)
{
    for (size_t i = 0; i < n; i += LANES)
        EACH_LANE_J to[i + j] += part[i + j] > HPO_PARZEN_ABSENT ? part[i + j] : missing;
}

void hpo_parzen_sum_terms(const hpo_parzen_term *t, size_t n_terms, const float *start, const float *weight,
                          size_t n, double limit, hpo_parzen_sum *r)
{
    sum_here(t, n_terms, start, weight, n, limit, r);
}

void hpo_parzen_fill_terms(const hpo_parzen_term *t, size_t n_terms, const float *start, size_t n, float *out)
{
    fill_here(t, n_terms, start, n, out);
}

void hpo_parzen_merge(const float *part, float missing, size_t n, float *to)
{
    merge_here(part, missing, n, to);
}
