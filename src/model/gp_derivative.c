/* SPDX-License-Identifier: Apache-2.0 */
/* model/gp_derivative.c - Gaussian processes that have seen gradients.
 *
 * The derivative of a Gaussian process is one too, jointly with it (Rasmussen & Williams 2006, section 9.4;
 * Solak et al. 2003).  With k = s2 m(q), q the squared distance of scaled features, b = phi(u'), J = d b / d
 * u'_l and d = a - b, all derivatives follow from those of q: q_k = 2 d . J_k (left side),  q_l = -2 d . J_l
 * (right side),  q_kl = -2 J_k . J_l (same axis, else 0) cov(f, d_l f')     = s2 m' q_l cov(d_k f, d_l f') =
 * s2 (m'' q_k q_l + m' q_kl) and for ln l_g, with q^(g) the part of axis g, dq = -2 q^(g), d q_k = -2 [k on
 * g] q_k, d q_kl = -2 [k on g] q_kl.
 *
 * Matern-3/2 is once differentiable in the mean-square sense: m'' grows like 1/r, but m'' q_k q_l goes to 0
 * with r, so all covariances are finite and continuous and observations of its gradient are sound; there is
 * just no second derivative to speak of.  The linear kernel ignores gradients.
 *
 * The system has n values and one entry per observed component, on active REAL axes; the noise of a component
 * is n2 (model units per length of the cube), divided by the number of replicates.  It is always factorised
 * as a whole.  Above HPO_GP_ENTRIES entries only the newest points keep their gradients.  rho and warping
 * stay as they are while gradients are in. */
#include "base/alloc.h"
#include "base/error.h"
#include "math/func.h"
#include "math/linalg.h"
#include "model/gp_internal.h"

#include <math.h>
#include <string.h>

static const double LN_2PI = 0x1.d67f1c864beb5p+0;
static const double LARGEST = 1e6; /* |slope| in model units beyond which it says nothing */

/* ---- collecting ------------------------------------------------------------------------------------- */

/* d features of the axis / d u_dim at a point. */
static void jacobian(const hpo_gp *gp, hpo_gp_slope *s)
{
    const hpo_axis *axis = hpo_embed_axis(gp->embed, s->axis);
    hpo_embed_shape shape = hpo_gp_shape(gp);
    double *dz = gp->slope_row, *du = dz + gp->n_features;
    for (size_t f = 0; f < axis->n_features; f++) {
        memset(dz, 0, (gp->n_features + gp->n_dims) * sizeof *dz);
        dz[s->feature + f] = 1;
        hpo_embed_pull(gp->embed, &shape, hpo_gp_point(gp, s->point), dz, du);
        s->jac[f] = du[s->dim];
    }
}

void hpo_gp_refresh_slopes(hpo_gp *gp)
{
    for (size_t k = 0; k < gp->n_slopes; k++)
        jacobian(gp, &gp->slopes[k]);
}

/* What component `dim` of the row's gradient is in model units; NaN: not usable. */
static double component(const hpo_gp *gp, size_t row, size_t dim, double scale)
{
    const hpo_axis *axis = hpo_embed_axis(gp->embed, hpo_embed_axis_of(gp->embed, dim));
    double u = gp->pool_u[(size_t)gp->rows[row].pool * gp->n_dims + dim];
    double g = gp->gradients[row * gp->n_dims + dim] * scale;
    return axis->kind == HPO_AXIS_REAL && !isnan(u) && fabs(g) <= LARGEST ? g : (double)NAN;
}

static hpo_status add_slope(hpo_gp *gp, size_t point, size_t dim, double sum, double count, hpo_error *err)
{
    hpo_status s = hpo_reserve(&gp->slopes, &gp->slope_cap, gp->n_slopes + 1, sizeof *gp->slopes, err);
    if (s != HPO_OK) return s;
    size_t axis = hpo_embed_axis_of(gp->embed, dim);
    hpo_gp_slope *slope = &gp->slopes[gp->n_slopes++];
    *slope = (hpo_gp_slope){.point = (uint32_t)point,
                            .dim = (uint32_t)dim,
                            .axis = (uint32_t)axis,
                            .feature = hpo_embed_axis(gp->embed, axis)->feature,
                            .value = sum / count,
                            .count = count};
    jacobian(gp, slope);
    return HPO_OK;
}

hpo_status hpo_gp_collect_slopes(hpo_gp *gp, hpo_error *err)
{
    size_t n = gp->n_points, d = gp->n_dims, first = n, room;
    gp->n_slopes = 0;
    if (gp->family == HPO_KERNEL_LINEAR) return HPO_OK;
    double *sum = hpo_calloc(2 * n * d, sizeof *sum), *count = sum ? sum + n * d : NULL;
    if (!sum) return hpo_fail_memory(err);
    hpo_status s = HPO_OK;
    if (!gp->slope_row) gp->slope_row = hpo_alloc_array(gp->n_features + d, sizeof *gp->slope_row);
    if (!gp->slope_row) s = hpo_fail_memory(err);
    for (size_t r = 0; s == HPO_OK && r < gp->n_used; r++) {
        if (gp->place[gp->rows[r].pool] == 0) continue;
        size_t at = (gp->place[gp->rows[r].pool] - 1) * d;
        double scale = hpo_transform_slope(&gp->transform, gp->rows[r].y);
        for (size_t k = 0; k < d; k++) {
            double g = component(gp, r, k, scale);
            if (isnan(g)) continue;
            sum[at + k] += g;
            count[at + k]++;
        }
    }
    room = n < HPO_GP_ENTRIES ? HPO_GP_ENTRIES - n : 0;
    for (size_t used = 0; first > 0; first--) { /* the newest that fit */
        for (size_t k = 0; k < d; k++)
            used += count[(first - 1) * d + k] > 0;
        if (used > room) break;
    }
    for (size_t i = first * d; s == HPO_OK && i < n * d; i++)
        if (count[i] > 0) s = add_slope(gp, i / d, i % d, sum[i], count[i], err);
    hpo_free(sum);
    return s;
}

/* ---- profiles --------------------------------------------------------------------------------------- */

/* m and its first three derivatives w.r.t. q. */
typedef struct profile {
    double m, d1, d2, d3;
} profile;

static profile profile_at(hpo_kernel_family family, double q)
{
    profile p;
    if (family != HPO_KERNEL_MATERN32 && family != HPO_KERNEL_MATERN52) {
        p.m = hpo_exp(-0.5 * q);
        p.d1 = -0.5 * p.m;
        p.d2 = 0.25 * p.m;
        p.d3 = -0.125 * p.m;
        return p;
    }
    double r = sqrt((family == HPO_KERNEL_MATERN32 ? 3 : 5) * q), t = hpo_exp(-r);
    double inverse = q > 1e-200 ? 1 / r : 0; /* what it multiplies vanishes faster */
    if (family == HPO_KERNEL_MATERN32) {
        p.m = (1 + r) * t;
        p.d1 = -1.5 * t;
        p.d2 = 2.25 * t * inverse;
        p.d3 = -27.0 / 8 * t * (1 + r) * inverse * inverse * inverse;
    } else {
        p.m = (1 + r + r * r / 3) * t;
        p.d1 = -5.0 / 6 * (1 + r) * t;
        p.d2 = 25.0 / 12 * t;
        p.d3 = -125.0 / 24 * t * inverse;
    }
    return p;
}

/* ---- covariances ------------------------------------------------------------------------------------ */

/* The hyperparameters that covariances depend on: those in use, or those being tried. */
typedef struct setting {
    const hpo_gp *gp;
    const double *soa, *inv_l;
    size_t ld;
    double s2;
} setting;

static setting in_use(const hpo_gp *gp)
{
    return (setting){gp, gp->scaled, gp->inv_l, gp->cap, gp->s2};
}

/* (a - b) . J of a slope, a and b scaled features with strides. */
static double along(const setting *t, const hpo_gp_slope *s, const double *a, size_t stride_a,
                    const double *b, size_t stride_b)
{
    size_t count = hpo_embed_axis(t->gp->embed, s->axis)->n_features;
    double sum = 0;
    for (size_t f = s->feature, c = 0; c < count; f++, c++)
        sum += (a[f * stride_a] - b[f * stride_b]) * s->jac[c] * t->inv_l[f];
    return sum;
}

static double jacobians(const setting *t, const hpo_gp_slope *s, const hpo_gp_slope *v)
{
    double sum = 0;
    size_t count = s->axis == v->axis ? hpo_embed_axis(t->gp->embed, s->axis)->n_features : 0;
    for (size_t f = s->feature, c = 0; c < count; f++, c++)
        sum += s->jac[c] * v->jac[c] * t->inv_l[f] * t->inv_l[f];
    return sum;
}

void hpo_gp_joint_row(const hpo_gp *gp, const double *a, double *k)
{
    setting t = in_use(gp);
    size_t n = gp->n_points;
    hpo_gp_pairs(gp->family, gp->n_features, a, 1, gp->scaled, gp->cap, n, k);
    for (size_t e = 0; e < gp->n_slopes; e++) {
        const hpo_gp_slope *s = &gp->slopes[e];
        double d = along(&t, s, a, 1, gp->scaled + s->point, gp->cap);
        k[n + e] = -2 * gp->s2 * profile_at(gp->family, k[s->point]).d1 * d;
    }
    hpo_gp_covary(gp->family, gp->s2, k, n, k, NULL);
}

void hpo_gp_joint_pull(const hpo_gp *gp, const double *a, const double *weight, double *out)
{
    setting t = in_use(gp);
    size_t n = gp->n_points, e = 0;
    memset(out, 0, gp->n_features * sizeof *out);
    for (size_t i = 0; i < n; i++) {
        const double *b = gp->scaled + i;
        double q;
        hpo_gp_pairs(gp->family, gp->n_features, a, 1, b, gp->cap, 1, &q);
        profile p = profile_at(gp->family, q);
        double c = weight[i] * p.d1; /* of d q / d a = 2 (a - b) */
        for (; e < gp->n_slopes && gp->slopes[e].point == i; e++) {
            const hpo_gp_slope *s = &gp->slopes[e];
            size_t count = hpo_embed_axis(gp->embed, s->axis)->n_features;
            c -= 2 * weight[n + e] * p.d2 * along(&t, s, a, 1, b, gp->cap);
            for (size_t j = 0; j < count; j++)
                out[s->feature + j] -=
                    2 * gp->s2 * p.d1 * weight[n + e] * s->jac[j] * gp->inv_l[s->feature + j];
        }
        for (size_t f = 0; f < gp->n_features; f++)
            out[f] += 2 * gp->s2 * c * (a[f] - b[f * gp->cap]);
    }
}

/* Lower triangle of the covariances of all entries, values first. */
static void fill_gram(const setting *t, double *k, size_t ld)
{
    const hpo_gp *gp = t->gp;
    size_t n = gp->n_points;
    for (size_t i = 0; i < n; i++)
        hpo_gp_pairs(gp->family, gp->n_features, t->soa + i, t->ld, t->soa, t->ld, i + 1, k + i * ld);
    for (size_t e = 0; e < gp->n_slopes; e++) {
        const hpo_gp_slope *s = &gp->slopes[e];
        const double *a = t->soa + s->point;
        double *row = k + (n + e) * ld;
        for (size_t j = 0; j < n; j++) {
            double q = j <= s->point ? k[s->point * ld + j] : k[j * ld + s->point];
            row[j] = 2 * t->s2 * profile_at(gp->family, q).d1 * along(t, s, a, t->ld, t->soa + j, t->ld);
        }
        for (size_t g = 0; g <= e; g++) {
            const hpo_gp_slope *v = &gp->slopes[g];
            const double *b = t->soa + v->point;
            profile p = profile_at(gp->family, k[s->point * ld + v->point]);
            double left = 2 * along(t, s, a, t->ld, b, t->ld), right = -2 * along(t, v, a, t->ld, b, t->ld);
            row[n + g] = t->s2 * (p.d2 * left * right - 2 * p.d1 * jacobians(t, s, v));
        }
    }
    for (size_t i = 0; i < n; i++)
        hpo_gp_covary(gp->family, t->s2, k + i * ld, i + 1, k + i * ld, NULL);
}

void hpo_gp_joint_gram(const hpo_gp *gp, double *k, size_t ld)
{
    setting t = in_use(gp);
    fill_gram(&t, k, ld);
}

/* ---- objective -------------------------------------------------------------------------------------- */

/* One pair of points i >= j with their slopes e0..e1-1 and g0..g1-1: d objective / d ln l. */
static void pair_gradient(const setting *t, size_t i, size_t j, size_t e0, size_t e1, size_t g0, size_t g1,
                          double *gradient)
{
    const hpo_gp *gp = t->gp;
    const double *a = t->soa + i, *b = t->soa + j, *alpha = gp->fit_alpha;
    size_t n = gp->n_points, ld = gp->fit_cap;
    double q, weight = i == j ? 0.5 : 1, common, c = -2 * t->s2 * weight;
    hpo_gp_pairs(gp->family, gp->n_features, a, t->ld, b, t->ld, 1, &q);
    profile p = profile_at(gp->family, q);
#define B(x, y) (gp->fit_inv[(x)*ld + (y)] - alpha[x] * alpha[y])
    common = B(i, j) * p.d1; /* of d q */
    for (size_t g = g0; g < g1; g++) {
        const hpo_gp_slope *v = &gp->slopes[g];
        double right = -2 * along(t, v, a, t->ld, b, t->ld), w = B(i, n + g);
        common += w * p.d2 * right;
        gradient[v->axis] += c * w * p.d1 * right;
    }
    for (size_t e = e0; e < e1; e++) {
        const hpo_gp_slope *s = &gp->slopes[e];
        double left = 2 * along(t, s, a, t->ld, b, t->ld), w = B(n + e, j);
        common += w * p.d2 * left;
        gradient[s->axis] += c * w * p.d1 * left;
        for (size_t g = g0; g < g1; g++) {
            const hpo_gp_slope *v = &gp->slopes[g];
            double right = -2 * along(t, v, a, t->ld, b, t->ld), both = -2 * jacobians(t, s, v);
            w = B(n + e, n + g);
            common += w * (p.d3 * left * right + p.d2 * both);
            gradient[s->axis] += c * w * (p.d2 * left * right + p.d1 * both);
            gradient[v->axis] += c * w * p.d2 * left * right;
        }
    }
#undef B
    for (size_t f = 0; f < gp->n_features; f++) {
        double d = a[f * t->ld] - b[f * t->ld];
        gradient[gp->group_of[f]] += c * common * d * d;
    }
}

static void joint_gradient(const setting *t, const hpo_gp_noise_terms *noise, double *gradient)
{
    const hpo_gp *gp = t->gp;
    size_t n = gp->n_points, m = gp->n_entries, g = gp->n_axes, ld = gp->fit_cap, e0 = 0;
    double trace = 0;
    for (size_t i = 0; i < n; i++) {
        size_t e1 = e0, g0 = 0;
        while (e1 < gp->n_slopes && gp->slopes[e1].point == i)
            e1++;
        for (size_t j = 0; j <= i; j++) {
            size_t g1 = g0;
            while (g1 < gp->n_slopes && gp->slopes[g1].point == j)
                g1++;
            pair_gradient(t, i, j, e0, e1, g0, g1, gradient);
            g0 = g1;
        }
        e0 = e1;
    }
    for (size_t i = 0; i < m; i++) {
        double alpha = gp->fit_alpha[i], diagonal = gp->fit_inv[i * ld + i] - alpha * alpha;
        trace += diagonal * noise->e[i];
        gradient[g + 1] += 0.5 * diagonal * noise->de[i] + alpha * noise->dz[i];
    }
    gradient[g] += 0.5 * ((double)m - hpo_dot(noise->z, gp->fit_alpha, m) - trace);
    gradient[g + 1] -= noise->d_extra;
}

double hpo_gp_joint_objective(hpo_gp *gp, const double *theta, double *gradient)
{
    size_t n = gp->n_points, m = gp->n_entries, ld = gp->fit_cap;
    double n2 = hpo_exp(theta[gp->n_axes + 1]), *inv_l = gp->fit_inv_l;
    setting t = {gp, gp->fit_scaled, inv_l, ld, hpo_exp(theta[gp->n_axes])};
    hpo_gp_noise_terms noise = {
        .z = gp->fit_z, .e = gp->fit_e, .count = gp->fit_count, .dz = gp->fit_dz, .de = gp->fit_de};
    hpo_gp_noise_terms_at(gp, n2, &noise);
    for (size_t k = 0; k < gp->n_slopes; k++) {
        noise.z[n + k] = gp->slopes[k].value;
        noise.e[n + k] = noise.de[n + k] = n2 / gp->slopes[k].count;
        noise.dz[n + k] = 0;
    }
    for (size_t f = 0; f < gp->n_features; f++) {
        inv_l[f] = hpo_exp(-theta[gp->group_of[f]]);
        for (size_t i = 0; i < n; i++)
            gp->fit_scaled[f * ld + i] = gp->features[f * gp->cap + i] * inv_l[f];
    }
    fill_gram(&t, gp->fit_k, ld);
    for (size_t i = 0; i < m; i++)
        gp->fit_k[i * ld + i] += noise.e[i];
    if (hpo_cholesky(gp->fit_k, m, ld) != 0) return (double)INFINITY;
    memcpy(gp->fit_alpha, noise.z, m * sizeof *noise.z);
    hpo_cholesky_solve(gp->fit_k, m, ld, gp->fit_alpha);
    double evidence = noise.extra - 0.5 * (hpo_dot(noise.z, gp->fit_alpha, m) +
                                           hpo_cholesky_logdet(gp->fit_k, m, ld) + (double)m * LN_2PI);
    if (gradient) {
        hpo_cholesky_inverse(gp->fit_k, m, ld, gp->fit_inv, NULL, ld);
        joint_gradient(&t, &noise, gradient);
    }
    return hpo_gp_prior_value(gp, theta, gradient) - evidence;
}
