/* SPDX-License-Identifier: Apache-2.0 */
/* model/fidelity.h - covariances over the resource that multiply those over configurations.
 *
 *     K((u, a), (u', b)) = k(u, u') R(a, b) + T(a, b)
 *
 * with R >= 0 a kernel on the resource, learned, and T the vague prior of a trend that all configurations share
 * (explicit basis functions, Rasmussen & Williams 2006, section 2.7):
 *
 *   family       resource           R(a, b)                               basis of T
 *   independent  0 .. m - 1, rungs  d_a^2 where a = b, else 0             one constant a rung
 *   tasks        0 .. m - 1         (L L')_ab, L lower triangular         one constant a task
 *   data         share s in (0, 1]  p(a)' L L' p(b), p = (1, (1 - s)^2)   (1 - s)^2
 *   linear       share s            the same with p = (1, 1 - s)          1 - s
 *   decay        share s            1 + c D(a, b)                         D(a, b) itself
 *                                   D = (h / (a + b + h))^alpha
 *   age          any real          (1 - w)^(|a - b| / 2), 0 < w < 1     0: what is known loses weight with its age
 *
 * The last resource (task m - 1, or s = 1) is the target: there the scale of R is fixed (L's own row for it is
 * a unit vector), so that the signal variance keeps its meaning.  Independent: MOBSTER's model per rung with
 * shared lengthscales (Klein, Tiao, Lienart, Archambeau & Seeger 2020).  Tasks: coregionalisation (Swersky,
 * Snoek & Adams 2013).  Data: FABOLAS (Klein, Falkner, Bartels, Hennig & Hutter 2017); linear serves for log
 * costs, whose basis there is (1, s).  Decay: f(u) plus a part that dies out as a mixture of exponentials with
 * rates ~ Gamma(alpha, h) (Swersky, Snoek & Adams 2014; MOBSTER's joint model).  Age: the time-varying process of
 * Bogunovic, Scarlett & Cevher (AISTATS 2016), that of PB2. */
#ifndef MODEL_FIDELITY_H
#define MODEL_FIDELITY_H
#include <stddef.h>

typedef enum hpo_fidelity_family {
    HPO_FIDELITY_INDEPENDENT,
    HPO_FIDELITY_TASKS,
    HPO_FIDELITY_DATA,
    HPO_FIDELITY_LINEAR,
    HPO_FIDELITY_DECAY,
    HPO_FIDELITY_AGE
} hpo_fidelity_family;
#define HPO_FIDELITY_LABELS "independent", "tasks", "data", "linear", "decay", "age"

enum { HPO_FIDELITY_MAX_TASKS = 8, HPO_FIDELITY_MAX_PSI = 35 };

/* Numbers psi that shape R; tasks: 1 to HPO_FIDELITY_MAX_TASKS, other families ignore it. */
size_t hpo_fidelity_n_psi(hpo_fidelity_family family, size_t tasks);
/* Where fits start, and -log prior (normal, standard deviation 1, around the start); gradient is added to. */
void hpo_fidelity_start(hpo_fidelity_family family, size_t tasks, double *psi);
double hpo_fidelity_prior(hpo_fidelity_family family, size_t tasks, const double *psi, double *gradient);
/* R(a, b); d (n_psi, may be NULL): d R / d psi. */
double hpo_fidelity_value(hpo_fidelity_family family, size_t tasks, const double *psi, double a, double b,
                          double *d);
/* T(a, b), variance 1 of each coefficient; d as above (decay alone has any). */
double hpo_fidelity_trend(hpo_fidelity_family family, size_t tasks, const double *psi, double a, double b,
                          double *d);
#endif
