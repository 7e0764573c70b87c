/* SPDX-License-Identifier: Apache-2.0 */
/* study_table.c - Study: all trials as columns, for tables and pictures.
 *
 * A row of Python objects a trial costs microseconds; a column is one object.  Numbers come as bytes in the
 * machine's order: numpy.frombuffer or memoryview.cast reads them in place. */
#include <math.h>
#include <string.h>

#include "study.h"

enum { N_MOMENTS = 3 }; /* created, started, ended */

/* What becomes of the trials: a column a line, written row by row. */
typedef struct table {
    size_t n, n_x, n_y, n_c;
    PyObject *state, *counts[N_MOMENTS + 2]; /* moments, reports, parent */
    PyObject *cost, *last_step;
    PyObject *x, *values, *sems, *outcomes; /* lists of columns */
    double **at;                            /* n_x + 2 n_y + n_c columns */
    PyObject *attributes, *reason, *worker; /* lists, or NULL while all are missing */
} table;

static PyObject *column(size_t n, size_t width)
{
    return PyBytes_FromStringAndSize(NULL, (Py_ssize_t)(n * width));
}

/* A list of n_columns columns; where they begin goes to `at`. */
static PyObject *columns(size_t n_columns, size_t n, double **at)
{
    PyObject *list = PyList_New((Py_ssize_t)n_columns);
    for (size_t i = 0; list != NULL && i < n_columns; i++) {
        PyObject *one = column(n, sizeof(double));
        if (one == NULL) {
            Py_CLEAR(list);
            break;
        }
        at[i] = (double *)(void *)PyBytes_AsString(one);
        PyList_SetItem(list, (Py_ssize_t)i, one);
    }
    return list;
}

static int start(table *t)
{
    t->at = PyMem_Calloc(t->n_x + 2 * t->n_y + t->n_c + 1, sizeof *t->at);
    if (t->at == NULL) return PyErr_NoMemory() != NULL;
    t->state = column(t->n, 1);
    t->cost = column(t->n, sizeof(double));
    t->last_step = column(t->n, sizeof(double));
    int ok = t->state != NULL && t->cost != NULL && t->last_step != NULL;
    for (size_t i = 0; ok && i < N_MOMENTS + 2; i++)
        ok = (t->counts[i] = column(t->n, sizeof(int64_t))) != NULL;
    return ok && (t->x = columns(t->n_x, t->n, t->at)) != NULL &&
           (t->values = columns(t->n_y, t->n, t->at + t->n_x)) != NULL &&
           (t->sems = columns(t->n_y, t->n, t->at + t->n_x + t->n_y)) != NULL &&
           (t->outcomes = columns(t->n_c, t->n, t->at + t->n_x + 2 * t->n_y)) != NULL;
}

static void finish(table *t)
{
    Py_XDECREF(t->state);
    Py_XDECREF(t->cost);
    Py_XDECREF(t->last_step);
    for (size_t i = 0; i < N_MOMENTS + 2; i++)
        Py_XDECREF(t->counts[i]);
    Py_XDECREF(t->x);
    Py_XDECREF(t->values);
    Py_XDECREF(t->sems);
    Py_XDECREF(t->outcomes);
    Py_XDECREF(t->attributes);
    Py_XDECREF(t->reason);
    Py_XDECREF(t->worker);
    PyMem_Free(t->at);
}

static void put(double **at, size_t n, const double *v, size_t row)
{
    for (size_t i = 0; i < n; i++)
        at[i][row] = v != NULL ? v[i] : (double)NAN;
}

static void put_count(PyObject *column, size_t row, int64_t v)
{
    memcpy(PyBytes_AsString(column) + row * sizeof v, &v, sizeof v);
}

static void put_number(PyObject *column, size_t row, double v)
{
    memcpy(PyBytes_AsString(column) + row * sizeof v, &v, sizeof v);
}

/* The list begins with the first text. */
static int put_text(PyObject **list, size_t n, size_t row, const char *text)
{
    if (text == NULL) return 1;
    if (*list == NULL) {
        *list = PyList_New((Py_ssize_t)n);
        for (size_t i = 0; *list != NULL && i < n; i++) {
            Py_INCREF(Py_None);
            PyList_SetItem(*list, (Py_ssize_t)i, Py_None);
        }
    }
    PyObject *one = *list != NULL ? core_text(text) : NULL;
    return one != NULL && PyList_SetItem(*list, (Py_ssize_t)row, one) == 0;
}

static int put_trial(table *t, size_t row, const hpo_trial_info *info)
{
    const int64_t counts[N_MOMENTS + 2] = {info->created_ms, info->started_ms, info->ended_ms,
                                           info->n_reports, info->parent};
    double **at = t->at;
    PyBytes_AsString(t->state)[row] = (char)info->state;
    for (size_t i = 0; i < N_MOMENTS + 2; i++)
        put_count(t->counts[i], row, counts[i]);
    put_number(t->cost, row, info->cost);
    put_number(t->last_step, row, info->last_step);
    put(at, t->n_x, info->x, row);
    put(at += t->n_x, t->n_y, info->values, row);
    put(at += t->n_y, t->n_y, info->sems, row);
    put(at + t->n_y, t->n_c, info->outcomes, row);
    return put_text(&t->attributes, t->n, row, info->attributes) &&
           put_text(&t->reason, t->n, row, info->reason) && put_text(&t->worker, t->n, row, info->worker);
}

static PyObject *or_none(PyObject *one)
{
    return one != NULL ? one : Py_None;
}

/* table(first, end) -> {"state": int8, "created", "started", "ended" (ms), "reports", "parent": int64,
 * "cost", "last_step": double, "x", "values", "sems", "outcomes": lists of columns of doubles, "attributes",
 * "reason", "worker": lists of texts, or None where no trial has one}; a sync comes first. */
PyObject *core_study_table(study_object *h, PyObject *args)
{
    long long first, end;
    hpo_error err = {0};
    hpo_status status;
    if (!PyArg_ParseTuple(args, "LL", &first, &end)) return NULL;
    if (first < 0 || end < first)
        return PyErr_Format(PyExc_ValueError, "trials %lld to %lld: no such range", first, end);
    CORE_CALL(h, status = hpo_study_sync(h->s, NULL, &err));
    if (status != HPO_OK) return core_raise(status, &err);
    table t = {.n = (size_t)(end - first), .n_x = h->n_columns, .n_y = h->n_objectives, .n_c = h->n_outcomes};
    int ok = start(&t);
    for (size_t i = 0; ok && i < t.n; i++) {
        hpo_trial_info info = {.size = sizeof info};
        status = hpo_study_trial(h->s, first + (int64_t)i, &info, &err);
        if (status != HPO_OK)
            ok = core_raise(status, &err) != NULL;
        else
            ok = put_trial(&t, i, &info);
    }
    PyObject *out = NULL;
    if (ok)
        out = Py_BuildValue("{s:O,s:O,s:O,s:O,s:O,s:O,s:O,s:O,s:O,s:O,s:O,s:O,s:O,s:O,s:O}", "state", t.state,
                            "created", t.counts[0], "started", t.counts[1], "ended", t.counts[2], "reports",
                            t.counts[3], "parent", t.counts[4], "cost", t.cost, "last_step", t.last_step, "x",
                            t.x, "values", t.values, "sems", t.sems, "outcomes", t.outcomes, "attributes",
                            or_none(t.attributes), "reason", or_none(t.reason), "worker", or_none(t.worker));
    finish(&t);
    return out;
}
