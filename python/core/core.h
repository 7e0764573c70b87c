/* SPDX-License-Identifier: Apache-2.0 */
/* core.h - the Python binding: three types over hpo.h (Storage, Study, Trial) and one loop.
 *
 * Thin on purpose.  What must be quick is here: suggest, ask, tell, report, rows of trials.  Everything else is Python
 * (python/hpo).  A Study here is one handle of the library: its space never changes; the Study of hpo/study opens
 * another one when the space has grown.
 *
 * Calls that may wait (files, samplers that read the history, locks) release the GIL; asks and tells of a study in
 * memory with a sampler that learns nothing take less than a microsecond and keep it.  No callback into Python ever
 * runs inside the library, so nobody holds a lock of the library while waiting for the GIL. */
#ifndef HPO_PYTHON_CORE_H
#define HPO_PYTHON_CORE_H
#ifndef PY_SSIZE_T_CLEAN
#define PY_SSIZE_T_CLEAN
#endif
#include <Python.h>

#include "hpo.h"

/* One a process, filled at import. */
typedef struct core_globals {
    PyObject *errors; /* dict: hpo_status -> exception class; filled by hpo/exceptions.py */
    PyTypeObject *storage_type, *study_type, *trial_type;
    PyObject *text_suggest, *text_finish; /* interned method names */
} core_globals;
extern core_globals core;

typedef struct storage_object {
    PyObject_HEAD
    hpo_storage *st; /* NULL: closed */
} storage_object;

/* What suggest compares with, one a parameter. */
typedef struct param_slot {
    PyObject *name;
    int kind, scale;
    double low, high, step;
    size_t column;
    PyObject *choices; /* tuple of a categorical's values, or NULL */
} param_slot;

typedef struct study_object {
    PyObject_HEAD
    hpo_study *s;
    storage_object *storage;
    PyObject *worker; /* bytes: who asks */
    PyObject *index;  /* dict: name -> position */
    param_slot *params;
    size_t n_params, n_columns, n_objectives, n_outcomes;
    double lease; /* seconds; 0: the study's */
    int blocks;   /* calls release the GIL */
    int open;     /* the space is learned */
    int careful;  /* every result goes through Python */
    int chosen;   /* a sampler written in Python chooses the values */
    int stop;     /* the loop ends after this trial */
} study_object;

typedef struct trial_object {
    PyObject_HEAD
    hpo_trial *t; /* NULL: told */
    study_object *h;
    PyObject *study; /* of hpo/study */
    const double *x; /* borrowed from t */
    int64_t number;
    int decision;     /* the scheduler's last */
    int queued;       /* its values are not those of the library's sampler: Python knows them */
    int odd;          /* something happened that the library's record does not show yet */
    size_t next;      /* the parameter that is probably asked for next */
    size_t n_asked, n_active;
    unsigned char *asked; /* n_params flags */
    size_t cap_asked;
    double *values; /* n_objectives, scratch */
} trial_object;

/* module.c */
/* Raises the exception of a failed call; returns NULL. */
PyObject *core_raise(hpo_status status, const hpo_error *err);
/* Adds a type; 0 on failure. */
PyTypeObject *core_add_type(PyObject *module, PyType_Spec *spec);
/* Reads numbers from a float, an int or a sequence of them; 0 with an exception when it is not n of them. */
int core_read_numbers(PyObject *from, double *to, size_t n, const char *what);
PyObject *core_numbers(const double *v, size_t n); /* tuple; NULL: None */
PyObject *core_text(const char *text);             /* NULL: None */

/* objects.c, study.c, trial.c: add their types to the module; -1 on failure */
int core_add_storage(PyObject *module);
int core_add_study(PyObject *module);
int core_add_trial(PyObject *module);

/* trial.c */
trial_object *core_new_trial(study_object *h, PyObject *study, PyTypeObject *type);
/* Takes the library's trial into an object, and lets go of it. */
int core_hold(trial_object *t, hpo_trial *held);
void core_release(trial_object *t);
/* Everything that was used is what the library proposed. */
int core_is_plain(const trial_object *t);

/* loop.c */
extern PyMethodDef core_loop_method;

/* Calls of the library around which the GIL is released where that is worth its price. */
#define CORE_CALL(h, call)                                                                                   \
    do {                                                                                                     \
        if ((h)->blocks) {                                                                                   \
            PyThreadState *saved_ = PyEval_SaveThread();                                                     \
            call;                                                                                            \
            PyEval_RestoreThread(saved_);                                                                    \
        } else {                                                                                             \
            call;                                                                                            \
        }                                                                                                    \
    } while (0)
/* Puts `fresh`, a new reference, in the place of what stands there. */
#define CORE_SET(place, fresh)                                                                               \
    do {                                                                                                     \
        PyObject *old_ = (place);                                                                            \
        (place) = (fresh);                                                                                   \
        Py_XDECREF(old_);                                                                                    \
    } while (0)
#define CORE_FUNCTION(f) ((PyCFunction)(void (*)(void))(f))
#endif
