/* SPDX-License-Identifier: Apache-2.0 */
/* study.c - Study: one handle of the library; opening it, asking. */
#include "study.h"

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

/* settings(worker, lease, blocks, open, careful, chosen) */
static PyObject *study_settings(study_object *h, PyObject *args)
{
    PyObject *worker;
    if (!PyArg_ParseTuple(args, "Odpppp", &worker, &h->lease, &h->blocks, &h->open, &h->careful, &h->chosen))
        return NULL;
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

/* ---- the type ------------------------------------------------------------------------------------------ */

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

#define METHOD(name, function, flags)                                                                        \
    {                                                                                                        \
        name, CORE_FUNCTION(function), flags, NULL                                                           \
    }
static PyMethodDef methods[] = {METHOD("create", study_create, METH_CLASS | METH_VARARGS | METH_KEYWORDS),
                                METHOD("open", study_open, METH_CLASS | METH_VARARGS),
                                METHOD("forget", study_forget, METH_NOARGS),
                                METHOD("settings", study_settings, METH_VARARGS),
                                METHOD("set_choices", study_set_choices, METH_VARARGS),
                                METHOD("set_const", study_set_const, METH_VARARGS),
                                METHOD("rename", study_rename, METH_VARARGS),
                                METHOD("ask", study_ask, METH_VARARGS),
                                METHOD("take", study_take, METH_VARARGS),
                                METHOD("attach", study_attach, METH_VARARGS),
                                METHOD("summary", core_study_summary, METH_NOARGS),
                                METHOD("space", core_study_space, METH_NOARGS),
                                METHOD("layout", core_study_layout, METH_NOARGS),
                                METHOD("rows", core_study_rows, METH_VARARGS),
                                METHOD("table", core_study_table, METH_VARARGS),
                                METHOD("row", core_study_row, METH_VARARGS),
                                METHOD("reports", core_study_reports, METH_VARARGS),
                                METHOD("best", core_study_best, METH_NOARGS),
                                METHOD("explain", core_study_explain, METH_VARARGS),
                                METHOD("rungs", core_study_rungs, METH_NOARGS),
                                METHOD("recommend", core_study_recommend, METH_NOARGS),
                                METHOD("grow", core_study_grow, METH_VARARGS),
                                METHOD("first_draw", core_study_first_draw, METH_VARARGS),
                                METHOD("set_config", core_study_set_config, METH_VARARGS),
                                METHOD("settle", core_study_settle, METH_VARARGS),
                                METHOD("columns", core_study_columns, METH_VARARGS),
                                METHOD("config", core_study_config, METH_VARARGS),
                                METHOD("enqueue", core_study_enqueue, METH_VARARGS),
                                METHOD("repeat", core_study_repeat, METH_VARARGS),
                                METHOD("requeue", core_study_requeue, METH_VARARGS),
                                METHOD("request_stop", core_study_request_stop, METH_VARARGS),
                                METHOD("set_attr", core_study_set_attr, METH_VARARGS),
                                METHOD("set_text", core_study_set_text, METH_VARARGS),
                                METHOD("set_budget", core_study_set_budget, METH_VARARGS),
                                METHOD("end", core_study_end, METH_VARARGS),
                                METHOD("pause", core_study_pause, METH_NOARGS),
                                METHOD("resume", core_study_resume, METH_NOARGS),
                                METHOD("add", core_study_add, METH_VARARGS),
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
