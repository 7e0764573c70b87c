# SPDX-License-Identifier: Apache-2.0
"""The same programs under `import hpo` and `import optuna`: seconds of processor time and the best value, as a table.

    PYTHONPATH=python /usr/bin/python3 bench/python_speed.py

Time is processor time of this process, so that other programs on the machine disturb less.
"""

import math
import os
import statistics
import sys
import tempfile
import time
import warnings


def quadratic(trial):
    x = trial.suggest_float("x", -1, 1)
    y = trial.suggest_float("y", -1, 1)
    return x * x + y * y


def conditional(trial):
    loss = 0.0
    if trial.suggest_categorical("opt", ["sgd", "adam"]) == "sgd":
        loss += (trial.suggest_float("momentum", 0, 1) - 0.9) ** 2
    else:
        loss += 0.2 + (trial.suggest_float("beta", 0, 1) - 0.99) ** 2
    for i in range(trial.suggest_int("layers", 1, 4)):
        loss += abs(trial.suggest_int(f"units{i}", 1, 64) - 32) / 320
    return loss + (math.log10(trial.suggest_float("lr", 1e-5, 1, log=True)) + 2) ** 2


def run(module, sampler, objective, n, storage=None):
    warnings.simplefilter("ignore")
    module.logging.set_verbosity(module.logging.ERROR)
    study = module.create_study(sampler=sampler, storage=storage, study_name="s" if storage else None)
    t = time.process_time()
    study.optimize(objective, n_trials=n)
    return time.process_time() - t, study


def row(name, module, make, objective, n, repeats=3, storage=False):
    times, best = [], []
    for seed in range(repeats):
        with tempfile.TemporaryDirectory(dir="/dev/shm" if os.path.isdir("/dev/shm") else None) as d:
            seconds, study = run(module, make(module, seed), objective, n, f"sqlite:///{d}/s.db" if storage else None)
            times.append(seconds)
            best.append(study.best_value)
    median = statistics.median(times)
    print(f"| {name} | {module.__name__} | {n} | {1e6 * median / n:.1f} | {n / median:.0f} | {statistics.median(best):.3g} |", flush=True)


def main():
    import hpo

    modules = [hpo]
    try:
        import optuna

        modules.append(optuna)
    except ImportError:
        print("optuna is not installed: hpo alone", file=sys.stderr)
    print("| program | module | trials | us a trial | trials/s | best value, median of 3 seeds |\n|---|---|---|---|---|---|")
    for m in modules:
        quick = m is hpo
        row("2 floats, random, memory", m, lambda m, s: m.samplers.RandomSampler(seed=s), quadratic, 400000 if quick else 1000)
        row("2 floats, random, SQLite", m, lambda m, s: m.samplers.RandomSampler(seed=s), quadratic, 5000 if quick else 50, storage=True)
        row("2 floats, TPE, memory", m, lambda m, s: m.samplers.TPESampler(seed=s), quadratic, 300)
        row("conditional, TPE, memory", m, lambda m, s: m.samplers.TPESampler(seed=s), conditional, 200)
        row("conditional, default sampler", m, lambda m, s: (m.samplers.AutoSampler if quick else m.samplers.TPESampler)(seed=s), conditional, 100)
    frame(hpo)


def frame(hpo):
    with tempfile.TemporaryDirectory() as d:
        _, study = run(hpo, "random", quadratic, 10000, f"{d}/s.db")
        import pandas  # noqa: F401

        t = time.process_time()
        shape = hpo.load_study(storage=f"{d}/s.db").trials_dataframe().shape
        print(f"\nA stored study opened as a DataFrame of {shape}: {1e3 * (time.process_time() - t):.0f} ms")


main()
