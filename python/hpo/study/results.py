# SPDX-License-Identifier: Apache-2.0
"""What came out of a study: its trials, the best ones, what to use."""

from ..later import json
from ..trial import CONSTRAINT, FrozenTrial, TrialState
from .about import About
from .direction import StudyDirection


class Results(About):
    """The part of Study that reads trials."""

    def _rows(self):
        n = self._summary()["n_trials"]
        look, self._read_all = self._look, True
        return look.rows(0, n)

    def _row(self, number):
        """One trial as it is now.  A handle that has read all trials shows them as it read them last."""
        look = self._look
        return look.rows(number, number + 1)[0] if self._read_all else look.row(number)

    def _frozen(self, number):
        if self._storage.shared:
            self._summary()
        return FrozenTrial._of_row(self._row(number), self, self._layout)

    def get_trials(self, deepcopy=True, states=None):
        """The trials, ascending numbers; states: only these."""
        rows, layout = self._rows(), self._layout
        trials = [FrozenTrial._of_row(row, self, layout) for row in rows]
        if states is not None:
            trials = [t for t in trials if t.state in states]
        return trials

    @property
    def trials(self):
        return self.get_trials()

    def __len__(self):
        return self._summary()["n_trials"]

    def _soft(self):
        """Constraints that were measured without being declared."""
        if self._constraints_func is not None:
            return True
        n = self._summary()["n_trials"]
        look, self._read_all = self._look, True
        return any(text and CONSTRAINT in text for text in look.table(0, n)["attributes"] or ())

    @property
    def best_trials(self):
        """The Pareto-optimal feasible trials."""
        if self._soft():
            return _pareto([t for t in self.trials if t.state == TrialState.COMPLETE and t.feasible], self._directions)
        self._summary()
        best = self._look.best()
        self._read_all |= len(self._directions) > 1
        return [self._frozen(number) for number in best]

    @property
    def best_trial(self):
        """The best feasible trial; ValueError when there is none, RuntimeError with several objectives."""
        if len(self._directions) > 1:
            raise RuntimeError("the study has several objectives: use `best_trials`")
        best = self.best_trials
        if not best:
            raise ValueError("no trial is complete and feasible yet")
        return best[0]

    @property
    def best_value(self):
        return self.best_trial.value

    @property
    def best_params(self):
        return self.best_trial.params

    def recommend(self):
        """Which configuration to use (docs/choosing.md): a dict with `params`, `number`, `text`, `candidates` and more."""
        self._summary()
        found = self._look.recommend()
        self._read_all = True
        found["params"] = self._frozen(found["number"]).params
        return found

    def explain(self, number=-1):
        """How a trial came about, or (-1) what would come next (docs/explain.md): a dict."""
        return json.loads(self._do("explain", number))

    def trials_dataframe(
        self,
        attrs=(
            "number",
            "value",
            "datetime_start",
            "datetime_complete",
            "duration",
            "params",
            "user_attrs",
            "system_attrs",
            "state",
        ),
        multi_index=False,
    ):
        """The trials as a pandas.DataFrame."""
        from ..frame import dataframe

        return dataframe(self, attrs, multi_index)

    # ---- for others ----

    def report(self, path):
        """Writes one self-contained HTML page to be sent to somebody: the best configuration and how sure it is, pictures
        of the search, a table of all trials."""
        from ..report import report

        report(self, path)

    def export_tensorboard(self, folder):
        """Writes event files for `tensorboard --logdir FOLDER`: curves, values, the HPARAMS tab.  Returns the study's folder."""
        from ..export.tensorboard import export

        return export(self, folder)

    def export_mlflow(self, folder="mlruns"):
        """Writes the study as an experiment of MLflow's file store.  Returns the experiment's folder."""
        from ..export.mlflow import export

        return export(self, folder)


def _pareto(trials, directions):
    def key(t):
        return [v if d == StudyDirection.MINIMIZE else -v for v, d in zip(t.values, directions)]

    if len(directions) == 1:
        return [min(trials, key=lambda t: (key(t), t.number))] if trials else []
    keys = [key(t) for t in trials]
    return [
        t
        for t, k in zip(trials, keys)
        if not any(o != k and all(a <= b for a, b in zip(o, k)) for o in keys)
    ]
