# SPDX-License-Identifier: Apache-2.0
"""SearchCV: a search estimator of scikit-learn on a Study."""

import json
import math
import numbers
import time

import numpy as np
from sklearn.base import BaseEstimator, MetaEstimatorMixin, clone, is_classifier
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import check_cv
from sklearn.utils import check_random_state, indexable
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from .. import pruners
from ..exceptions import HpoError
from ..learn import to_core
from ..study import create_study
from .folds import Task, check_error_score
from .loop import Loop
from .plan import check_scheduler, exhausts, ladder, lag_of, resource_range, speaker
from .results import format_results, metrics_of, warn_of_failures
from .scoring import score_of, scorer_of
from .space import SearchSpace
from .work import Work


def _best_has(name):
    """For available_if: the fitted best estimator, or else the one to be tuned, has the method."""

    def check(self):
        if self.refit is False:
            raise AttributeError(f"{name} needs the best estimator, and refit is False: fit one with best_params_")
        getattr(self.best_estimator_ if hasattr(self, "best_estimator_") else self.estimator, name)
        return True

    return check


def _delegate(name):
    def call(self, X):
        check_is_fitted(self)
        return getattr(self.best_estimator_, name)(X)

    call.__name__ = name
    call.__qualname__ = f"SearchCV.{name}"
    call.__doc__ = f"{name} of the best estimator."
    return available_if(_best_has(name))(call)


class SearchCV(MetaEstimatorMixin, BaseEstimator):
    """Searches the parameters of an estimator by cross-validation, with any sampler and scheduler of the library.

    SearchCV(estimator, {"C": loguniform(1e-3, 1e3), "kernel": ["rbf", "poly"]}, n_iter=50).fit(X, y)

    estimator      what is tuned
    space          a dict of parameter -> domain, a list of dicts, a Space or its text; a domain is a list of choices,
                   a distribution of scipy.stats or of this package, or a text of docs/space.md.  `a__b` is searched for
                   those choices of `a` only that have a parameter b
    n_iter         candidates in all; None: until the time, the rule or the space ends
    scoring, refit, cv, error_score, return_train_score, verbose, n_jobs
                   as for GridSearchCV.  verbose: 1 a line for each new best, 2 a line a candidate
    random_state   of the sampler and the search; the same one gives the same result for any n_jobs
    sampler        a name ("tpe", "gp:initial=8"), class or object; default: the portfolio
    scheduler      a name, class or object.  Without a resource it judges a candidate after each fold ("wilcoxon",
                   "friedman", "hoeffding", "median"); with one, at growing amounts of it ("asha", "hyperband", "median")
    resource       "n_samples", "epochs" (partial_fit), or a parameter such as "n_estimators" or "clf__max_iter"
    min_resource, max_resource
                   its range; "auto": 1 (n_samples: enough for all classes) up to the parameter's value (all samples)
    lag            how many candidates are in work together; default 1 where results are learned from (then up to
                   n_splits processes are busy), else as many as n_jobs needs
    timeout        seconds; no fit begins after them, once one candidate is complete
    until          a stopping rule, e.g. "regret or stagnation:trials=30" (docs/terminators.md)
    objective      the metric (or a list of metrics) to search for when there are several; default: refit, else the first
    initial        dicts of parameters to try first
    storage, study_name
                   a file and a name in it: what was done stays, and fit goes on with it (same data and splits)

    After fit: cv_results_, best_index_, best_params_, best_score_, best_estimator_, refit_time_, scorer_, multimetric_,
    n_splits_, study_ (a Study).  What Ctrl-C interrupts keeps what is done in cv_results_, best_params_ and study_.
    """

    _required_parameters = ["estimator", "space"]

    def __init__(
        self,
        estimator,
        space,
        *,
        n_iter=50,
        scoring=None,
        n_jobs=None,
        refit=True,
        cv=None,
        verbose=0,
        error_score=np.nan,
        return_train_score=False,
        random_state=None,
        sampler=None,
        scheduler=None,
        resource=None,
        min_resource="auto",
        max_resource="auto",
        lag=None,
        timeout=None,
        until=None,
        objective=None,
        initial=None,
        storage=None,
        study_name=None,
    ):
        self.estimator = estimator
        self.space = space
        self.n_iter = n_iter
        self.scoring = scoring
        self.n_jobs = n_jobs
        self.refit = refit
        self.cv = cv
        self.verbose = verbose
        self.error_score = error_score
        self.return_train_score = return_train_score
        self.random_state = random_state
        self.sampler = sampler
        self.scheduler = scheduler
        self.resource = resource
        self.min_resource = min_resource
        self.max_resource = max_resource
        self.lag = lag
        self.timeout = timeout
        self.until = until
        self.objective = objective
        self.initial = initial
        self.storage = storage
        self.study_name = study_name

    # ---- fit ----

    def fit(self, X, y=None, *, groups=None, **fit_params):
        """Searches, then fits the best estimator on all data.

        groups: for splitters that need them.  fit_params: for fit of the estimator; those with one value a sample
        (sample_weight) are cut to the training part of each fold.
        """
        begin = time.monotonic()
        for name in [n for n in vars(self) if n.endswith("_") and not n.startswith("__")]:
            delattr(self, name)  # of an earlier fit
        check_error_score(self.error_score)
        self._check_numbers()
        scorer, named = scorer_of(self.estimator, self.scoring)
        if named is not None:
            self._check_refit(named)
        X, y, groups = indexable(X, y, groups)
        splits = self._splits(X, y, groups)
        resource = resource_range(self.resource, self.min_resource, self.max_resource, self.estimator, y, splits)
        space = SearchSpace(self.space, self.estimator, resource)
        if resource is None and space.fidelity is not None:
            resource = (space.fidelity, *space.space.params[to_core(space.fidelity)]["range"])
        kind = None if resource is None else (resource[0], resource[0] if resource[0] in ("epochs", "n_samples") else "parameter")
        task = Task(clone(self.estimator), X, y, splits, scorer, fit_params, self.error_score, self.return_train_score, kind)
        check_scheduler(self.scheduler, space.fidelity)
        objectives = self._objectives(named)
        error_score = math.nan if self.error_score == "raise" else self.error_score
        study = self._study(space, objectives, task)
        steps = ladder(self.scheduler, resource)
        work = Work(task, self.n_jobs)
        self.scorer_, self.n_splits_, self.study_ = scorer, len(splits), study
        loop = Loop(
            study, space, work, len(splits), objectives, error_score,
            lag=self.lag or lag_of(self.sampler, self.scheduler is not None or self.until is not None, work.n_jobs),
            by_fold=self.scheduler is not None and resource is None,
            ladder=steps,
            pauses=resource is not None and steps is None,
            deadline=None if self.timeout is None else begin + self.timeout,
            say=speaker(self.verbose, objectives[0], error_score),
        )  # fmt: skip
        if study.storage.shared:
            loop.recall()
        if self.verbose:
            print(f"searching {len(space.names())} parameters, {len(splits)} folds, sampler {study._summary()['sampler']}")
        done = False
        try:
            loop.run()
            done = True
        finally:
            work.close(kill=not done)
            if study.storage.shared:
                loop.recall()
            self._conclude(loop, named, kind, done)
        if self.refit:
            self._fit_best(task)
        return self

    def _check_numbers(self):
        for name, least, none in (("n_iter", 1, True), ("lag", 1, True), ("timeout", 0, True)):
            value = getattr(self, name)
            if value is None and none:
                continue
            if isinstance(value, bool) or not isinstance(value, numbers.Real) or value < least:
                raise ValueError(f"{name} is {value!r}: must be {least} or more, or None")
        endless = self.n_iter is None and self.timeout is None and self.until is None
        if endless and not exhausts(self.sampler):
            raise ValueError("n_iter, timeout and until are all None: the search would not end; give one of them")

    def _splits(self, X, y, groups):
        cv = check_cv(self.cv, y, classifier=is_classifier(self.estimator))
        n = cv.get_n_splits(X, y, groups)
        splits = [(np.asarray(train), np.asarray(test)) for train, test in cv.split(X, y, groups)]
        if not splits:
            raise ValueError("No fits were performed. Was the CV iterator empty? Were there no candidates?")
        if len(splits) != n:
            raise ValueError(f"cv.split and cv.get_n_splits returned inconsistent results. Expected {n} splits, got {len(splits)}")
        return splits

    def _check_refit(self, metrics):
        if self.refit is False or callable(self.refit) or (isinstance(self.refit, str) and self.refit in metrics):
            return
        raise ValueError(
            "For multi-metric scoring, the parameter refit must be set to a scorer key or a callable to refit an estimator with "
            f"the best parameter setting on the whole data. If this is not needed, refit should be set to False. {self.refit!r} was passed."
        )

    def _objectives(self, named):
        chosen = self.objective
        if chosen is None:
            return [self.refit if isinstance(self.refit, str) else named[0] if named else None]
        chosen = [chosen] if isinstance(chosen, str) else list(chosen)
        if not chosen or (named is not None and not set(chosen) <= set(named)):
            raise ValueError(f"objective is {self.objective!r}: scoring has {named}")
        return chosen

    def _study(self, space, objectives, task):
        seed = None
        if self.random_state is not None or getattr(self.sampler, "seed", None) is None:
            seed = int(check_random_state(self.random_state).randint(np.iinfo(np.int32).max))
        study = create_study(
            storage=self.storage,
            study_name=None if self.storage is None else self.study_name or "search",
            load_if_exists=self.storage is not None,
            sampler=self.sampler,
            pruner="none" if self.scheduler is None else self.scheduler,
            directions=["maximize"] * len(objectives),
            space=space.space,
            seed=seed,
            trials=0 if self.n_iter is None else int(self.n_iter),
            until=self.until,
        )
        if study.storage.shared:
            self._check_same(study, objectives, task)
        if len(study) == 0:
            for params in self.initial or ():
                encoded = {to_core(k): v for k, v in space.encode(params).items()}
                study._do("enqueue", json.dumps(encoded), None)
        return study

    def _check_same(self, study, objectives, task):
        """A study of a file belongs to one data set, its splits, one estimator, metric and scheduler."""
        import joblib

        how = [type(task.estimator).__name__, [str(o) for o in objectives], str(pruners.spec_of(self.scheduler)[0])]
        mine = joblib.hash([how, task.X, task.y, task.splits])
        known = study.user_attrs.get("data")
        if known is None:
            study.set_user_attr("data", mine)
        elif known != mine:
            raise HpoError(
                f"study '{study.study_name}' was made with other data, splits, metrics or another scheduler: use another study_name, "
                "and a cv with a fixed random_state"
            )

    # ---- results ----

    def _conclude(self, loop, named, kind, done):
        records = [loop.records[n] for n in sorted(loop.records) if loop.records[n].folds]
        if not records:
            if done:
                raise ValueError("No fits were performed. Were there no candidates?")
            return
        if done:
            warn_of_failures(records, self.error_score)
        metrics = metrics_of(records, named)
        self.multimetric_ = metrics is not None
        if done and metrics is not None and named is None:
            self._check_refit(metrics)
        if kind is not None and kind[1] == "parameter":
            for r in records:
                r.params = {**r.params, kind[0]: int(r.amount)}
        self.cv_results_ = format_results(records, loop.n_splits, metrics, self.error_score, self.return_train_score, kind is not None)
        if not (self.refit or metrics is None):
            return
        metric = "score" if metrics is None else self.refit
        if not done and (callable(self.refit) or metric is True):
            return
        if callable(self.refit):
            self.best_index_ = self._checked_index(self.refit(self.cv_results_))
        else:
            self.best_index_ = int(self.cv_results_[f"rank_test_{metric}"].argmin())
            self.best_score_ = float(self.cv_results_[f"mean_test_{metric}"][self.best_index_])
        self.best_params_ = self.cv_results_["params"][self.best_index_]

    def _checked_index(self, index):
        if not isinstance(index, numbers.Integral):
            raise TypeError("best_index_ returned is not an integer")
        if index < 0 or index >= len(self.cv_results_["params"]):
            raise IndexError("best_index_ index out of range")
        return index

    def _fit_best(self, task):
        begin = time.time()
        amount = self.cv_results_["resource"][self.best_index_] if task.resource is not None else None
        self.best_estimator_ = task.fit_all(self.best_params_, amount)
        self.refit_time_ = time.time() - begin
        if hasattr(self.best_estimator_, "feature_names_in_"):
            self.feature_names_in_ = self.best_estimator_.feature_names_in_

    # ---- as an estimator ----

    predict = _delegate("predict")
    predict_proba = _delegate("predict_proba")
    predict_log_proba = _delegate("predict_log_proba")
    decision_function = _delegate("decision_function")
    transform = _delegate("transform")
    inverse_transform = _delegate("inverse_transform")
    score_samples = _delegate("score_samples")

    def score(self, X, y=None):
        """The score of the best estimator, by the metric of refit."""
        if not self.refit:
            raise AttributeError("score needs the best estimator, and refit is False")
        check_is_fitted(self)
        if isinstance(self.scorer_, dict):
            return score_of(self.scorer_[self.refit], self.best_estimator_, X, y)
        score = score_of(self.scorer_, self.best_estimator_, X, y)
        return score[self.refit] if isinstance(score, dict) else score

    @property
    def _estimator_type(self):
        return self.estimator._estimator_type

    @property
    def classes_(self):
        """Labels of the classes."""
        _best_has("classes_")(self)
        return self.best_estimator_.classes_

    @property
    def n_features_in_(self):
        """Number of features seen by fit."""
        try:
            check_is_fitted(self)
        except NotFittedError as e:
            raise AttributeError(f"{type(self).__name__} object has no n_features_in_ attribute.") from e
        return self.best_estimator_.n_features_in_

    def __sklearn_is_fitted__(self):
        return hasattr(self, "best_estimator_") or (self.refit is False and hasattr(self, "cv_results_"))

    def _more_tags(self):
        from sklearn.utils._tags import _safe_tags

        return {
            "pairwise": _safe_tags(self.estimator, "pairwise"),
            "_xfail_checks": {"check_supervised_y_2d": "the warning comes from the estimator's fit, in a worker"},
        }

    def __sklearn_tags__(self):  # scikit-learn 1.6 and later
        from sklearn.utils import get_tags

        tags, mine = super().__sklearn_tags__(), get_tags(self.estimator)
        tags.estimator_type, tags.classifier_tags, tags.regressor_tags = mine.estimator_type, mine.classifier_tags, mine.regressor_tags
        tags.input_tags, tags.target_tags = mine.input_tags, mine.target_tags
        return tags

    def __getstate__(self):
        state = dict(super().__getstate__())
        study = state.get("study_")
        if study is not None and not study.storage.shared:
            del state["study_"]  # lives in this process's memory
        return state
