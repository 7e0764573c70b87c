/* SPDX-License-Identifier: Apache-2.0 */
/* module.c - the module _core: errors, numbers in and out, what is built in. */
#include <math.h>
#include <string.h>

#include "core.h"

core_globals core;

PyObject *core_raise(hpo_status status, const hpo_error *err)
{
    const char *text = err != NULL && err->msg[0] != '\0' ? err->msg : hpo_status_text(status);
    if (PyErr_Occurred()) return NULL; /* the first one counts */
    if (status == HPO_ENOMEM) return PyErr_NoMemory();
    PyObject *key = PyLong_FromLong(status);
    PyObject *class = key == NULL || core.errors == NULL ? NULL : PyDict_GetItemWithError(core.errors, key);
    Py_XDECREF(key);
    PyErr_SetString(class != NULL ? class : PyExc_RuntimeError, text);
    return NULL;
}

PyTypeObject *core_add_type(PyObject *module, PyType_Spec *spec)
{
    PyObject *type = PyType_FromSpec(spec);
    const char *dot = strrchr(spec->name, '.');
    if (type == NULL) return NULL;
    Py_INCREF(type);
    if (PyModule_AddObject(module, dot != NULL ? dot + 1 : spec->name, type) < 0) {
        Py_DECREF(type);
        Py_DECREF(type);
        return NULL;
    }
    return (PyTypeObject *)type;
}

int core_read_numbers(PyObject *from, double *to, size_t n, const char *what)
{
    if (n == 1 && (PyFloat_Check(from) || PyLong_Check(from))) {
        to[0] = PyFloat_AsDouble(from);
        return !(to[0] == -1 && PyErr_Occurred());
    }
    PyObject *list = PySequence_List(from);
    if (list == NULL) return 0;
    Py_ssize_t got = PyList_Size(list);
    int ok = (size_t)got == n;
    if (!ok) PyErr_Format(PyExc_ValueError, "%s: %zd numbers were given, %zu are needed", what, got, n);
    for (Py_ssize_t i = 0; ok && i < got; i++) {
        to[i] = PyFloat_AsDouble(PyList_GetItem(list, i));
        ok = !(to[i] == -1 && PyErr_Occurred());
    }
    Py_DECREF(list);
    return ok;
}

PyObject *core_numbers(const double *v, size_t n)
{
    if (v == NULL) Py_RETURN_NONE;
    PyObject *tuple = PyTuple_New((Py_ssize_t)n);
    for (size_t i = 0; tuple != NULL && i < n; i++) {
        PyObject *one = PyFloat_FromDouble(v[i]);
        if (one == NULL || PyTuple_SetItem(tuple, (Py_ssize_t)i, one) < 0) {
            Py_DECREF(tuple);
            return NULL;
        }
    }
    return tuple;
}

PyObject *core_text(const char *text)
{
    if (text == NULL) Py_RETURN_NONE;
    return PyUnicode_DecodeUTF8(text, (Py_ssize_t)strlen(text), "replace");
}

/* ---- functions ------------------------------------------------------------------------------------- */

static PyObject *set_errors(PyObject *module, PyObject *errors)
{
    (void)module;
    if (!PyDict_Check(errors)) return PyErr_Format(PyExc_TypeError, "a dict of exception classes is needed");
    Py_INCREF(errors);
    CORE_SET(core.errors, errors);
    Py_RETURN_NONE;
}

static PyObject *registry(PyObject *module, PyObject *which)
{
    (void)module;
    long kind = PyLong_AsLong(which);
    if (kind == -1 && PyErr_Occurred()) return NULL;
    PyObject *list = PyList_New(0);
    for (size_t i = 0; list != NULL; i++) {
        hpo_error err = {0};
        char *text = NULL;
        const char *name = hpo_registry_name((hpo_registry)kind, i);
        if (name == NULL) break;
        hpo_status status = hpo_registry_describe((hpo_registry)kind, name, &text, &err);
        PyObject *one = status == HPO_OK ? core_text(text) : core_raise(status, &err);
        hpo_free(text);
        if (one == NULL || PyList_Append(list, one) < 0) {
            Py_XDECREF(one);
            Py_DECREF(list);
            return NULL;
        }
        Py_DECREF(one);
    }
    return list;
}

/* Reads a space and hands it on; the caller frees it. */
static hpo_space *load_space(PyObject *args, const char *format, const char **text,
                             hpo_status (*load)(const char *, hpo_space **, hpo_error *))
{
    hpo_error err = {0};
    hpo_space *space = NULL;
    if (!PyArg_ParseTuple(args, format, text)) return NULL;
    hpo_status status = load(*text, &space, &err);
    if (status != HPO_OK) core_raise(status, &err);
    return space;
}

static PyObject *describe(hpo_space *space)
{
    hpo_error err = {0};
    char *json = NULL;
    if (space == NULL) return NULL;
    hpo_status status = hpo_space_to_json(space, &json, &err);
    PyObject *text = status == HPO_OK ? core_text(json) : core_raise(status, &err);
    hpo_free(json);
    hpo_space_free(space);
    return text;
}

static PyObject *parse_space(PyObject *module, PyObject *args)
{
    const char *text;
    (void)module;
    return describe(load_space(args, "s", &text, hpo_space_parse));
}

static PyObject *check_space(PyObject *module, PyObject *args)
{
    const char *text;
    (void)module;
    return describe(load_space(args, "s", &text, hpo_space_load));
}

static PyObject *lint_space(PyObject *module, PyObject *args)
{
    const char *text;
    hpo_error err = {0};
    char *advice = NULL;
    (void)module;
    hpo_space *space = load_space(args, "s", &text, hpo_space_load);
    if (space == NULL) return NULL;
    hpo_status status = hpo_space_lint(space, &advice, &err);
    PyObject *out = status == HPO_OK ? core_text(advice) : core_raise(status, &err);
    hpo_free(advice);
    hpo_space_free(space);
    return out;
}

/* sample_space(json, seed, n) -> list of JSON objects */
static PyObject *sample_space(PyObject *module, PyObject *args)
{
    const char *text;
    unsigned long long seed;
    Py_ssize_t n;
    hpo_error err = {0};
    hpo_space *space = NULL;
    double *x = NULL;
    (void)module;
    if (!PyArg_ParseTuple(args, "sKn", &text, &seed, &n)) return NULL;
    hpo_status status = hpo_space_load(text, &space, &err);
    if (status == HPO_OK) status = hpo_space_freeze(space, &err);
    size_t width = hpo_space_n_columns(space);
    if (status == HPO_OK && n > 0 && (x = PyMem_Malloc((size_t)n * width * sizeof *x)) == NULL)
        status = HPO_ENOMEM;
    if (status == HPO_OK && n > 0) status = hpo_space_sample(space, seed, (size_t)n, x, &err);
    PyObject *list = status == HPO_OK ? PyList_New(0) : core_raise(status, &err);
    for (Py_ssize_t i = 0; list != NULL && i < n; i++) {
        char *json = NULL;
        status = hpo_space_config_to_json(space, x + (size_t)i * width, &json, &err);
        PyObject *one = status == HPO_OK ? core_text(json) : core_raise(status, &err);
        hpo_free(json);
        if (one == NULL || PyList_Append(list, one) < 0) Py_CLEAR(list);
        Py_XDECREF(one);
    }
    PyMem_Free(x);
    hpo_space_free(space);
    return list;
}

static PyMethodDef functions[] = {
    {"set_errors", set_errors, METH_O, "set_errors(classes)\n--\n\nWhich exception a status raises."},
    {"registry", registry, METH_O, "registry(kind)\n--\n\nWhat is built in, one JSON text each."},
    {"parse_space", parse_space, METH_VARARGS,
     "parse_space(text)\n--\n\nJSON of a space in the inline grammar."},
    {"check_space", check_space, METH_VARARGS,
     "check_space(json)\n--\n\nThe space as the library writes it."},
    {"lint_space", lint_space, METH_VARARGS, "lint_space(json)\n--\n\nAdvice, one finding a line."},
    {"sample_space", sample_space, METH_VARARGS, "sample_space(json, seed, n)\n--\n\nDraws from the prior."},
    {NULL, NULL, 0, NULL}};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, "hpo._core", "libhpo for Python", -1, functions, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__core(void); /* what import looks for */
PyMODINIT_FUNC PyInit__core(void)
{
    PyObject *module = PyModule_Create(&definition);
    if (module == NULL) return NULL;
    core.text_suggest = PyUnicode_InternFromString("_suggest");
    core.text_finish = PyUnicode_InternFromString("_finish");
    int ok = core.text_suggest != NULL && core.text_finish != NULL && core_add_storage(module) == 0 &&
             core_add_study(module) == 0 && core_add_trial(module) == 0;
    ok = ok && PyModule_AddStringConstant(module, "version", hpo_version()) == 0;
#define ADD(name, value, text) ok = ok && PyModule_AddIntConstant(module, #name, value) == 0;
    HPO_STATUS_LIST(ADD)
#undef ADD
    if (ok) {
        PyObject *states = PyList_New(0);
        for (int i = 0; states != NULL && i < HPO_N_STATES; i++) {
            PyObject *one = core_text(hpo_state_name((hpo_state)i));
            if (one == NULL || PyList_Append(states, one) < 0) Py_CLEAR(states);
            Py_XDECREF(one);
        }
        ok = states != NULL && PyModule_AddObject(module, "states", states) == 0;
    }
    PyObject *loop = ok ? PyCFunction_New(&core_loop_method, NULL) : NULL;
    ok = loop != NULL && PyModule_AddObject(module, core_loop_method.ml_name, loop) == 0;
    if (!ok) {
        Py_DECREF(module);
        return NULL;
    }
    return module;
}
