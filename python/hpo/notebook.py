# SPDX-License-Identifier: Apache-2.0
"""What notebooks and terminals show: tables of studies and trials, the progress line."""

import sys
import time
from html import escape


def _table(pairs):
    return "<table>" + "".join(f"<tr><th>{escape(str(a))}</th><td>{escape(str(b))}</td></tr>" for a, b in pairs) + "</table>"


def study_html(study):
    """A table of the study's state and its best trials."""
    s = study._summary()
    counts = {t: n for t, n in zip(_states(), s["counts"]) if n}
    pairs = [
        ("study", study.study_name),
        ("status", study.status),
        ("directions", ", ".join(d.name.lower() for d in study.directions)),
        ("sampler", s["sampler"]),
        ("trials", ", ".join(f"{n} {word}" for word, n in counts.items()) or "none yet"),
    ]
    best = study.best_trials
    for t in best[:5]:
        pairs.append((f"best: trial {t.number}", f"{_values(t)} at {_params(t)}"))
    if len(best) > 5:
        pairs.append(("", f"and {len(best) - 5} more in the Pareto front"))
    return _table(pairs)


def trial_html(trial):
    """A table of one trial."""
    pairs = [("trial", trial.number), ("state", trial.state.name), ("value", _values(trial))]
    pairs += list(trial.params.items())
    pairs += list(trial.constraints.items()) + list(trial.user_attrs.items())
    return _table(pairs)


def _states():
    from . import _core

    return _core.states


def _values(t):
    return ", ".join(f"{v:g}" for v in t.values or ()) or "-"


def _params(t):
    return ", ".join(f"{k}={v:.6g}" if isinstance(v, float) else f"{k}={v}" for k, v in t.params.items())


class Progress:
    """A line on standard error: done, best, time left."""

    def __init__(self, n_trials, timeout):
        self.n_trials, self.timeout = n_trials, timeout
        self.began, self.shown, self.done = time.monotonic(), 0.0, 0

    def step(self, study):
        self.done += 1
        now = time.monotonic()
        if now - self.shown < 0.1 and self.done != self.n_trials:
            return
        self.shown = now
        spent = now - self.began
        share = max(
            self.done / self.n_trials if self.n_trials else 0.0, spent / self.timeout if self.timeout else 0.0
        )
        left = f", {spent * (1 - share) / share:.0f} s left" if 0 < share < 1 else ""
        s = study._summary()
        best = f", best {s['best_value']:g} (trial {s['best']})" if s["best"] >= 0 and len(study.directions) == 1 else ""
        of = f"/{self.n_trials}" if self.n_trials else ""
        sys.stderr.write(f"\r{self.done}{of} trials, {spent:.0f} s{left}{best}\x1b[K")
        sys.stderr.flush()

    def close(self):
        if self.done:
            sys.stderr.write("\n")
