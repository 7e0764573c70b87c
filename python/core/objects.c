/* SPDX-License-Identifier: Apache-2.0 */
/* objects.c - Storage: where studies are kept. */
#include "core.h"

static PyObject *storage_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    const char *url;
    hpo_error err = {0};
    hpo_status status;
    hpo_storage *st = NULL;
    static char *names[] = {"url", NULL};
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "s", names, &url)) return NULL;
    Py_BEGIN_ALLOW_THREADS status = hpo_storage_open(url, &st, &err);
    Py_END_ALLOW_THREADS if (status != HPO_OK) return core_raise(status, &err);
    storage_object *self = (storage_object *)((allocfunc)PyType_GetSlot(type, Py_tp_alloc))(type, 0);
    if (self == NULL) {
        hpo_storage_free(st);
        return NULL;
    }
    self->st = st;
    return (PyObject *)self;
}

static void storage_dealloc(storage_object *self)
{
    PyTypeObject *type = Py_TYPE(self);
    hpo_storage *st = self->st;
    Py_BEGIN_ALLOW_THREADS hpo_storage_free(st);
    Py_END_ALLOW_THREADS((freefunc)PyType_GetSlot(type, Py_tp_free))(self);
    Py_DECREF(type);
}

static PyObject *storage_info(storage_object *self, PyObject *unused)
{
    hpo_error err = {0};
    char *text = NULL;
    hpo_status status;
    (void)unused;
    Py_BEGIN_ALLOW_THREADS status = hpo_storage_info(self->st, &text, &err);
    Py_END_ALLOW_THREADS PyObject *out = status == HPO_OK ? core_text(text) : core_raise(status, &err);
    hpo_free(text);
    return out;
}

static PyObject *storage_delete_study(storage_object *self, PyObject *args)
{
    const char *name;
    hpo_error err = {0};
    hpo_status status;
    if (!PyArg_ParseTuple(args, "s", &name)) return NULL;
    Py_BEGIN_ALLOW_THREADS status = hpo_storage_delete_study(self->st, name, &err);
    Py_END_ALLOW_THREADS if (status != HPO_OK) return core_raise(status, &err);
    Py_RETURN_NONE;
}

static PyObject *storage_backup(storage_object *self, PyObject *args)
{
    const char *path;
    hpo_error err = {0};
    hpo_status status;
    if (!PyArg_ParseTuple(args, "s", &path)) return NULL;
    Py_BEGIN_ALLOW_THREADS status = hpo_storage_backup(self->st, path, &err);
    Py_END_ALLOW_THREADS if (status != HPO_OK) return core_raise(status, &err);
    Py_RETURN_NONE;
}

/* After a fork the connection belongs to the parent: the child forgets it without closing anything. */
static PyObject *storage_forget(storage_object *self, PyObject *unused)
{
    (void)unused;
    self->st = NULL;
    Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
    {"info", CORE_FUNCTION(storage_info), METH_NOARGS,
     "info($self)\n--\n\nOne JSON object: path, studies ..."},
    {"delete_study", CORE_FUNCTION(storage_delete_study), METH_VARARGS,
     "delete_study($self, name, /)\n--\n\nRemoves a study and all its trials."},
    {"backup", CORE_FUNCTION(storage_backup), METH_VARARGS,
     "backup($self, path, /)\n--\n\nA consistent copy while others write."},
    {"forget", CORE_FUNCTION(storage_forget), METH_NOARGS,
     "forget($self)\n--\n\nLets go of the connection without closing it (after a fork)."},
    {NULL, NULL, 0, NULL}};

int core_add_storage(PyObject *module)
{
    PyType_Slot slots[] = {{Py_tp_new, storage_new},
                           {Py_tp_dealloc, storage_dealloc},
                           {Py_tp_methods, methods},
                           {Py_tp_doc, "Storage(url)\n--\n\nA place for studies: 'mem:' or a file."},
                           {0, NULL}};
    PyType_Spec spec = {"hpo._core.Storage", sizeof(storage_object), 0, Py_TPFLAGS_DEFAULT, slots};
    core.storage_type = core_add_type(module, &spec);
    return core.storage_type != NULL ? 0 : -1;
}
