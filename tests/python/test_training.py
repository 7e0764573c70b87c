# SPDX-License-Identifier: Apache-2.0
"""hpo.integration: callbacks of training frameworks; pieces, checkpoints, ends.

PyTorch and XGBoost are tested with the packages where they are installed.  Lightning and Keras are tested with stand-ins
that call the same hooks in the same order with the same arguments.
"""

import glob
import os
import random

import pytest

import hpo
from hpo.integration import keras, lightning, training
from hpo.integration.torch import TrainingLoop


def curve(q, step):
    """A loss that falls towards q."""
    return q + 1.0 / step


def pieces(tmp_path, scheduler="asha", n=9, **options):
    """A study whose trials run in pieces of 1, 3 and 9 epochs."""
    return hpo.create_study(space="q: 0..1; epochs: fidelity 1..9", pruner=scheduler, trials=n, sampler="random", seed=3, **options)


def check_pieces(study, log, full=9):
    """log: (trial, first epoch, last epoch) of each call of the objective."""
    trials = study.trials
    done = [t for t in trials if t.state == hpo.TrialState.COMPLETE]
    assert done and all(t.value == curve(t.params["q"], full) for t in done)
    assert any(t.state == hpo.TrialState.PAUSED for t in trials)
    for t in trials:
        mine = [(a, b) for number, a, b in log if number == t.number]
        assert mine[0][0] == 0 and all(b == a for (_, b), (a, _) in zip(mine, mine[1:]))  # no epoch twice
        assert mine[-1][1] == max(t.intermediate_values)
        assert [t.intermediate_values[s] for s in sorted(t.intermediate_values)] == [curve(t.params["q"], s) for s in range(1, mine[-1][1] + 1)]


# ---- the loop ---------------------------------------------------------------------------------------------------


class Counter:
    """The smallest thing with a state."""

    def __init__(self):
        self.n, self.drawn = 0, []

    def state_dict(self):
        return {"n": self.n, "drawn": list(self.drawn)}

    def load_state_dict(self, state):
        self.n, self.drawn = state["n"], list(state["drawn"])


@pytest.mark.parametrize("resumable", [False, True])
def test_loop_with_two_fidelities(tmp_path, resumable):
    """A checkpoint of other rows is none, unless the space says that it is."""
    rows = "fidelity resumable 100..900" if resumable else "fidelity 100..900"
    study = hpo.create_study(space=f"q: 0..1; epochs: fidelity 1..9; rows: {rows}", pruner="asha", trials=9, sampler="random", seed=3)
    log = []

    def objective(trial):
        model = Counter()
        loop = TrainingLoop(trial, folder=tmp_path / "ckpt", model=model)
        assert loop.full == 9 and loop.limit == trial.params["epochs"]
        for epoch in loop:
            assert model.n == epoch
            model.n += 1
            loop.report(curve(trial.params["q"], epoch + 1) + 10 / trial.params["rows"])
        log.append((trial.number, trial.params["rows"], loop.start, loop.limit))
        return loop.value

    study.optimize(objective)
    places = {(1, 100), (2, 173), (3, 300), (5, 520), (9, 900)}
    assert {(t.params["epochs"], t.params["rows"]) for t in study.trials} <= places
    assert any(t.state == hpo.TrialState.COMPLETE for t in study.trials)
    assert study.best_trial.params["rows"] == 900 and study.best_trial.params["epochs"] == 9
    again = [start for i, (n, _, start, _) in enumerate(log) if any(m == n for m, *_ in log[:i])]
    assert len(again) >= 4
    assert all(start > 0 for start in again) if resumable else all(start == 0 for start in again)


@pytest.mark.parametrize("storage_kind", ["memory", "file"])
def test_loop_in_pieces(tmp_path, storage_kind):
    study = pieces(tmp_path, storage=None if storage_kind == "memory" else str(tmp_path / "s.db"))
    log, drawn = [], {}

    def objective(trial):
        model = Counter()
        random.seed(trial.number)
        loop = TrainingLoop(trial, folder=tmp_path / "ckpt", model=model)
        for epoch in loop:
            assert model.n == epoch
            model.n += 1
            model.drawn.append(random.random())
            loop.report(curve(trial.params["q"], epoch + 1))
        log.append((trial.number, loop.start, loop.limit))
        drawn[trial.number] = model.drawn
        return loop.value

    study.optimize(objective)
    check_pieces(study, log)
    for number, values in drawn.items():  # the random numbers of one long training
        random.seed(number)
        assert values == [random.random() for _ in values]
    assert len(glob.glob(str(tmp_path / "ckpt" / "*.pt"))) == len(study.trials)


def test_loop_ends_hopeless_trials(tmp_path):
    study = hpo.create_study(pruner=hpo.pruners.PercentilePruner(50, n_startup_trials=2), sampler="random", seed=1)
    ended = []

    def objective(trial):
        q = trial.suggest_float("q", 0, 1)
        loop = TrainingLoop(trial, 6, folder=tmp_path, every=1, keep=False, model=Counter())
        for epoch in loop:
            loop.report(curve(q, epoch + 1))
            ended.append((trial.number, epoch))
        return loop.value

    study.optimize(objective, n_trials=12)
    states = {t.state for t in study.trials}
    assert states == {hpo.TrialState.COMPLETE, hpo.TrialState.PRUNED} and not os.listdir(tmp_path)
    for bad in (lambda t: TrainingLoop(t), lambda t: TrainingLoop(t, 3, model=3)):
        with pytest.raises((ValueError, TypeError)):
            bad(study.ask())
    with pytest.raises(RuntimeError):
        TrainingLoop(study.ask(), 3).report(1.0)


def test_loop_goes_on_after_a_crash(tmp_path):
    study = hpo.create_study(storage=str(tmp_path / "s.db"), study_name="s", seed=1, lease=0.2)
    model = Counter()
    trial = study.ask()
    loop = TrainingLoop(trial, 5, folder=tmp_path / "c", every=2, model=model)
    for epoch in loop:
        model.n += 1
        loop.report(10.0 - epoch)
        if epoch == 3:
            break  # killed: epochs 0 to 3 are done, the checkpoint is that after 2
    fresh = Counter()
    again = TrainingLoop(trial, 5, folder=tmp_path / "c", model=fresh)
    assert again.start == 2 and fresh.n == 2 and again.value == 9.0 and list(again) == [2, 3, 4]
    with pytest.raises(ValueError, match="holds model"):
        TrainingLoop(trial, 5, folder=tmp_path / "c", other=fresh)


def test_a_checkpoint_is_whole_or_absent(tmp_path):
    run = training.Run(hpo.create_study(seed=1).ask(), 5, tmp_path, ".x")
    run.value = 1.0

    def write(path):
        with open(path, "w") as f:
            f.write("old")

    def dies(path):
        with open(path, "w") as f:
            f.write("half")
        raise OSError("disk full")

    run.save(write, 2)
    with pytest.raises(OSError):
        run.save(dies, 3)
    assert open(run.path).read() == "old" and run.saved == {"step": 2, "value": 1.0}
    run.forget()
    assert run.saved is None


def test_torch(tmp_path):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed (python3-torch)")
    x = torch.linspace(-1, 1, 32).reshape(-1, 1)

    def objective(trial, folder):
        torch.manual_seed(trial.seed % 1000)
        model = torch.nn.Sequential(torch.nn.Linear(1, 8), torch.nn.Dropout(0.2), torch.nn.Tanh(), torch.nn.Linear(8, 1))
        optimizer = torch.optim.Adam(model.parameters(), lr=trial.params["lr"])
        schedule = torch.optim.lr_scheduler.StepLR(optimizer, 2, 0.9)
        loop = TrainingLoop(trial, folder=folder, model=model, optimizer=optimizer, schedule=schedule)
        for _ in loop:
            optimizer.zero_grad()
            loss = ((model(x) - x**2) ** 2).mean()
            loss.backward()
            optimizer.step()
            schedule.step()
            loop.report(loss)
        return loop.value

    study = hpo.create_study(space="lr: log 1e-3..1; epochs: fidelity 1..9", pruner="asha", trials=5, sampler="random", seed=3)
    study.optimize(lambda trial: objective(trial, tmp_path))
    best = study.best_trial
    assert len(best.intermediate_values) == 9 and len(study.trials) == 5
    # one long training of the same trial, with the same seed, gives the same losses
    again = hpo.create_study(space="lr: log 1e-3..1; epochs: fidelity 1..9", pruner="none", trials=5, sampler="random", seed=3)
    again.optimize(lambda trial: objective(trial, tmp_path / "whole"))
    assert again.trials[best.number].intermediate_values == best.intermediate_values


def test_torch_distributed(tmp_path):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed (python3-torch)")
    if not torch.distributed.is_available():
        pytest.skip("this PyTorch has no torch.distributed")
    import subprocess
    import sys
    from pathlib import Path

    code = f"""
import sys, torch, hpo
from hpo.integration.torch import TrainingLoop, broadcast
rank = int(sys.argv[1])
torch.distributed.init_process_group("gloo", init_method="file://{tmp_path}/store", rank=rank, world_size=2)
study = hpo.create_study(pruner=hpo.pruners.ThresholdPruner(upper=3.0)) if rank == 0 else None
trial = study.ask() if rank == 0 else None
x = broadcast(trial.suggest_float("x", 0, 1) if rank == 0 else None)
loop = TrainingLoop(trial, 9)
try:
    for epoch in loop:
        loop.report(float(epoch) if rank == 0 else None)
except hpo.TrialPruned:
    print("pruned", loop.epoch, x)
"""
    env = {**os.environ, "PYTHONPATH": str(Path(hpo.__file__).parents[1])}
    ranks = [subprocess.Popen([sys.executable, "-c", code, str(r)], env=env, stdout=subprocess.PIPE, text=True) for r in (0, 1)]
    out = [p.communicate(timeout=120)[0] for p in ranks]
    assert out[0] == out[1] and out[0].startswith("pruned 4 ")


# ---- XGBoost ----------------------------------------------------------------------------------------------------


def test_xgboost(tmp_path):
    xgb = pytest.importorskip("xgboost", reason="XGBoost is not installed (python3-xgboost)")
    np = pytest.importorskip("numpy")
    from hpo.integration.xgboost import PruningCallback

    rng = np.random.RandomState(0)
    X = rng.randn(80, 3)
    y = (X[:, 0] + 0.5 * rng.randn(80) > 0).astype(int)
    train, valid = xgb.DMatrix(X[:50], y[:50]), xgb.DMatrix(X[50:], y[50:])
    fixed = {"objective": "binary:logistic", "max_depth": 2, "nthread": 1}

    def objective(trial):
        callback = PruningCallback(trial, "valid-logloss", folder=tmp_path)
        params = {**fixed, "eta": trial.params["eta"]}
        booster = xgb.train(params, train, callback.rounds, evals=[(valid, "valid")], callbacks=[callback], verbose_eval=False, xgb_model=callback.model)
        assert booster.num_boosted_rounds() == callback.run.limit
        return callback.value

    study = hpo.create_study(space="eta: log 1e-2..1; rounds: fidelity 1..9", pruner="asha", trials=6, sampler="random", seed=1)
    study.optimize(objective)
    best = study.best_trial
    history = {}
    xgb.train({**fixed, "eta": best.params["eta"]}, train, 9, evals=[(valid, "valid")], evals_result=history, verbose_eval=False)
    assert [best.intermediate_values[s] for s in range(1, 10)] == pytest.approx(history["valid"]["logloss"], rel=1e-5)

    study = hpo.create_study(pruner=hpo.pruners.ThresholdPruner(upper=0.1))

    def classifier(trial):
        callback = PruningCallback(trial, "validation_0-logloss", 20)
        xgb.XGBClassifier(n_estimators=callback.rounds, callbacks=[callback], eval_metric="logloss", n_jobs=1).fit(X, y, eval_set=[(X, y)], verbose=False)
        return callback.value

    study.optimize(classifier, n_trials=1)
    assert study.trials[0].state == hpo.TrialState.PRUNED and len(study.trials[0].intermediate_values) == 1
    trial = study.ask()
    callback = PruningCallback(trial, "test-logloss", 4)
    trial.should_prune = lambda: False
    table = xgb.cv(fixed, train, 4, nfold=3, metrics="logloss", callbacks=[callback])
    assert callback.value == pytest.approx(table["test-logloss-mean"].iloc[-1])
    with pytest.raises(ValueError, match="use one of valid-logloss"):
        xgb.train(fixed, train, 2, evals=[(valid, "valid")], callbacks=[PruningCallback(study.ask(), "x-y", 2)], verbose_eval=False)


# ---- Lightning and Keras: their hooks -----------------------------------------------------------------------------


class Trainer:
    """Calls the hooks of a callback as lightning.pytorch.Trainer does, one validation an epoch."""

    world_size, is_global_zero, sanity_checking = 1, True, False

    def __init__(self, max_epochs, callbacks):
        self.max_epochs, self.callbacks, self.callback_metrics = max_epochs, callbacks, {}
        self.should_stop, self.current_epoch, self.seen = False, 0, []

    def _call(self, hook, *args):
        for callback in self.callbacks:
            getattr(callback, hook)(self, self.module, *args)

    def save_checkpoint(self, path):
        with open(path, "w") as f:
            f.write(str(self.current_epoch + 1))

    def fit(self, module, ckpt_path=None):
        self.module = module
        self._call("setup", "fit")
        self._call("on_fit_start")
        self.sanity_checking = True
        self._call("on_validation_end")
        self.sanity_checking = False
        if ckpt_path is not None:
            self.current_epoch = int(open(ckpt_path).read())
        self._call("on_train_start")
        while self.current_epoch < self.max_epochs and not self.should_stop:
            self.seen.append(self.current_epoch)
            self.callback_metrics = module(self.current_epoch)
            self._call("on_validation_end")
            self._call("on_train_epoch_end")
            self.current_epoch += 1
        self._call("on_fit_end")


def test_lightning(tmp_path):
    study, log = pieces(tmp_path), []

    def objective(trial):
        callback = lightning.PruningCallback(trial, "val_loss", folder=tmp_path)
        trainer = Trainer(callback.limit, [callback])
        trainer.fit(lambda epoch: {"val_loss": curve(trial.params["q"], epoch + 1), "acc": 0.0}, ckpt_path=callback.ckpt_path)
        callback.check()
        log.append((trial.number, trainer.seen[0], trainer.seen[-1] + 1))
        return callback.value

    study.optimize(objective)
    check_pieces(study, log)

    study = hpo.create_study(pruner=hpo.pruners.ThresholdPruner(upper=2.5))

    def grows(trial):
        callback = lightning.PruningCallback(trial, "loss", 9, folder=tmp_path / "x")
        Trainer(9, [callback]).fit(lambda epoch: {"loss": float(epoch)})
        return callback.value

    study.optimize(grows, n_trials=1)
    assert study.trials[0].state == hpo.TrialState.PRUNED and len(study.trials[0].intermediate_values) == 4
    assert not os.listdir(tmp_path / "x")
    with pytest.raises(ValueError, match="it has loss"):
        Trainer(9, [lightning.PruningCallback(study.ask(), "nope", 9)]).fit(lambda epoch: {"loss": 1.0})


def test_lightning_in_several_processes(tmp_path):
    """Rank 0 decides for all; nobody raises inside of a hook."""
    study = hpo.create_study(pruner=hpo.pruners.ThresholdPruner(upper=2.5))
    box = []

    class Strategy:
        def __init__(self, rank):
            self.rank, self.at = rank, 0

        def broadcast(self, value, src=0):
            if self.rank == 0:
                box.append(value)
                return value
            self.at += 1
            return box[self.at - 1]

    ends = []
    for rank in (0, 1):  # one after the other: rank 1 reads what rank 0 has said
        callback = lightning.PruningCallback(study.ask() if rank == 0 else None, "loss", 9)
        trainer = Trainer(9, [callback])
        trainer.world_size, trainer.is_global_zero, trainer.strategy = 2, rank == 0, Strategy(rank)
        trainer.fit(lambda epoch: {"loss": float(epoch)})
        ends.append(trainer.current_epoch)
        with pytest.raises(hpo.TrialPruned):
            callback.check()
    assert ends == [4, 4]


class Model:
    """Calls the hooks of a callback as keras.Model.fit does."""

    def __init__(self, start=0):
        self.stop_training, self.epoch = False, start

    def save(self, path):
        with open(path, "w") as f:
            f.write(str(self.epoch))

    def fit(self, losses, initial_epoch, epochs, callbacks):
        self.stop_training, seen = False, []
        for c in callbacks:
            c.set_params({"epochs": epochs})
            c.set_model(self)
            c.on_train_begin({})
        for epoch in range(initial_epoch, epochs):
            for c in callbacks:
                c.on_epoch_begin(epoch, {})
                c.on_train_batch_end(0, {"loss": 1.0})
            self.epoch = epoch + 1
            seen.append(epoch)
            for c in callbacks:
                c.on_epoch_end(epoch, {"loss": 9.0, "val_loss": losses(epoch)})
            if self.stop_training:
                break
        for c in callbacks:
            c.on_train_end({})
        return seen


def test_keras(tmp_path):
    study, log = pieces(tmp_path), []

    def objective(trial):
        callback = keras.PruningCallback(trial, "val_loss", folder=tmp_path)
        model = Model(int(open(callback.path).read())) if callback.path else Model()
        assert model.epoch == callback.start
        seen = model.fit(lambda e: curve(trial.params["q"], e + 1), callback.start, callback.limit, [callback])
        log.append((trial.number, seen[0], seen[-1] + 1))
        return callback.value

    study.optimize(objective)
    check_pieces(study, log)
    study = hpo.create_study(pruner=hpo.pruners.ThresholdPruner(upper=2.5))
    study.optimize(lambda t: Model().fit(float, 0, 9, [keras.PruningCallback(t, "val_loss", 9)]), n_trials=1)
    assert study.trials[0].state == hpo.TrialState.PRUNED and study.trials[0].value == 3.0
    with pytest.raises(ValueError, match="they have loss, val_loss"):
        Model().fit(float, 0, 9, [keras.PruningCallback(study.ask(), "acc", 9)])


def test_importing_needs_no_framework():
    import subprocess
    import sys
    from pathlib import Path

    code = "import sys; import hpo.integration.torch, hpo.integration.xgboost, hpo.integration.lightning, hpo.integration.keras; print(*sys.modules)"
    env = {**os.environ, "PYTHONPATH": str(Path(hpo.__file__).parents[1])}
    loaded = set(subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True).stdout.split())
    assert "hpo.integration.torch" in loaded and not loaded & {"torch", "xgboost", "lightning", "keras", "tensorflow", "numpy"}
