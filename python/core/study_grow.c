/* SPDX-License-Identifier: Apache-2.0 */
/* study_grow.c - Study: spaces that grow, and configurations as columns. */
#include "study.h"

PyObject *core_study_grow(study_object *h, PyObject *args)
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
PyObject *core_study_first_draw(study_object *h, PyObject *args)
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

/* set_config(number, token, x, used) */
PyObject *core_study_set_config(study_object *h, PyObject *args)
{
    long long number;
    unsigned long long token;
    PyObject *values, *own;
    hpo_error err = {0};
    hpo_status status;
    if (!PyArg_ParseTuple(args, "LKO!O!", &number, &token, &PyTuple_Type, &values, &PyTuple_Type, &own))
        return NULL;
    double *x = PyMem_Calloc(2 * h->n_columns + 1, sizeof *x), *used = x + h->n_columns;
    if (x == NULL) return PyErr_NoMemory();
    if (!core_read_numbers(values, x, h->n_columns, "configuration") ||
        !core_read_numbers(own, used, h->n_columns, "values used")) {
        PyMem_Free(x);
        return NULL;
    }
    CORE_CALL(h, status = hpo_study_set_config(h->s, number, token, x, used, &err));
    PyMem_Free(x);
    return DONE(status, err);
}

/* settle(number, x) -> what becomes of it */
PyObject *core_study_settle(study_object *h, PyObject *args)
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
PyObject *core_study_columns(study_object *h, PyObject *args)
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
PyObject *core_study_config(study_object *h, PyObject *args)
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
