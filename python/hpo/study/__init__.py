# SPDX-License-Identifier: Apache-2.0
"""Studies: ask, tell, optimise, and looking at what came out.

The class Study is one stack of parts, each a file that builds on the one before: handles (how it reaches the library),
about, results, asking, growth (define-by-run), telling, optimizing, queue.
"""

from .create import (
    StudySummary,
    copy_study,
    create_study,
    delete_study,
    get_all_study_names,
    get_all_study_summaries,
    load_study,
)
from .direction import StudyDirection
from .optimizing import MaxTrialsCallback
from .study import Study

__all__ = [
    "MaxTrialsCallback",
    "Study",
    "StudyDirection",
    "StudySummary",
    "copy_study",
    "create_study",
    "delete_study",
    "get_all_study_names",
    "get_all_study_summaries",
    "load_study",
]
