/* SPDX-License-Identifier: Apache-2.0 */
/* acq/closed.h - pieces of the closed forms that the acquisition functions share. */
#ifndef ACQ_CLOSED_H
#define ACQ_CLOSED_H

/* log h(z), h = phi + z Phi, and the two ratios that its derivatives need: phi/h and Phi/h. */
double hpo_acq__log_h(double z, double *phi_over_h, double *cdf_over_h);
/* phi(z) / Phi(z), right in both tails. */
double hpo_acq__hazard(double z);
#endif
