/* SPDX-License-Identifier: Apache-2.0 */
/* study_look.c - Study: what the library shows.
 *
 * It is borrowed until the next call on the handle.  So these calls keep the GIL until they have made Python
 * objects of it, and hpo/study makes them on a handle of their own (Study._look), which nothing else uses. */
#include "study.h"

PyObject *core_study_summary(study_object *h, PyObject *unused)
{
    hpo_error err = {0};
    hpo_summary s = {.size = sizeof s};
    hpo_status status;
    (void)unused;
    status = hpo_study_summary(h->s, &s, &err);
    if (status != HPO_OK) return core_raise(status, &err);
    PyObject *objectives = PyList_New(0), *outcomes = PyList_New(0), *counts = PyList_New(0);
    int ok = objectives != NULL && outcomes != NULL && counts != NULL;
    for (size_t i = 0; ok && i < s.n_objectives; i++) {
        PyObject *one = Py_BuildValue("(si)", s.objectives[i].name, (int)s.objectives[i].direction);
        ok = one != NULL && PyList_Append(objectives, one) == 0;
        Py_XDECREF(one);
    }
    for (size_t i = 0; ok && i < s.n_outcomes; i++) {
        PyObject *one = Py_BuildValue("(sd)", s.outcomes[i].name, s.outcomes[i].max);
        ok = one != NULL && PyList_Append(outcomes, one) == 0;
        Py_XDECREF(one);
    }
    for (int i = 0; ok && i < HPO_N_STATES; i++) {
        PyObject *one = PyLong_FromLongLong(s.n_by_state[i]);
        ok = one != NULL && PyList_Append(counts, one) == 0;
        Py_XDECREF(one);
    }
    if (!ok) {
        Py_XDECREF(objectives);
        Py_XDECREF(outcomes);
        Py_XDECREF(counts);
        return NULL;
    }
    return Py_BuildValue(
        "{s:s,s:s,s:s,s:z,s:z,s:K,s:N,s:N,s:N,s:i,s:s,s:z,s:L,s:L,s:d,s:L,s:d,s:d,s:L,s:L,s:L,s:d,s:i,s:i,s:"
        "z,s:i,"
        "s:L,s:{s:L,s:d,s:d,s:d,s:L}}",
        "name", s.name, "sampler", s.sampler, "scheduler", s.scheduler, "metadata", s.metadata, "attributes",
        s.attributes, "seed", (unsigned long long)s.seed, "objectives", objectives, "outcomes", outcomes,
        "counts", counts, "status", (int)s.status, "stop_reason", hpo_stop_reason_name(s.stop_reason),
        "stop_text", s.stop_text, "n_trials", (long long)s.n_trials, "best", (long long)s.best, "best_value",
        s.best_value, "since_best", (long long)s.since_best, "active_seconds", s.active_seconds, "cost",
        s.cost, "created_ms", (long long)s.created_ms, "last_ms", (long long)s.last_ms, "seq",
        (long long)s.seq, "lease", s.lease, "noisy", (int)s.noisy, "max_retries", (int)s.max_retries, "until",
        s.until, "open_space", (int)s.open_space, "id", (long long)s.id, "budget", "trials",
        (long long)s.budget.trials, "seconds", s.budget.seconds, "cost", s.budget.cost, "target",
        s.budget.target, "stagnation", (long long)s.budget.stagnation);
}

PyObject *core_study_space(study_object *h, PyObject *unused)
{
    hpo_error err = {0};
    char *json = NULL;
    (void)unused;
    hpo_status status = hpo_space_to_json(hpo_study_space(h->s), &json, &err);
    PyObject *out = status == HPO_OK ? core_text(json) : core_raise(status, &err);
    hpo_free(json);
    return out;
}

/* [(name, kind, first column, columns, low, high, step, scale)] */
PyObject *core_study_layout(study_object *h, PyObject *unused)
{
    const hpo_space *space = hpo_study_space(h->s);
    PyObject *list = PyList_New(0);
    (void)unused;
    for (size_t i = 0; list != NULL && i < h->n_params; i++) {
        hpo_param_info p = hpo_param_info_init();
        if (hpo_space_param(space, i, &p, NULL) != HPO_OK) continue;
        PyObject *one =
            Py_BuildValue("(ssnndddss)", p.name, hpo_kind_name(p.kind), (Py_ssize_t)p.column,
                          (Py_ssize_t)p.n_columns, p.low, p.high, h->params[i].step, hpo_scale_name(p.scale),
                          !p.is_fidelity       ? ""
                          : p.is_fidelity == 2 ? "resumable"
                                               : "fidelity");
        if (one == NULL || PyList_Append(list, one) < 0) Py_CLEAR(list);
        Py_XDECREF(one);
    }
    return list;
}

static PyObject *row(study_object *h, const hpo_trial_info *t)
{
    /* A space that nothing is known of yet has no columns. */
    PyObject *x = t->x != NULL ? core_numbers(t->x, h->n_columns) : PyTuple_New(0);
    return Py_BuildValue("(LiNNLLLNNNLdNNdLLiKiL)", (long long)t->number, (int)t->state, x,
                         core_numbers(t->values, h->n_objectives), (long long)t->created_ms,
                         (long long)t->started_ms, (long long)t->ended_ms, core_text(t->attributes),
                         core_text(t->reason), core_text(t->worker), (long long)t->n_reports, t->last_step,
                         core_numbers(t->outcomes, h->n_outcomes), core_numbers(t->sems, h->n_objectives),
                         t->cost, (long long)t->parent, (long long)t->draw, (int)t->attempt,
                         (unsigned long long)t->token, (int)t->stop_requested, (long long)t->seq);
}

/* rows(first, end) -> tuples; a sync comes first. */
PyObject *core_study_rows(study_object *h, PyObject *args)
{
    long long first, end;
    hpo_error err = {0};
    hpo_status status;
    if (!PyArg_ParseTuple(args, "LL", &first, &end)) return NULL;
    CORE_CALL(h, status = hpo_study_sync(h->s, NULL, &err));
    if (status != HPO_OK) return core_raise(status, &err);
    PyObject *list = PyList_New(0);
    for (long long i = first; list != NULL && i < end; i++) {
        hpo_trial_info t = {.size = sizeof t};
        status = hpo_study_trial(h->s, i, &t, &err);
        PyObject *one = status == HPO_OK ? row(h, &t) : core_raise(status, &err);
        if (one == NULL || PyList_Append(list, one) < 0) Py_CLEAR(list);
        Py_XDECREF(one);
    }
    return list;
}

/* row(number): that trial as it is now. */
PyObject *core_study_row(study_object *h, PyObject *args)
{
    long long number;
    hpo_error err = {0};
    hpo_status status;
    hpo_trial_info t = {.size = sizeof t};
    if (!PyArg_ParseTuple(args, "L", &number)) return NULL;
    status = hpo_study_trial(h->s, number, &t, &err);
    return status == HPO_OK ? row(h, &t) : core_raise(status, &err);
}

/* reports(number, n) -> [(step, values, fold, time_ms)] */
PyObject *core_study_reports(study_object *h, PyObject *args)
{
    long long number, n;
    if (!PyArg_ParseTuple(args, "LL", &number, &n)) return NULL;
    PyObject *list = PyList_New(0);
    for (long long i = 0; list != NULL && i < n; i++) {
        hpo_error err = {0};
        hpo_report r = hpo_report_init();
        int64_t ms = 0;
        hpo_status status;
        status = hpo_study_trial_report(h->s, number, (size_t)i, &r, &ms, &err);
        PyObject *one = status != HPO_OK ? core_raise(status, &err)
                                         : Py_BuildValue("(dNiL)", r.step, core_numbers(r.values, r.n_values),
                                                         (int)r.fold, (long long)ms);
        if (one == NULL || PyList_Append(list, one) < 0) Py_CLEAR(list);
        Py_XDECREF(one);
    }
    return list;
}

PyObject *core_study_best(study_object *h, PyObject *unused)
{
    hpo_error err = {0};
    size_t n = 0, cap = 16;
    hpo_status status;
    (void)unused;
    int64_t *numbers = PyMem_Malloc(cap * sizeof *numbers);
    for (;;) {
        if (numbers == NULL) return PyErr_NoMemory();
        CORE_CALL(h, status = hpo_study_best(h->s, numbers, cap, &n, &err));
        if (status != HPO_OK || n <= cap) break;
        cap = n + n / 2;
        PyMem_Free(numbers);
        numbers = PyMem_Malloc(cap * sizeof *numbers);
    }
    PyObject *list = status == HPO_OK || status == HPO_ENOTFOUND ? PyList_New(0) : core_raise(status, &err);
    for (size_t i = 0; status == HPO_OK && list != NULL && i < n; i++) {
        PyObject *one = PyLong_FromLongLong(numbers[i]);
        if (one == NULL || PyList_Append(list, one) < 0) Py_CLEAR(list);
        Py_XDECREF(one);
    }
    PyMem_Free(numbers);
    return list;
}

PyObject *core_study_explain(study_object *h, PyObject *args)
{
    long long number;
    hpo_error err = {0};
    char *json = NULL;
    hpo_status status;
    if (!PyArg_ParseTuple(args, "L", &number)) return NULL;
    CORE_CALL(h, status = hpo_study_explain(h->s, number, &json, &err));
    PyObject *out = status == HPO_OK ? core_text(json) : core_raise(status, &err);
    hpo_free(json);
    return out;
}

/* The scheduler's rungs as JSON. */
PyObject *core_study_rungs(study_object *h, PyObject *unused)
{
    hpo_error err = {0};
    char *json = NULL;
    hpo_status status;
    (void)unused;
    CORE_CALL(h, status = hpo_study_rungs(h->s, &json, &err));
    PyObject *out = status == HPO_OK ? core_text(json) : core_raise(status, &err);
    hpo_free(json);
    return out;
}

PyObject *core_study_recommend(study_object *h, PyObject *unused)
{
    hpo_error err = {0};
    hpo_recommendation r = {.size = sizeof r};
    hpo_status status;
    (void)unused;
    status = hpo_study_recommend(h->s, &r, &err);
    if (status != HPO_OK) return core_raise(status, &err);
    PyObject *candidates = PyList_New(0);
    for (size_t i = 0; candidates != NULL && i < r.n_candidates; i++) {
        const hpo_candidate *c = &r.candidates[i];
        PyObject *one =
            Py_BuildValue("{s:L,s:L,s:d,s:d,s:d,s:d,s:d,s:d,s:d}", "number", (long long)c->number, "n",
                          (long long)c->n, "observed", c->observed, "best", c->best, "sem", c->sem, "mean",
                          c->mean, "low", c->low, "high", c->high, "p_best", c->p_best);
        if (one == NULL || PyList_Append(candidates, one) < 0) Py_CLEAR(candidates);
        Py_XDECREF(one);
    }
    if (candidates == NULL) return NULL;
    return Py_BuildValue(
        "{s:L,s:s,s:i,s:L,s:d,s:d,s:d,s:d,s:L,s:d,s:L,s:N,s:z,s:z}", "number", (long long)r.number, "method",
        r.method, "noisy", (int)r.noisy, "observed_best", (long long)r.observed_best, "observed_value",
        r.observed_value, "corrected", r.corrected, "noise_sd", r.noise_sd, "optimism", r.optimism, "first",
        (long long)r.first, "p_better", r.p_better, "n_configurations", (long long)r.n_configurations,
        "candidates", candidates, "text", r.text, "warning", r.warning);
}
