/* SPDX-License-Identifier: Apache-2.0 */
/* study_change.c - Study: the queue, attributes and options, past trials. */
#include <string.h>

#include "study.h"

PyObject *core_study_enqueue(study_object *h, PyObject *args)
{
    const char *json, *attributes = NULL;
    int64_t number = -1;
    hpo_error err = {0};
    hpo_status status;
    if (!PyArg_ParseTuple(args, "z|z", &json, &attributes)) return NULL;
    CORE_CALL(h, status = hpo_study_enqueue_with(h->s, json, attributes, &number, &err));
    return status == HPO_OK ? PyLong_FromLongLong(number) : core_raise(status, &err);
}

PyObject *core_study_repeat(study_object *h, PyObject *args)
{
    long long of;
    int64_t number = -1;
    hpo_error err = {0};
    hpo_status status;
    if (!PyArg_ParseTuple(args, "L", &of)) return NULL;
    CORE_CALL(h, status = hpo_study_repeat(h->s, of, &number, &err));
    return status == HPO_OK ? PyLong_FromLongLong(number) : core_raise(status, &err);
}

PyObject *core_study_requeue(study_object *h, PyObject *args)
{
    long long number;
    hpo_error err = {0};
    hpo_status status;
    if (!PyArg_ParseTuple(args, "L", &number)) return NULL;
    CORE_CALL(h, status = hpo_study_requeue(h->s, number, &err));
    return DONE(status, err);
}

PyObject *core_study_request_stop(study_object *h, PyObject *args)
{
    long long number;
    hpo_error err = {0};
    hpo_status status;
    if (!PyArg_ParseTuple(args, "L", &number)) return NULL;
    CORE_CALL(h, status = hpo_study_request_stop(h->s, number, &err));
    return DONE(status, err);
}

/* set_attr(number or -1, key, json) */
PyObject *core_study_set_attr(study_object *h, PyObject *args)
{
    long long number;
    const char *key, *json;
    hpo_error err = {0};
    hpo_status status;
    if (!PyArg_ParseTuple(args, "Lss", &number, &key, &json)) return NULL;
    CORE_CALL(h, status = hpo_study_set_attr(h->s, number, key, json, &err));
    return DONE(status, err);
}

PyObject *core_study_set_text(study_object *h, PyObject *args)
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
PyObject *core_study_set_budget(study_object *h, PyObject *args)
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
PyObject *core_study_end(study_object *h, PyObject *args)
{
    const char *text = NULL;
    hpo_error err = {0};
    hpo_status status;
    if (!PyArg_ParseTuple(args, "|z", &text)) return NULL;
    CORE_CALL(h, status = hpo_study_stop(h->s, HPO_STOP_REASON_USER, text, &err));
    return DONE(status, err);
}

PyObject *core_study_pause(study_object *h, PyObject *unused)
{
    hpo_error err = {0};
    hpo_status status;
    (void)unused;
    CORE_CALL(h, status = hpo_study_pause(h->s, &err));
    return DONE(status, err);
}

PyObject *core_study_resume(study_object *h, PyObject *unused)
{
    hpo_error err = {0};
    hpo_status status;
    (void)unused;
    CORE_CALL(h, status = hpo_study_resume(h->s, &err));
    return DONE(status, err);
}

/* add(x, state, values, outcomes, sems, started_ms, ended_ms, [(step, values)], attributes, reason, cost) ->
 * number */
PyObject *core_study_add(study_object *h, PyObject *args)
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
