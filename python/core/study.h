/* SPDX-License-Identifier: Apache-2.0 */
/* study.h - the methods of Study that stand outside study.c.  What each takes and returns is said where it is. */
#ifndef HPO_PYTHON_STUDY_H
#define HPO_PYTHON_STUDY_H
#include "core.h"

/* study_look.c: what the library shows */
PyObject *core_study_summary(study_object *h, PyObject *unused);
PyObject *core_study_space(study_object *h, PyObject *unused);
PyObject *core_study_layout(study_object *h, PyObject *unused);
PyObject *core_study_rows(study_object *h, PyObject *args);
PyObject *core_study_row(study_object *h, PyObject *args);
PyObject *core_study_reports(study_object *h, PyObject *args);
PyObject *core_study_best(study_object *h, PyObject *unused);
PyObject *core_study_explain(study_object *h, PyObject *args);
PyObject *core_study_rungs(study_object *h, PyObject *unused);
PyObject *core_study_recommend(study_object *h, PyObject *unused);

/* study_table.c: all trials as columns */
PyObject *core_study_table(study_object *h, PyObject *args);

/* study_grow.c: spaces that grow, configurations as columns */
PyObject *core_study_grow(study_object *h, PyObject *args);
PyObject *core_study_first_draw(study_object *h, PyObject *args);
PyObject *core_study_set_config(study_object *h, PyObject *args);
PyObject *core_study_settle(study_object *h, PyObject *args);
PyObject *core_study_columns(study_object *h, PyObject *args);
PyObject *core_study_config(study_object *h, PyObject *args);

/* study_change.c: the queue, attributes and options, past trials */
PyObject *core_study_enqueue(study_object *h, PyObject *args);
PyObject *core_study_repeat(study_object *h, PyObject *args);
PyObject *core_study_requeue(study_object *h, PyObject *args);
PyObject *core_study_request_stop(study_object *h, PyObject *args);
PyObject *core_study_set_attr(study_object *h, PyObject *args);
PyObject *core_study_set_text(study_object *h, PyObject *args);
PyObject *core_study_set_budget(study_object *h, PyObject *args);
PyObject *core_study_end(study_object *h, PyObject *args);
PyObject *core_study_pause(study_object *h, PyObject *unused);
PyObject *core_study_resume(study_object *h, PyObject *unused);
PyObject *core_study_add(study_object *h, PyObject *args);

/* None, or the exception of a call that has only a status. */
#define DONE(status, err) ((status) == HPO_OK ? (Py_INCREF(Py_None), Py_None) : core_raise((status), &(err)))
#endif
