# SPDX-License-Identifier: Apache-2.0
"""Exceptions.  The text of each is one line that names the thing, its value and the remedy."""

from . import _core


class HpoError(Exception):
    """Base class of the exceptions of this package."""


OptunaError = HpoError  # the name that programs written for Optuna catch


class TrialPruned(HpoError):
    """Raise it in an objective to end the trial early: its last report counts."""


class DuplicatedStudyError(HpoError):
    """A study of this name exists: use load_if_exists=True, or another name."""


class StorageInternalError(HpoError):
    """The storage failed: disk full, damaged, locked for too long."""


class StudyExhausted(HpoError):
    """ask() found nothing to hand out: the study is over, or waits for running trials."""


class UpdateFinishedTrialError(HpoError, RuntimeError):
    """The trial has ended, or belongs to another worker by now."""


class UnsupportedError(HpoError, NotImplementedError):
    """The chosen sampler, scheduler or storage cannot do this; the text says what to choose instead."""


class OutdatedError(HpoError):
    """The study's space has grown since the handle was opened (handled inside the package)."""


class NotFoundError(HpoError, KeyError):
    """There is no study, trial, sampler ... of this name."""

    def __str__(self):
        return str(self.args[0]) if self.args else ""


class InvalidError(HpoError, ValueError):
    """An argument is wrong."""


class ExperimentalWarning(Warning):
    """For programs that filter it; this package does not emit it."""


_core.set_errors(
    {
        _core.EINVAL: InvalidError,
        _core.ENOTFOUND: NotFoundError,
        _core.ESTATE: UpdateFinishedTrialError,
        _core.EUNSUPPORTED: UnsupportedError,
        _core.EIO: StorageInternalError,
        _core.ECORRUPT: StorageInternalError,
        _core.ENUMERIC: HpoError,
        _core.EUSER: HpoError,
        _core.ESTALE: UpdateFinishedTrialError,
        _core.EEXIST: DuplicatedStudyError,
        _core.EBUSY: StorageInternalError,
        _core.EOUTDATED: OutdatedError,
    }
)
