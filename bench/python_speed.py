# SPDX-License-Identifier: Apache-2.0
"""The same programs under `import hpo` and `import optuna`, and what tables, pictures and the import cost, as tables.

    PYTHONPATH=python /usr/bin/python3 bench/python_speed.py

Time is processor time of this process, so that other programs on the machine disturb less; wall time stands beside it.
"""

import math
import os
import statistics
import subprocess
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
    cpu, wall = time.process_time(), time.perf_counter()
    study.optimize(objective, n_trials=n)
    return time.process_time() - cpu, time.perf_counter() - wall, study


def row(name, module, make, objective, n, repeats=3, storage=False):
    times, walls, best = [], [], []
    for seed in range(repeats):
        with tempfile.TemporaryDirectory(dir="/dev/shm" if os.path.isdir("/dev/shm") else None) as d:
            seconds, wall, study = run(module, make(module, seed), objective, n, f"sqlite:///{d}/s.db" if storage else None)
            times.append(seconds)
            walls.append(wall)
            best.append(study.best_value)
    median = statistics.median(times)
    print(f"| {name} | {module.__name__} | {n} | {1e6 * median / n:.1f} | {1e6 * statistics.median(walls) / n:.1f} | {n / median:.0f} | {statistics.median(best):.3g} |", flush=True)


def main():
    import hpo

    modules = [hpo]
    try:
        import optuna

        modules.append(optuna)
    except ImportError:
        print("optuna is not installed: hpo alone", file=sys.stderr)
    print("| program | module | trials | CPU us a trial | wall us | trials/CPU s | best value, median of 3 seeds |\n|---|---|---|---|---|---|---|")
    for m in modules:
        quick = m is hpo
        row("2 floats, random, memory", m, lambda m, s: m.samplers.RandomSampler(seed=s), quadratic, 400000 if quick else 1000)
        row("2 floats, random, SQLite", m, lambda m, s: m.samplers.RandomSampler(seed=s), quadratic, 5000 if quick else 50, storage=True)
        row("2 floats, TPE, memory", m, lambda m, s: m.samplers.TPESampler(seed=s), quadratic, 300)
        row("conditional, TPE, memory", m, lambda m, s: m.samplers.TPESampler(seed=s), conditional, 200)
        row("conditional, default sampler", m, lambda m, s: (m.samplers.AutoSampler if quick else m.samplers.TPESampler)(seed=s), conditional, 100)
    imports()
    tables(hpo)


def imports():
    """In processes of their own, with compiled modules."""
    print("\n| import | CPU ms, least of 15 | median | wall ms, median |\n|---|---|---|---|")
    for what in ("import hpo", "import hpo; hpo.create_study", "import hpo; hpo.create_study()", "import json, enum, threading, weakref"):
        code = f"import time; c, w = time.process_time(), time.perf_counter()\n{what}\nprint(time.process_time() - c, time.perf_counter() - w)"
        got = []
        with tempfile.TemporaryDirectory() as d:
            env = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"} | {"PYTHONPYCACHEPREFIX": d}
            for _ in range(16):
                done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
                got.append([1e3 * float(v) for v in done.stdout.split()])
        cpu, wall = zip(*got[1:])  # the first one compiles
        print(f"| `{what}` | {min(cpu):.1f} | {statistics.median(cpu):.1f} | {statistics.median(wall):.1f} |", flush=True)


def timed(name, call, n=7):
    cpu, wall = [], []
    for _ in range(n):
        c, w = time.process_time(), time.perf_counter()
        call()
        cpu.append(1e3 * (time.process_time() - c))
        wall.append(1e3 * (time.perf_counter() - w))
    print(f"| {name} | {min(cpu):.1f} | {statistics.median(cpu):.1f} | {statistics.median(wall):.1f} |", flush=True)


def tables(hpo):
    """Of 10 000 stored trials of two parameters; each time from the file."""
    print("\n| 10 000 trials in a file | CPU ms, least of 7 | median | wall ms, median |\n|---|---|---|---|")
    with tempfile.TemporaryDirectory() as d:
        study = run(hpo, "random", quadratic, 10000, f"{d}/s.db")[2]
        try:
            import pandas  # noqa: F401

            timed("load_study, trials_dataframe()", lambda: hpo.load_study(storage=f"{d}/s.db").trials_dataframe())
        except ImportError:
            print("pandas is not installed", file=sys.stderr)
        timed("load_study, trials", lambda: hpo.load_study(storage=f"{d}/s.db").trials)
        timed("load_study, plot.history as svg", lambda: hpo.plot.history(hpo.load_study(storage=f"{d}/s.db"), backend="svg"))
        timed("report", lambda: study.report(f"{d}/s.html"), 3)
        small = hpo.create_study(sampler="random")
        small.optimize(conditional, n_trials=200)
        timed("report of 200 trials", lambda: small.report(f"{d}/s.html"), 3)
        timed("export_tensorboard of 200 trials", lambda: small.export_tensorboard(f"{d}/tb"), 3)
        timed("export_mlflow of 200 trials", lambda: small.export_mlflow(f"{d}/mlruns"), 3)


main()
