/* SPDX-License-Identifier: Apache-2.0 */
/* study.c - Study: one handle of the library. */
#include <math.h>
#include <string.h>

#include "core.h"

/* ---- open ------------------------------------------------------------------------------------------ */

static int read_params(study_object *h)
{
    const hpo_space *space = hpo_study_space(h->s);
    h->n_params = hpo_space_n_params(space);
    h->n_columns = hpo_space_n_columns(space);
    h->params = PyMem_Calloc(h->n_params + 1, sizeof *h->params);
    h->index = PyDict_New();
    if (h->params == NULL || h->index == NULL) return 0;
    for (size_t i = 0; i < h->n_params; i++) {
        param_slot *p = &h->params[i];
        hpo_param_info info = hpo_param_info_init();
        if (hpo_space_param(space, i, &info, NULL) != HPO_OK) return 0;
        p->name = PyUnicode_InternFromString(info.name);
        p->kind = (int)info.kind;
        p->scale = (int)info.scale;
        p->low = info.low;
        p->high = info.high;
        p->step = info.kind == HPO_KIND_INT && info.step == 0 ? 1 : info.step;
        p->column = info.column;
        PyObject *at = PyLong_FromSize_t(i);
        int ok = p->name != NULL && at != NULL && PyDict_SetItem(h->index, p->name, at) == 0;
        Py_XDECREF(at);
        if (!ok) return 0;
    }
    return 1;
}

static PyObject *new_handle(PyTypeObject *type, storage_object *storage, hpo_study *s)
{
    hpo_summary sum = {.size = sizeof sum};
    hpo_error err = {0};
    study_object *h = (study_object *)((allocfunc)PyType_GetSlot(type, Py_tp_alloc))(type, 0);
    if (h == NULL) {
        hpo_study_free(s);
        return NULL;
    }
    h->s = s;
    h->blocks = 1;
    Py_INCREF(storage);
    h->storage = storage;
    hpo_status status = hpo_study_summary(s, &sum, &err);
    if (status != HPO_OK || !read_params(h)) {
        if (status != HPO_OK)
            core_raise(status, &err);
        else if (!PyErr_Occurred())
            PyErr_NoMemory();
        Py_DECREF(h);
        return NULL;
    }
    h->n_objectives = sum.n_objectives;
    h->n_outcomes = sum.n_outcomes;
    return (PyObject *)h;
}

static int check_storage(const storage_object *st)
{
    if (st->st != NULL) return 1;
    PyErr_SetString(PyExc_RuntimeError, "the storage is closed");
    return 0;
}

static PyObject *study_open(PyTypeObject *type, PyObject *args)
{
    storage_object *storage;
    const char *name;
    hpo_study *s = NULL;
    hpo_error err = {0};
    hpo_status status;
    if (!PyArg_ParseTuple(args, "O!z", core.storage_type, &storage, &name) || !check_storage(storage))
        return NULL;
    Py_BEGIN_ALLOW_THREADS status = hpo_study_open(storage->st, name, &s, &err);
    Py_END_ALLOW_THREADS return status == HPO_OK ? new_handle(type, storage, s) : core_raise(status, &err);
}

typedef struct lists {
    hpo_objective *objectives;
    hpo_outcome *outcomes;
} lists;

/* [(name, maximise)] and [(name, max)] */
static int read_lists(PyObject *objectives, PyObject *outcomes, lists *l, hpo_study_options *o)
{
    Py_ssize_t m = PyList_Size(objectives), q = PyList_Size(outcomes);
    if (m < 0 || q < 0) return 0;
    l->objectives = PyMem_Calloc((size_t)m + 1, sizeof *l->objectives);
    l->outcomes = PyMem_Calloc((size_t)q + 1, sizeof *l->outcomes);
    if (l->objectives == NULL || l->outcomes == NULL) return PyErr_NoMemory() != NULL;
    for (Py_ssize_t i = 0; i < m; i++) {
        int maximise;
        l->objectives[i].size = sizeof(hpo_objective);
        if (!PyArg_ParseTuple(PyList_GetItem(objectives, i), "sp", &l->objectives[i].name, &maximise))
            return 0;
        l->objectives[i].direction = maximise ? HPO_MAXIMIZE : HPO_MINIMIZE;
    }
    for (Py_ssize_t i = 0; i < q; i++) {
        l->outcomes[i].size = sizeof(hpo_outcome);
        if (!PyArg_ParseTuple(PyList_GetItem(outcomes, i), "sd", &l->outcomes[i].name, &l->outcomes[i].max))
            return 0;
    }
    o->objectives = l->objectives;
    o->n_objectives = (size_t)m;
    o->outcomes = l->outcomes;
    o->n_outcomes = (size_t)q;
    return 1;
}

static hpo_status create(storage_object *storage, const char *json, const hpo_study_options *o,
                         hpo_study **out, hpo_error *err)
{
    hpo_space *space = NULL;
    hpo_status status = hpo_space_load(json, &space, err);
    if (status == HPO_OK) status = hpo_study_create(storage->st, space, o, out, err);
    hpo_space_free(space);
    return status;
}

static PyObject *study_create(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"storage",     "space",         "objectives", "outcomes", "name",
                            "seed",        "sampler",       "scheduler",  "until",    "metadata",
                            "open_space",  "reuse",         "noisy",      "trials",   "seconds",
                            "cost",        "target",        "stagnation", "lag",      "lease",
                            "max_retries", "default_first", NULL};
    storage_object *storage;
    const char *json;
    PyObject *objectives, *outcomes;
    hpo_study_options o = hpo_study_options_init();
    lists l = {NULL, NULL};
    unsigned long long seed = 0;
    long long trials = 0, stagnation = 0, lag = 0;
    int retries = o.max_retries;
    hpo_study *s = NULL;
    hpo_error err = {0};
    hpo_status status;
    if (!PyArg_ParseTupleAndKeywords(
            args, kwargs, "O!sO!O!|zKzzzziiiLdddLLdii", names, core.storage_type, &storage, &json,
            &PyList_Type, &objectives, &PyList_Type, &outcomes, &o.name, &seed, &o.sampler, &o.scheduler,
            &o.until, &o.metadata, &o.open_space, &o.reuse, &o.noisy, &trials, &o.budget.seconds,
            &o.budget.cost, &o.budget.target, &stagnation, &lag, &o.lease, &retries, &o.default_first))
        return NULL;
    o.seed = seed;
    o.budget.trials = trials;
    o.budget.stagnation = stagnation;
    o.lag = lag;
    o.max_retries = retries;
    PyObject *out = NULL;
    if (check_storage(storage) && read_lists(objectives, outcomes, &l, &o)) {
        Py_BEGIN_ALLOW_THREADS status = create(storage, json, &o, &s, &err);
        Py_END_ALLOW_THREADS out = status == HPO_OK ? new_handle(type, storage, s) : core_raise(status, &err);
    }
    PyMem_Free(l.objectives);
    PyMem_Free(l.outcomes);
    return out;
}

static void study_dealloc(study_object *h)
{
    PyTypeObject *type = Py_TYPE(h);
    hpo_study *s = h->s;
    Py_BEGIN_ALLOW_THREADS hpo_study_free(s);
    Py_END_ALLOW_THREADS for (size_t i = 0; h->params != NULL && i < h->n_params; i++)
    {
        Py_XDECREF(h->params[i].name);
        Py_XDECREF(h->params[i].choices);
    }
    PyMem_Free(h->params);
    Py_XDECREF(h->index);
    Py_XDECREF(h->worker);
    Py_XDECREF(h->storage);
    ((freefunc)PyType_GetSlot(type, Py_tp_free))(h);
    Py_DECREF(type);
}

static PyObject *study_forget(study_object *h, PyObject *unused)
{
    (void)unused;
    h->s = NULL;
    Py_RETURN_NONE;
}

/* settings(worker, lease, blocks, open, careful) */
static PyObject *study_settings(study_object *h, PyObject *args)
{
    PyObject *worker;
    if (!PyArg_ParseTuple(args, "Odppp", &worker, &h->lease, &h->blocks, &h->open, &h->careful)) return NULL;
    if (worker == Py_None) worker = NULL;
    if (worker != NULL && !PyBytes_Check(worker))
        return PyErr_Format(PyExc_TypeError, "worker must be bytes");
    Py_XINCREF(worker);
    CORE_SET(h->worker, worker);
    Py_RETURN_NONE;
}

/* set_choices(name, tuple): what suggest_categorical compares with. */
static PyObject *study_set_choices(study_object *h, PyObject *args)
{
    PyObject *name, *choices;
    if (!PyArg_ParseTuple(args, "UO!", &name, &PyTuple_Type, &choices)) return NULL;
    PyObject *at = PyDict_GetItemWithError(h->index, name);
    if (at == NULL) return PyErr_Occurred() ? NULL : PyErr_Format(PyExc_KeyError, "%U", name);
    param_slot *p = &h->params[PyLong_AsSsize_t(at)];
    Py_INCREF(choices);
    CORE_SET(p->choices, choices);
    Py_RETURN_NONE;
}

/* set_const(name, value): what suggest_float and suggest_int of one value compare with. */
static PyObject *study_set_const(study_object *h, PyObject *args)
{
    PyObject *name;
    double value;
    if (!PyArg_ParseTuple(args, "Ud", &name, &value)) return NULL;
    PyObject *at = PyDict_GetItemWithError(h->index, name);
    if (at == NULL) return PyErr_Occurred() ? NULL : PyErr_Format(PyExc_KeyError, "%U", name);
    param_slot *p = &h->params[PyLong_AsSsize_t(at)];
    p->low = p->high = value;
    Py_RETURN_NONE;
}

/* rename(position, name): what the program calls a parameter whose name the library cannot hold. */
static PyObject *study_rename(study_object *h, PyObject *args)
{
    PyObject *name;
    Py_ssize_t i;
    if (!PyArg_ParseTuple(args, "nU", &i, &name)) return NULL;
    if (i < 0 || (size_t)i >= h->n_params) return PyErr_Format(PyExc_IndexError, "no parameter %zd", i);
    PyObject *at = PyLong_FromSsize_t(i);
    if (at == NULL || PyDict_DelItem(h->index, h->params[i].name) < 0 ||
        PyDict_SetItem(h->index, name, at) < 0) {
        Py_XDECREF(at);
        return NULL;
    }
    Py_DECREF(at);
    Py_INCREF(name);
    CORE_SET(h->params[i].name, name);
    Py_RETURN_NONE;
}

/* ---- ask --------------------------------------------------------------------------------------------- */

/* An object for a trial of the library, or the exception of the call that should have given one. */
static PyObject *wrap(study_object *h, PyObject *study, PyObject *type, hpo_status status, hpo_trial *held,
                      const hpo_error *err)
{
    if (status != HPO_OK) return core_raise(status, err);
    trial_object *t = core_new_trial(h, study, (PyTypeObject *)type);
    if (t == NULL)
        hpo_trial_free(held);
    else
        (void)core_hold(t, held);
    return (PyObject *)t;
}

static hpo_ask_options ask_options(const study_object *h)
{
    return (hpo_ask_options){.size = sizeof(hpo_ask_options),
                             .worker = h->worker != NULL ? PyBytes_AsString(h->worker) : NULL,
                             .lease = h->lease};
}

/* ask(study, trial type, queue_only, new_only, draw_min) -> Trial, or 1 (over) or 2 (nothing now) */
static PyObject *study_ask(study_object *h, PyObject *args)
{
    PyObject *study, *type;
    int queue_only = 0, new_only = 0;
    long long draw_min = 0;
    hpo_error err = {0};
    hpo_trial *held = NULL;
    hpo_status status;
    if (!PyArg_ParseTuple(args, "OO|ppL", &study, &type, &queue_only, &new_only, &draw_min)) return NULL;
    hpo_ask_options o = ask_options(h);
    o.queue_only = queue_only;
    o.new_only = new_only;
    o.draw_min = draw_min;
    CORE_CALL(h, status = hpo_study_ask_as(h->s, &o, &held, &err));
    if (status == HPO_DONE || status == HPO_WAIT) return PyLong_FromLong(status);
    return wrap(h, study, type, status, held, &err);
}

/* take(study, trial type, number) -> Trial: the waiting trial of that number */
static PyObject *study_take(study_object *h, PyObject *args)
{
    PyObject *study, *type;
    long long number;
    hpo_error err = {0};
    hpo_trial *held = NULL;
    hpo_status status;
    if (!PyArg_ParseTuple(args, "OOL", &study, &type, &number)) return NULL;
    const hpo_ask_options o = ask_options(h);
    CORE_CALL(h, status = hpo_study_take(h->s, number, &o, &held, &err));
    return wrap(h, study, type, status, held, &err);
}

/* attach(study, trial type, number, token) -> Trial */
static PyObject *study_attach(study_object *h, PyObject *args)
{
    PyObject *study, *type;
    long long number;
    unsigned long long token;
    hpo_error err = {0};
    hpo_trial *held = NULL;
    hpo_status status;
    if (!PyArg_ParseTuple(args, "OOLK", &study, &type, &number, &token)) return NULL;
    CORE_CALL(h, status = hpo_study_attach(h->s, number, token, &held, &err));
    return wrap(h, study, type, status, held, &err);
}

/* ---- looking ------------------------------------------------------------------------------------------
 *
 * What the library shows here is borrowed until the next call on the handle.  So these calls keep the GIL
 * until they have made Python objects of it, and hpo/study.py makes them on a handle of their own
 * (Study._look), which nothing else uses. */

static PyObject *study_summary(study_object *h, PyObject *unused)
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

static PyObject *study_space(study_object *h, PyObject *unused)
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
static PyObject *study_layout(study_object *h, PyObject *unused)
{
    const hpo_space *space = hpo_study_space(h->s);
    PyObject *list = PyList_New(0);
    (void)unused;
    for (size_t i = 0; list != NULL && i < h->n_params; i++) {
        hpo_param_info p = hpo_param_info_init();
        if (hpo_space_param(space, i, &p, NULL) != HPO_OK) continue;
        PyObject *one = Py_BuildValue("(ssnndddss)", p.name, hpo_kind_name(p.kind), (Py_ssize_t)p.column,
                                      (Py_ssize_t)p.n_columns, p.low, p.high, h->params[i].step,
                                      hpo_scale_name(p.scale), p.is_fidelity ? "fidelity" : "");
        if (one == NULL || PyList_Append(list, one) < 0) Py_CLEAR(list);
        Py_XDECREF(one);
    }
    return list;
}

static PyObject *row(study_object *h, const hpo_trial_info *t)
{
    return Py_BuildValue(
        "(LiNNLLLNNNLdNNdLLiKiL)", (long long)t->number, (int)t->state, core_numbers(t->x, h->n_columns),
        core_numbers(t->values, h->n_objectives), (long long)t->created_ms, (long long)t->started_ms,
        (long long)t->ended_ms, core_text(t->attributes), core_text(t->reason), core_text(t->worker),
        (long long)t->n_reports, t->last_step, core_numbers(t->outcomes, h->n_outcomes),
        core_numbers(t->sems, h->n_objectives), t->cost, (long long)t->parent, (long long)t->draw,
        (int)t->attempt, (unsigned long long)t->token, (int)t->stop_requested, (long long)t->seq);
}

/* rows(first, end) -> tuples; a sync comes first. */
static PyObject *study_rows(study_object *h, PyObject *args)
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
static PyObject *study_row(study_object *h, PyObject *args)
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
static PyObject *study_reports(study_object *h, PyObject *args)
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

static PyObject *study_best(study_object *h, PyObject *unused)
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

static PyObject *study_explain(study_object *h, PyObject *args)
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

static PyObject *study_recommend(study_object *h, PyObject *unused)
{
    hpo_error err = {0};
    hpo_recommendation r = {.size = sizeof r};
    hpo_status status;
    (void)unused;
    status = hpo_study_recommend(h->s, &r, &err);
    if (status != HPO_OK) return core_raise(status, &err);
    return Py_BuildValue("{s:L,s:s,s:i,s:L,s:d,s:d,s:d,s:d,s:d,s:z,s:z}", "number", (long long)r.number,
                         "method", r.method, "noisy", (int)r.noisy, "observed_best",
                         (long long)r.observed_best, "observed_value", r.observed_value, "corrected",
                         r.corrected, "noise_sd", r.noise_sd, "optimism", r.optimism, "p_better", r.p_better,
                         "text", r.text, "warning", r.warning);
}

/* ---- changes --------------------------------------------------------------------------------------------
 */

#define DONE(status, err) ((status) == HPO_OK ? (Py_INCREF(Py_None), Py_None) : core_raise((status), &(err)))

static PyObject *study_grow(study_object *h, PyObject *args)
{
    const char *json;
    hpo_error err = {0};
    hpo_space *space = NULL;
    if (!PyArg_ParseTuple(args, "s", &json)) return NULL;
    hpo_status status = hpo_space_load(json, &space, &err);
    if (status == HPO_OK) CORE_CALL(h, status = hpo_study_grow(h->s, space, &err));
    hpo_space_free(space);
    return DONE(status, err);
}

/* first_draw(json, draw, number) -> tuple of columns */
static PyObject *study_first_draw(study_object *h, PyObject *args)
{
    const char *json;
    long long draw, number;
    hpo_error err = {0};
    hpo_space *space = NULL;
    if (!PyArg_ParseTuple(args, "sLL", &json, &draw, &number)) return NULL;
    hpo_status status = hpo_space_load(json, &space, &err);
    size_t n = hpo_space_n_columns(space);
    double *x = PyMem_Calloc(n + 1, sizeof *x);
    if (x == NULL) status = HPO_ENOMEM;
    if (status == HPO_OK) CORE_CALL(h, status = hpo_study_first_draw(h->s, space, draw, number, x, &err));
    PyObject *out = status == HPO_OK ? core_numbers(x, n) : core_raise(status, &err);
    PyMem_Free(x);
    hpo_space_free(space);
    return out;
}

/* set_config(number, token, x) */
static PyObject *study_set_config(study_object *h, PyObject *args)
{
    long long number;
    unsigned long long token;
    PyObject *values;
    hpo_error err = {0};
    hpo_status status;
    if (!PyArg_ParseTuple(args, "LKO!", &number, &token, &PyTuple_Type, &values)) return NULL;
    double *x = PyMem_Calloc(h->n_columns + 1, sizeof *x);
    if (x == NULL) return PyErr_NoMemory();
    if (!core_read_numbers(values, x, h->n_columns, "configuration")) {
        PyMem_Free(x);
        return NULL;
    }
    CORE_CALL(h, status = hpo_study_set_config(h->s, number, token, x, &err));
    PyMem_Free(x);
    return DONE(status, err);
}

/* settle(number, x) -> what becomes of it */
static PyObject *study_settle(study_object *h, PyObject *args)
{
    long long number;
    PyObject *values;
    hpo_error err = {0};
    if (!PyArg_ParseTuple(args, "LO!", &number, &PyTuple_Type, &values)) return NULL;
    double *x = PyMem_Calloc(h->n_columns + 1, sizeof *x);
    if (x == NULL) return PyErr_NoMemory();
    PyObject *out = NULL;
    if (core_read_numbers(values, x, h->n_columns, "configuration")) {
        hpo_status status = hpo_study_settle(h->s, number, x, &err);
        out = status == HPO_OK ? core_numbers(x, h->n_columns) : core_raise(status, &err);
    }
    PyMem_Free(x);
    return out;
}

/* Columns of {"name": value}: what is missing gets its default. */
static PyObject *study_columns(study_object *h, PyObject *args)
{
    const char *json;
    hpo_error err = {0};
    if (!PyArg_ParseTuple(args, "s", &json)) return NULL;
    double *x = PyMem_Calloc(h->n_columns + 1, sizeof *x);
    if (x == NULL) return PyErr_NoMemory();
    hpo_status status = hpo_space_config_from_json(hpo_study_space(h->s), json, x, &err);
    PyObject *out = status == HPO_OK ? core_numbers(x, h->n_columns) : core_raise(status, &err);
    PyMem_Free(x);
    return out;
}

/* The configuration of columns as JSON. */
static PyObject *study_config(study_object *h, PyObject *args)
{
    PyObject *values;
    hpo_error err = {0};
    char *json = NULL;
    if (!PyArg_ParseTuple(args, "O!", &PyTuple_Type, &values)) return NULL;
    double *x = PyMem_Calloc(h->n_columns + 1, sizeof *x);
    if (x == NULL) return PyErr_NoMemory();
    if (!core_read_numbers(values, x, h->n_columns, "configuration")) {
        PyMem_Free(x);
        return NULL;
    }
    hpo_status status = hpo_space_config_to_json(hpo_study_space(h->s), x, &json, &err);
    PyObject *out = status == HPO_OK ? core_text(json) : core_raise(status, &err);
    hpo_free(json);
    PyMem_Free(x);
    return out;
}

static PyObject *study_enqueue(study_object *h, PyObject *args)
{
    const char *json, *attributes = NULL;
    int64_t number = -1;
    hpo_error err = {0};
    hpo_status status;
    if (!PyArg_ParseTuple(args, "z|z", &json, &attributes)) return NULL;
    CORE_CALL(h, status = hpo_study_enqueue_with(h->s, json, attributes, &number, &err));
    return status == HPO_OK ? PyLong_FromLongLong(number) : core_raise(status, &err);
}

static PyObject *study_repeat(study_object *h, PyObject *args)
{
    long long of;
    int64_t number = -1;
    hpo_error err = {0};
    hpo_status status;
    if (!PyArg_ParseTuple(args, "L", &of)) return NULL;
    CORE_CALL(h, status = hpo_study_repeat(h->s, of, &number, &err));
    return status == HPO_OK ? PyLong_FromLongLong(number) : core_raise(status, &err);
}

static PyObject *study_requeue(study_object *h, PyObject *args)
{
    long long number;
    hpo_error err = {0};
    hpo_status status;
    if (!PyArg_ParseTuple(args, "L", &number)) return NULL;
    CORE_CALL(h, status = hpo_study_requeue(h->s, number, &err));
    return DONE(status, err);
}

static PyObject *study_request_stop(study_object *h, PyObject *args)
{
    long long number;
    hpo_error err = {0};
    hpo_status status;
    if (!PyArg_ParseTuple(args, "L", &number)) return NULL;
    CORE_CALL(h, status = hpo_study_request_stop(h->s, number, &err));
    return DONE(status, err);
}

/* set_attr(number or -1, key, json) */
static PyObject *study_set_attr(study_object *h, PyObject *args)
{
    long long number;
    const char *key, *json;
    hpo_error err = {0};
    hpo_status status;
    if (!PyArg_ParseTuple(args, "Lss", &number, &key, &json)) return NULL;
    CORE_CALL(h, status = hpo_study_set_attr(h->s, number, key, json, &err));
    return DONE(status, err);
}

static PyObject *study_set_text(study_object *h, PyObject *args)
{
    const char *which, *text;
    hpo_error err = {0};
    hpo_status status = HPO_EINVAL;
    if (!PyArg_ParseTuple(args, "sz", &which, &text)) return NULL;
    if (strcmp(which, "sampler") == 0)
        CORE_CALL(h, status = hpo_study_set_sampler(h->s, text, &err));
    else if (strcmp(which, "until") == 0)
        CORE_CALL(h, status = hpo_study_set_until(h->s, text, &err));
    else if (strcmp(which, "metadata") == 0)
        CORE_CALL(h, status = hpo_study_set_metadata(h->s, text, &err));
    return DONE(status, err);
}

/* set_budget(trials, seconds, cost, target, stagnation) */
static PyObject *study_set_budget(study_object *h, PyObject *args)
{
    hpo_budget b = {.size = sizeof b};
    long long trials, stagnation;
    hpo_error err = {0};
    hpo_status status;
    if (!PyArg_ParseTuple(args, "LdddL", &trials, &b.seconds, &b.cost, &b.target, &stagnation)) return NULL;
    b.trials = trials;
    b.stagnation = stagnation;
    CORE_CALL(h, status = hpo_study_set_budget(h->s, &b, &err));
    return DONE(status, err);
}

/* end(text), pause(), resume() */
static PyObject *study_end(study_object *h, PyObject *args)
{
    const char *text = NULL;
    hpo_error err = {0};
    hpo_status status;
    if (!PyArg_ParseTuple(args, "|z", &text)) return NULL;
    CORE_CALL(h, status = hpo_study_stop(h->s, HPO_STOP_REASON_USER, text, &err));
    return DONE(status, err);
}

static PyObject *study_pause(study_object *h, PyObject *unused)
{
    hpo_error err = {0};
    hpo_status status;
    (void)unused;
    CORE_CALL(h, status = hpo_study_pause(h->s, &err));
    return DONE(status, err);
}

static PyObject *study_resume(study_object *h, PyObject *unused)
{
    hpo_error err = {0};
    hpo_status status;
    (void)unused;
    CORE_CALL(h, status = hpo_study_resume(h->s, &err));
    return DONE(status, err);
}

/* add(x, state, values, outcomes, sems, started_ms, ended_ms, [(step, values)], attributes, reason, cost) ->
 * number */
static PyObject *study_add(study_object *h, PyObject *args)
{
    PyObject *xs, *values, *outcomes, *sems, *reports, *out = NULL;
    hpo_past_trial p = {.size = sizeof p, .result = hpo_result_init()};
    int state;
    long long started, ended;
    int64_t number = -1;
    hpo_error err = {0};
    hpo_status status;
    hpo_report *list = NULL;
    if (!PyArg_ParseTuple(args, "O!iOOOLLO!zzd", &PyTuple_Type, &xs, &state, &values, &outcomes, &sems,
                          &started, &ended, &PyList_Type, &reports, &p.attributes, &p.result.reason,
                          &p.result.cost))
        return NULL;
    size_t n = h->n_columns, m = h->n_objectives, q = h->n_outcomes, k = (size_t)PyList_Size(reports);
    double *block = PyMem_Calloc(n + 2 * m + q + k * m + 1, sizeof *block);
    list = PyMem_Calloc(k + 1, sizeof *list);
    if (block == NULL || list == NULL) {
        PyErr_NoMemory();
        goto done;
    }
    double *y = block + n, *sem = y + m, *outcome = sem + m, *curve = outcome + q;
    if (!core_read_numbers(xs, block, n, "configuration")) goto done;
    if (values != Py_None && !core_read_numbers(values, y, m, "values")) goto done;
    if (sems != Py_None && !core_read_numbers(sems, sem, m, "standard errors")) goto done;
    if (outcomes != Py_None && !core_read_numbers(outcomes, outcome, q, "constraints")) goto done;
    for (size_t i = 0; i < k; i++) {
        PyObject *of;
        list[i] = hpo_report_init();
        if (!PyArg_ParseTuple(PyList_GetItem(reports, (Py_ssize_t)i), "dO", &list[i].step, &of) ||
            !core_read_numbers(of, curve + i * m, m, "report"))
            goto done;
        list[i].values = curve + i * m;
        list[i].n_values = m;
    }
    p.x = block;
    p.result.state = (hpo_state)state;
    p.result.values = values != Py_None ? y : NULL;
    p.result.n_values = m;
    p.result.sems = sems != Py_None ? sem : NULL;
    p.result.outcomes = outcomes != Py_None && q > 0 ? outcome : NULL;
    p.result.n_outcomes = q;
    p.started_ms = started;
    p.ended_ms = ended;
    p.reports = list;
    p.n_reports = k;
    CORE_CALL(h, status = hpo_study_add(h->s, &p, &number, &err));
    out = status == HPO_OK ? PyLong_FromLongLong(number) : core_raise(status, &err);
done:
    PyMem_Free(block);
    PyMem_Free(list);
    return out;
}

/* ---- the type ---------------------------------------------------------------------------------------------
 */

static PyObject *get_stop(study_object *h, void *unused)
{
    (void)unused;
    return PyBool_FromLong(h->stop);
}

static int set_stop(study_object *h, PyObject *value, void *unused)
{
    (void)unused;
    h->stop = value != NULL && PyObject_IsTrue(value) == 1;
    return 0;
}

static PyGetSetDef attributes[] = {{"stop", (getter)get_stop, (setter)set_stop, "1: the loop ends.", NULL},
                                   {NULL, NULL, NULL, NULL, NULL}};

#define METHOD(name, flags)                                                                                  \
    {                                                                                                        \
#name, CORE_FUNCTION(study_##name), flags, NULL                                                      \
    }
static PyMethodDef methods[] = {METHOD(create, METH_CLASS | METH_VARARGS | METH_KEYWORDS),
                                METHOD(open, METH_CLASS | METH_VARARGS),
                                METHOD(forget, METH_NOARGS),
                                METHOD(settings, METH_VARARGS),
                                METHOD(set_choices, METH_VARARGS),
                                METHOD(set_const, METH_VARARGS),
                                METHOD(rename, METH_VARARGS),
                                METHOD(ask, METH_VARARGS),
                                METHOD(take, METH_VARARGS),
                                METHOD(attach, METH_VARARGS),
                                METHOD(summary, METH_NOARGS),
                                METHOD(space, METH_NOARGS),
                                METHOD(layout, METH_NOARGS),
                                METHOD(rows, METH_VARARGS),
                                METHOD(row, METH_VARARGS),
                                METHOD(reports, METH_VARARGS),
                                METHOD(best, METH_NOARGS),
                                METHOD(explain, METH_VARARGS),
                                METHOD(recommend, METH_NOARGS),
                                METHOD(grow, METH_VARARGS),
                                METHOD(first_draw, METH_VARARGS),
                                METHOD(set_config, METH_VARARGS),
                                METHOD(settle, METH_VARARGS),
                                METHOD(columns, METH_VARARGS),
                                METHOD(config, METH_VARARGS),
                                METHOD(enqueue, METH_VARARGS),
                                METHOD(repeat, METH_VARARGS),
                                METHOD(requeue, METH_VARARGS),
                                METHOD(request_stop, METH_VARARGS),
                                METHOD(set_attr, METH_VARARGS),
                                METHOD(set_text, METH_VARARGS),
                                METHOD(set_budget, METH_VARARGS),
                                METHOD(end, METH_VARARGS),
                                METHOD(pause, METH_NOARGS),
                                METHOD(resume, METH_NOARGS),
                                METHOD(add, METH_VARARGS),
                                {NULL, NULL, 0, NULL}};

int core_add_study(PyObject *module)
{
    PyType_Slot slots[] = {{Py_tp_dealloc, study_dealloc},
                           {Py_tp_methods, methods},
                           {Py_tp_getset, attributes},
                           {Py_tp_doc, "One handle of the library on a study."},
                           {0, NULL}};
    PyType_Spec spec = {"hpo._core.Study", sizeof(study_object), 0,
                        Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION, slots};
    core.study_type = core_add_type(module, &spec);
    return core.study_type != NULL ? 0 : -1;
}
