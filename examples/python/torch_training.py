# SPDX-License-Identifier: Apache-2.0
"""PyTorch in pieces: asha trains 9 configurations for one epoch, the best ones on from their checkpoints to 9 epochs."""

import tempfile

import torch

import hpo
from hpo.integration.torch import TrainingLoop

x = torch.linspace(-1, 1, 64).reshape(-1, 1)
y = torch.sin(4 * x)


def objective(trial):
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(1, trial["width"]), torch.nn.Tanh(), torch.nn.Linear(trial["width"], 1))
    optimizer = torch.optim.Adam(model.parameters(), lr=trial["lr"])
    loop = TrainingLoop(trial, folder=folder, model=model, optimizer=optimizer)
    for _ in loop:
        for _ in range(20):
            optimizer.zero_grad()
            loss = ((model(x) - y) ** 2).mean()
            loss.backward()
            optimizer.step()
        loop.report(loss)
    return loop.value


with tempfile.TemporaryDirectory() as folder:
    study = hpo.create_study(space="lr: log 1e-4..1; width: int log 4..64; epochs: fidelity 1..9", pruner="asha", trials=9, seed=0)
    study.optimize(objective)
for t in study.trials:
    print(t.number, t.state.name, f"lr {t.params['lr']:.4f}, width {t.params['width']}, {len(t.intermediate_values)} epochs")
print("best", study.best_params, f"{study.best_value:.4f}")
