/* SPDX-License-Identifier: Apache-2.0 */
/* bench/protocol.h - the solver protocol: kurobako's JSON lines between a host and a solver in another
 * program (docs/solver-protocol.md).  The host is hpo_method_solver (method.h); the solver side is the
 * command `hpo bench solver`. */
#ifndef BENCH_PROTOCOL_H
#define BENCH_PROTOCOL_H
#include "base/str.h"
#include "bench/method.h"
#include "bench/wire.h"
#include "runner/template.h"

/* The command of a method "@NAME arguments" or "@path arguments" (a path has a '/').  NAME is looked up in
 * DIR/solvers.json; "{dir}" in its words becomes the folder.  Words are separated by blanks; there is no
 * quoting.  HPO_ENOTFOUND lists the nearest names or says that there is no folder. */
HPO_NODISCARD hpo_status hpo_solver_command(const char *spec, const char *adapters, hpo_words *argv,
                                            hpo_error *err);
/* Names in DIR/solvers.json, each followed by a NUL, with their help after a tab ("name\thelp"). */
HPO_NODISCARD hpo_status hpo_solver_list(const char *adapters, hpo_words *out, hpo_error *err);
/* Appends the message SOLVER_SPEC_CAST of one of our samplers (a spec; NULL: the default one). */
HPO_NODISCARD hpo_status hpo_solver_spec_cast(const char *sampler, hpo_str *out, hpo_error *err);
/* The last step of a problem on the wire: 1 without a fidelity, its maximum when that is a whole number. */
int64_t hpo_solver_steps(const hpo_problem *p);
#endif
