/* SPDX-License-Identifier: Apache-2.0 */
/* trial.c - Trial: the values of a trial in hand, reports, and its end.
 *
 * suggest_* compares what is asked for with the parameter that the study knows under this name.  If it is the
 * same and active, the value is the one that the sampler proposed.  Anything else (a new name, another range,
 * a parameter that was thought inactive) goes to Trial._suggest of hpo/trial.py, and the trial is `odd`: what
 * it used has to be told to the study before its result. */
#include <math.h>
#include <string.h>

#include "core.h"

/* ---- holding --------------------------------------------------------------------------------------- */

static void count_active(trial_object *t)
{
    const study_object *h = t->h;
    t->n_active = 0;
    for (size_t i = 0; i < h->n_params; i++)
        t->n_active += isnan(t->x[h->params[i].column]) ? 0 : 1;
}

int core_hold(trial_object *t, hpo_trial *held)
{
    t->t = held;
    t->x = hpo_trial_x(held);
    t->number = hpo_trial_number(held);
    t->decision = HPO_CONTINUE;
    t->queued = t->h->open && (t->h->chosen || hpo_trial_draw(held) < 0);
    t->odd = t->queued;
    t->next = t->n_asked = 0;
    if (t->h->n_params > 0) memset(t->asked, 0, t->h->n_params);
    count_active(t);
    return 1;
}

trial_object *core_new_trial(study_object *h, PyObject *study, PyTypeObject *type)
{
    trial_object *t = (trial_object *)((allocfunc)PyType_GetSlot(type, Py_tp_alloc))(type, 0);
    if (t == NULL) return NULL;
    t->cap_asked = h->n_params;
    t->asked = PyMem_Calloc(h->n_params + 1, 1);
    t->values = PyMem_Calloc(h->n_objectives + h->n_outcomes + 1, sizeof *t->values);
    if (t->asked == NULL || t->values == NULL) {
        Py_DECREF(t);
        PyErr_NoMemory();
        return NULL;
    }
    Py_INCREF(h);
    t->h = h;
    Py_INCREF(study);
    t->study = study;
    t->number = -1;
    return t;
}

void core_release(trial_object *t)
{
    hpo_trial_free(t->t);
    t->t = NULL;
    t->x = NULL;
}

int core_is_plain(const trial_object *t)
{
    return !t->odd && (!t->h->open || t->n_asked == t->n_active);
}

static int trial_traverse(trial_object *t, visitproc visit, void *arg)
{
    Py_VISIT(t->study);
    Py_VISIT(t->h);
    Py_VISIT(Py_TYPE(t));
    return 0;
}

static int trial_clear(trial_object *t)
{
    Py_CLEAR(t->study);
    return 0;
}

static void trial_dealloc(trial_object *t)
{
    PyTypeObject *type = Py_TYPE(t);
    PyObject_GC_UnTrack(t);
    if (t->h != NULL && t->h->s != NULL) hpo_trial_free(t->t);
    PyMem_Free(t->asked);
    PyMem_Free(t->values);
    Py_CLEAR(t->study);
    Py_CLEAR(t->h);
    ((freefunc)PyType_GetSlot(type, Py_tp_free))(t);
    Py_DECREF(type);
}

/* ---- suggest --------------------------------------------------------------------------------------- */

/* The slot of a name, or NULL.  Programs ask in the same order every time: the next slot is tried first. */
static const param_slot *find(trial_object *t, PyObject *name, size_t *at)
{
    const study_object *h = t->h;
    if (t->next < h->n_params && h->params[t->next].name == name) {
        *at = t->next++;
        return &h->params[*at];
    }
    PyObject *i = PyDict_GetItemWithError(h->index, name);
    if (i == NULL) return NULL;
    *at = (size_t)PyLong_AsSsize_t(i);
    t->next = *at + 1;
    return &h->params[*at];
}

/* The proposed value where the slot is what is asked for; 0: it is not. */
static int proposed(trial_object *t, PyObject *name, int kind, double low, double high, double step, int log,
                    double *value)
{
    size_t at;
    if (t->x == NULL || t->queued) return 0;
    const param_slot *p = find(t, name, &at);
    if (p == NULL || p->low != low || p->high != high || isnan(t->x[p->column])) return 0;
    if (p->kind == HPO_KIND_CONST)
        *value = p->low; /* one value: step and scale say nothing */
    else if (p->kind == kind && p->step == step && (p->scale == HPO_SCALE_LOG) == log)
        *value = t->x[p->column];
    else
        return 0;
    t->n_asked += t->asked[at] ? 0 : 1;
    t->asked[at] = 1;
    return 1;
}

static PyObject *suggest_slow(trial_object *t, PyObject *name, const char *kind, PyObject *a, PyObject *b,
                              PyObject *step, int log)
{
    t->odd = 1;
    PyObject *word = PyUnicode_FromString(kind);
    if (word == NULL) return NULL;
    PyObject *out = PyObject_CallMethodObjArgs((PyObject *)t, core.text_suggest, name, word, a, b, step,
                                               log ? Py_True : Py_False, NULL);
    Py_DECREF(word);
    return out;
}

/* ints, NumPy scalars and anything with __float__; what is no number is for Trial._suggest to say. */
static double number(PyObject *o)
{
    double v = PyFloat_AsDouble(o);
    if (v == -1 && PyErr_Occurred() && PyErr_ExceptionMatches(PyExc_TypeError)) {
        PyErr_Clear();
        v = NAN;
    }
    return v;
}

/* name, low, high, step, log by position or keyword. */
static int read_range(PyObject *const *args, Py_ssize_t n, PyObject *names, PyObject **out,
                      const char *function)
{
    static const char *const words[] = {"name", "low", "high", "step", "log"};
    Py_ssize_t n_names = names != NULL ? PyTuple_Size(names) : 0;
    if (n > 5) {
        PyErr_Format(PyExc_TypeError, "%s() takes at most 5 arguments (%zd given)", function, n + n_names);
        return 0;
    }
    for (Py_ssize_t i = 0; i < n; i++)
        out[i] = args[i];
    for (Py_ssize_t i = 0; i < n_names; i++) {
        PyObject *key = PyTuple_GetItem(names, i);
        int at = 0;
        while (at < 5 && PyUnicode_CompareWithASCIIString(key, words[at]) != 0)
            at++;
        if (at == 5 || out[at] != NULL) {
            PyErr_Format(PyExc_TypeError, "%s() got an unexpected or repeated keyword argument '%U'",
                         function, key);
            return 0;
        }
        out[at] = args[n + i];
    }
    for (int i = 0; i < 3; i++)
        if (out[i] == NULL) {
            PyErr_Format(PyExc_TypeError, "%s() misses the argument '%s'", function, words[i]);
            return 0;
        }
    if (!PyUnicode_Check(out[0])) {
        PyErr_Format(PyExc_TypeError, "%s(): the name of a parameter is a str", function);
        return 0;
    }
    return 1;
}

static PyObject *suggest_float(trial_object *t, PyObject *const *args, Py_ssize_t n, PyObject *names)
{
    PyObject *a[5] = {NULL};
    double value, step = 0;
    if (!read_range(args, n, names, a, "suggest_float")) return NULL;
    int log = a[4] != NULL ? PyObject_IsTrue(a[4]) : 0;
    double low = number(a[1]), high = number(a[2]);
    if (a[3] != NULL && a[3] != Py_None) step = number(a[3]);
    if (log < 0 || PyErr_Occurred()) return NULL;
    if (proposed(t, a[0], HPO_KIND_FLOAT, low, high, step, log, &value)) return PyFloat_FromDouble(value);
    if (PyErr_Occurred()) return NULL;
    return suggest_slow(t, a[0], "float", a[1], a[2], a[3] != NULL ? a[3] : Py_None, log);
}

static PyObject *suggest_int(trial_object *t, PyObject *const *args, Py_ssize_t n, PyObject *names)
{
    PyObject *a[5] = {NULL};
    double value, step = 1;
    if (!read_range(args, n, names, a, "suggest_int")) return NULL;
    int log = a[4] != NULL ? PyObject_IsTrue(a[4]) : 0;
    double low = number(a[1]), high = number(a[2]);
    if (a[3] != NULL && a[3] != Py_None) step = number(a[3]);
    if (log < 0 || PyErr_Occurred()) return NULL;
    if (proposed(t, a[0], HPO_KIND_INT, low, high, step, log, &value)) return PyLong_FromDouble(value);
    if (PyErr_Occurred()) return NULL;
    return suggest_slow(t, a[0], "int", a[1], a[2], a[3] != NULL ? a[3] : Py_None, log);
}

/* 1: the same choices in the same order; -1: an exception. */
static int same_choices(PyObject *known, PyObject *given, Py_ssize_t n)
{
    if (known == given) return 1;
    if (PyTuple_Size(known) != n) return 0;
    for (Py_ssize_t i = 0; i < n; i++) {
        PyObject *a = PyTuple_GetItem(known, i), *b = PySequence_GetItem(given, i);
        if (b == NULL) return -1;
        int same = a == b ? 1 : Py_TYPE(a) == Py_TYPE(b) ? PyObject_RichCompareBool(a, b, Py_EQ) : 0;
        Py_DECREF(b);
        if (same != 1) return same;
    }
    return 1;
}

static PyObject *suggest_categorical(trial_object *t, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"name", "choices", NULL};
    PyObject *name, *choices;
    size_t at = 0;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "UO", names, &name, &choices)) return NULL;
    const param_slot *p = t->x != NULL && !t->queued ? find(t, name, &at) : NULL;
    if (PyErr_Occurred()) return NULL;
    if (!PySequence_Check(choices)) /* a set has no order, an iterator is gone after one look */
        return PyErr_Format(PyExc_TypeError, "%U: choices are %R: give a list or a tuple", name, choices);
    Py_ssize_t n = PySequence_Size(choices);
    if (n < 0) return NULL;
    if (p != NULL && p->choices != NULL && !isnan(t->x[p->column])) {
        int same = same_choices(p->choices, choices, n);
        if (same < 0) return NULL;
        if (same) {
            t->n_asked += t->asked[at] ? 0 : 1;
            t->asked[at] = 1;
            return PySequence_GetItem(choices, (Py_ssize_t)t->x[p->column]);
        }
    }
    return suggest_slow(t, name, "categorical", choices, Py_None, Py_None, 0);
}

/* ---- report and end ----------------------------------------------------------------------------------- */

static int check_held(const trial_object *t)
{
    if (t->t != NULL) return 1;
    PyErr_Format(PyExc_RuntimeError, "trial %lld has ended: it cannot be reported on or told again",
                 (long long)t->number);
    return 0;
}

/* report(step, values, fold, metrics): returns the scheduler's decision. */
static PyObject *trial_report(trial_object *t, PyObject *args)
{
    PyObject *values;
    hpo_report r = hpo_report_init();
    hpo_error err = {0};
    hpo_decision decision = HPO_CONTINUE;
    hpo_status status;
    int fold = -1;
    if (!PyArg_ParseTuple(args, "dO|iz", &r.step, &values, &fold, &r.metrics) || !check_held(t)) return NULL;
    if (!core_read_numbers(values, t->values, t->h->n_objectives, "report")) return NULL;
    r.values = t->values;
    r.n_values = t->h->n_objectives;
    r.fold = fold;
    CORE_CALL(t->h, status = hpo_study_report(t->h->s, t->t, &r, &decision, &err));
    if (status != HPO_OK) return core_raise(status, &err);
    t->decision = (int)decision;
    return PyLong_FromLong(decision);
}

static PyObject *trial_renew(trial_object *t, PyObject *unused)
{
    hpo_error err = {0};
    hpo_decision decision = HPO_CONTINUE;
    hpo_status status;
    (void)unused;
    if (!check_held(t)) return NULL;
    CORE_CALL(t->h, status = hpo_study_renew(t->h->s, t->t, &decision, &err));
    if (status != HPO_OK) return core_raise(status, &err);
    if (decision != HPO_CONTINUE) t->decision = (int)decision;
    return PyLong_FromLong(decision);
}

/* tell(state, values, reason, outcomes, sems, cost) */
static PyObject *trial_tell(trial_object *t, PyObject *args)
{
    int state;
    PyObject *values = Py_None, *outcomes = Py_None, *sems = Py_None;
    hpo_result r = hpo_result_init();
    hpo_error err = {0};
    hpo_status status;
    double *spread = NULL;
    if (!PyArg_ParseTuple(args, "i|OzOOd", &state, &values, &r.reason, &outcomes, &sems, &r.cost) ||
        !check_held(t))
        return NULL;
    size_t m = t->h->n_objectives, q = t->h->n_outcomes;
    r.state = (hpo_state)state;
    if (values != Py_None) {
        if (!core_read_numbers(values, t->values, m, "values")) return NULL;
        r.values = t->values;
        r.n_values = m;
    }
    if (outcomes != Py_None && q > 0) {
        if (!core_read_numbers(outcomes, t->values + m, q, "constraints")) return NULL;
        r.outcomes = t->values + m;
        r.n_outcomes = q;
    }
    if (sems != Py_None) {
        spread = PyMem_Calloc(m + 1, sizeof *spread);
        if (spread == NULL) return PyErr_NoMemory();
        if (!core_read_numbers(sems, spread, m, "standard errors")) {
            PyMem_Free(spread);
            return NULL;
        }
        r.sems = spread;
    }
    CORE_CALL(t->h, status = hpo_study_tell(t->h->s, t->t, &r, &err));
    PyMem_Free(spread);
    if (status != HPO_OK) return core_raise(status, &err);
    core_release(t);
    Py_RETURN_NONE;
}

/* After a fork: the trial belongs to the parent. */
static PyObject *trial_forget(trial_object *t, PyObject *unused)
{
    (void)unused;
    t->t = NULL;
    t->x = NULL;
    Py_RETURN_NONE;
}

/* ---- attributes ---------------------------------------------------------------------------------------- */

static PyObject *get_number(trial_object *t, void *unused)
{
    (void)unused;
    return PyLong_FromLongLong(t->number);
}

static PyObject *get_study(trial_object *t, void *unused)
{
    (void)unused;
    Py_INCREF(t->study);
    return t->study;
}

static PyObject *get_handle(trial_object *t, void *unused)
{
    (void)unused;
    Py_INCREF(t->h);
    return (PyObject *)t->h;
}

static PyObject *get_x(trial_object *t, void *unused)
{
    (void)unused;
    return core_numbers(t->x, t->h->n_columns);
}

static PyObject *get_token(trial_object *t, void *unused)
{
    (void)unused;
    return PyLong_FromUnsignedLongLong(hpo_trial_token(t->t));
}

static PyObject *get_draw(trial_object *t, void *unused)
{
    (void)unused;
    return PyLong_FromLongLong(hpo_trial_draw(t->t));
}

static PyObject *get_seed(trial_object *t, void *unused)
{
    (void)unused;
    return PyLong_FromUnsignedLongLong(hpo_trial_seed(t->t));
}

static PyObject *get_plain(trial_object *t, void *unused)
{
    (void)unused;
    return PyBool_FromLong(core_is_plain(t));
}

/* False: what it used is not all as proposed. */
static int set_plain(trial_object *t, PyObject *value, void *unused)
{
    (void)unused;
    t->odd |= value == NULL || PyObject_IsTrue(value) != 1;
    return 0;
}

static PyObject *get_decision(trial_object *t, void *unused)
{
    (void)unused;
    return PyLong_FromLong(t->decision);
}

static PyObject *get_live(trial_object *t, void *unused)
{
    (void)unused;
    return PyBool_FromLong(t->t != NULL);
}

static PyObject *get_attempt(trial_object *t, void *unused)
{
    (void)unused;
    return PyLong_FromLong(hpo_trial_attempt(t->t));
}

/* Names of the known parameters that were asked for, in the order of the space. */
static PyObject *get_asked(trial_object *t, void *unused)
{
    (void)unused;
    PyObject *list = PyList_New(0);
    for (size_t i = 0; list != NULL && i < t->h->n_params; i++)
        if (t->asked[i] && PyList_Append(list, t->h->params[i].name) < 0) Py_CLEAR(list);
    return list;
}

static PyGetSetDef attributes[] = {
    {"number", (getter)get_number, NULL, "Number of the trial in its study, from 0.", NULL},
    {"study", (getter)get_study, NULL, "The study that the trial belongs to.", NULL},
    {"_h", (getter)get_handle, NULL, NULL, NULL},
    {"_x", (getter)get_x, NULL, NULL, NULL},
    {"_token", (getter)get_token, NULL, NULL, NULL},
    {"_draw", (getter)get_draw, NULL, NULL, NULL},
    {"_plain", (getter)get_plain, (setter)set_plain, NULL, NULL},
    {"_decision", (getter)get_decision, NULL, NULL, NULL},
    {"_live", (getter)get_live, NULL, NULL, NULL},
    {"_asked", (getter)get_asked, NULL, NULL, NULL},
    {"seed", (getter)get_seed, NULL,
     "A seed for the objective's own randomness: a function of study seed and number.", NULL},
    {"attempt", (getter)get_attempt, NULL, "1 for the first evaluation, 2 after one retry ...", NULL},
    {NULL, NULL, NULL, NULL, NULL}};

static PyMethodDef methods[] = {
    {"suggest_float", CORE_FUNCTION(suggest_float), METH_FASTCALL | METH_KEYWORDS,
     "suggest_float($self, name, low, high, *, step=None, log=False)\n--\n\n"
     "A float between low and high, both included; on a grid of `step`, or uniform in the logarithm."},
    {"suggest_int", CORE_FUNCTION(suggest_int), METH_FASTCALL | METH_KEYWORDS,
     "suggest_int($self, name, low, high, *, step=1, log=False)\n--\n\nAn int from low to high, both "
     "included."},
    {"suggest_categorical", CORE_FUNCTION(suggest_categorical), METH_VARARGS | METH_KEYWORDS,
     "suggest_categorical($self, name, choices)\n--\n\nOne of the choices: str, numbers, bool or None."},
    {"_report", CORE_FUNCTION(trial_report), METH_VARARGS, NULL},
    {"_renew", CORE_FUNCTION(trial_renew), METH_NOARGS, NULL},
    {"_tell", CORE_FUNCTION(trial_tell), METH_VARARGS, NULL},
    {"_forget", CORE_FUNCTION(trial_forget), METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL}};

int core_add_trial(PyObject *module)
{
    PyType_Slot slots[] = {{Py_tp_dealloc, trial_dealloc},
                           {Py_tp_traverse, trial_traverse},
                           {Py_tp_clear, trial_clear},
                           {Py_tp_methods, methods},
                           {Py_tp_getset, attributes},
                           {Py_tp_doc, "A trial in hand."},
                           {0, NULL}};
    PyType_Spec spec = {"hpo._core.Trial", sizeof(trial_object), 0,
                        Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC |
                            Py_TPFLAGS_DISALLOW_INSTANTIATION,
                        slots};
    core.trial_type = core_add_type(module, &spec);
    return core.trial_type != NULL ? 0 : -1;
}
