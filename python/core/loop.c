/* SPDX-License-Identifier: Apache-2.0 */
/* loop.c - ask, call, tell, for an objective that returns a number.
 *
 * The object of a trial is used again when nobody kept it.  Whatever is not plain (an exception, no number, a
 * parameter seen for the first time ...) goes to Study._finish of hpo/study.  The loop returns to its
 * caller when something other than the next trial is due: 0 the wanted number of trials is done, 1 the study
 * is over, 2 nothing to hand out now, 3 stopped or out of time, 4 the study needs or has another handle. */
#include <math.h>
#include <time.h>

#include "core.h"

static double now(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* 1: told; 0: it is for Python to do; -1: an exception. */
static int tell_plain(trial_object *t, PyObject *result, hpo_error *err)
{
    hpo_status status;
    if (result == NULL || !PyFloat_Check(result) || t->h->n_objectives != 1 || t->h->n_outcomes > 0 ||
        t->t == NULL || t->h->careful || !core_is_plain(t) || t->decision != HPO_CONTINUE)
        return 0;
    double value = PyFloat_AsDouble(result);
    if (isnan(value)) return 0;
    CORE_CALL(t->h, status = hpo_study_tell_value(t->h->s, t->t, value, err));
    if (status == HPO_EOUTDATED) return 0;
    if (status != HPO_OK) {
        core_raise(status, err);
        return -1;
    }
    core_release(t);
    return 1;
}

/* Study._finish(trial, result, exception); 0: it raised. */
static int finish(PyObject *study, trial_object *t, PyObject *result)
{
    PyObject *type = NULL, *value = NULL, *trace = NULL;
    if (result == NULL) {
        PyErr_Fetch(&type, &value, &trace);
        PyErr_NormalizeException(&type, &value, &trace);
        if (trace != NULL) PyException_SetTraceback(value, trace);
    }
    PyObject *done =
        PyObject_CallMethodObjArgs(study, core.text_finish, (PyObject *)t, result != NULL ? result : Py_None,
                                   value != NULL ? value : Py_None, NULL);
    Py_XDECREF(type);
    Py_XDECREF(value);
    Py_XDECREF(trace);
    Py_XDECREF(done);
    return done != NULL;
}

static hpo_status ask(study_object *h, hpo_trial **out, hpo_error *err)
{
    hpo_status status;
    const hpo_ask_options options = {.size = sizeof options,
                                     .worker = h->worker != NULL ? PyBytes_AsString(h->worker) : NULL,
                                     .lease = h->lease};
    CORE_CALL(h, status = hpo_study_ask_as(h->s, &options, out, err));
    return status;
}

/* Is the handle still the study's? */
static int is_current(PyObject *study, study_object *h)
{
    PyObject *now_held = PyObject_GetAttrString(study, "_h");
    int same = now_held == (PyObject *)h;
    Py_XDECREF(now_held);
    return now_held == NULL ? -1 : same;
}

/* run(study, handle, trial type, objective, how many or -1, deadline or 0) -> (done, why) */
static PyObject *run(PyObject *module, PyObject *args)
{
    PyObject *study, *objective, *type;
    study_object *h;
    long long wanted, done = 0;
    double deadline;
    int why = 0;
    trial_object *t = NULL;
    hpo_error err = {0};   /* cleared once: it is half a kilobyte */
    PyObject *kept = NULL; /* the attributes of t: empty, or t is not used again */
    (void)module;
    if (!PyArg_ParseTuple(args, "OO!OOLd", &study, core.study_type, &h, &type, &objective, &wanted,
                          &deadline))
        return NULL;
    while (wanted < 0 || done < wanted) {
        hpo_trial *held = NULL;
        if (h->stop || (deadline > 0 && now() >= deadline)) {
            why = 3;
            break;
        }
        hpo_status status = ask(h, &held, &err);
        if (status == HPO_DONE || status == HPO_WAIT) {
            why = status == HPO_DONE ? 1 : 2;
            break;
        }
        if (status == HPO_EOUTDATED) {
            why = 4;
            break;
        }
        if (status != HPO_OK) {
            core_raise(status, &err);
            goto failed;
        }
        if (t != NULL && (Py_REFCNT(t) > 1 || t->odd || PyDict_Size(kept) > 0)) Py_CLEAR(t);
        if (t == NULL) {
            Py_CLEAR(kept);
            t = core_new_trial(h, study, (PyTypeObject *)type);
            if (t != NULL) kept = PyObject_GenericGetDict((PyObject *)t, NULL);
            if (kept == NULL) {
                hpo_trial_free(held);
                goto failed;
            }
        }
        (void)core_hold(t, held);
        PyObject *result = PyObject_CallFunctionObjArgs(objective, (PyObject *)t, NULL);
        int told = tell_plain(t, result, &err), ok = told == 1 || (told == 0 && finish(study, t, result));
        Py_XDECREF(result);
        if (!ok || PyErr_CheckSignals() < 0) goto failed;
        done++;
        if (told == 1) continue;
        int current = is_current(study, h);
        if (current < 0) goto failed;
        if (!current) {
            why = 4;
            break;
        }
    }
    Py_XDECREF(t);
    Py_XDECREF(kept);
    return Py_BuildValue("Li", done, why);
failed:
    Py_XDECREF(t);
    Py_XDECREF(kept);
    return NULL;
}

PyMethodDef core_loop_method = {"run", run, METH_VARARGS,
                                "run(study, handle, trial_type, objective, wanted, deadline)\n--\n\n"
                                "Evaluates trials until something else is due: (how many, why it returned)."};
