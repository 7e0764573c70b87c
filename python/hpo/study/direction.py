# SPDX-License-Identifier: Apache-2.0
"""Which way is better."""

import enum


class StudyDirection(enum.IntEnum):
    """Which way is better."""

    NOT_SET = 0
    MINIMIZE = 1
    MAXIMIZE = 2


def direction_of(one):
    if isinstance(one, str) and one.lower() in ("minimize", "maximize"):
        return StudyDirection.MINIMIZE if one.lower() == "minimize" else StudyDirection.MAXIMIZE
    if isinstance(one, StudyDirection) and one != StudyDirection.NOT_SET:
        return one
    raise ValueError(f"direction is {one!r}: use 'minimize' or 'maximize'")
