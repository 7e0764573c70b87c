#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The digits again, in plain Python: one hidden layer trained by stochastic gradient descent.

Nothing is imported beyond the standard library.  It prints ordinary text: let `hpo` read it with
--metric 'val_error=validation error {float}'.
"""
import argparse
import math
import os
import random

parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float, default=0.05)
parser.add_argument("--momentum", type=float, default=0.5)
parser.add_argument("--hidden", type=int, default=12)
parser.add_argument("--epochs", type=int, default=3)
parser.add_argument("--images", type=int, default=600, help="how many images to train on")
parser.add_argument("--data", default=os.path.join(os.path.dirname(os.path.abspath(__file__)), "digits.txt"))
args = parser.parse_args()


def dot(a, b):
    return sum(x * y for x, y in zip(a, b))


def load(path):
    rows = []
    with open(path) as f:
        for line in f:
            label, pixels = line.split()
            rows.append(([int(c, 17) / 16 for c in pixels], int(label)))
    random.Random(7).shuffle(rows)  # the same split in every trial
    return rows


rows = load(args.data)
train, val = rows[: args.images], rows[1000:1300]
rng = random.Random(os.environ.get("HPO_SEED", "1"))
scale = math.sqrt(2 / 64)
w1 = [[rng.gauss(0, scale) for _ in range(65)] for _ in range(args.hidden)]
w2 = [[rng.gauss(0, 0.3) for _ in range(args.hidden + 1)] for _ in range(10)]
v1 = [[0.0] * 65 for _ in w1]
v2 = [[0.0] * (args.hidden + 1) for _ in w2]


def forward(x):
    h = [math.tanh(dot(w, x) + w[64]) for w in w1]
    z = [dot(w, h) + w[-1] for w in w2]
    top = max(z)
    e = [math.exp(v - top) for v in z]
    total = sum(e)
    return h, [v / total for v in e]


def step(w, v, g, x):
    """v <- momentum v - lr g x; w <- w + v, for one unit; the last weight is the bias."""
    m, a = args.momentum, args.lr * g
    for i, xi in enumerate(x):
        v[i] = m * v[i] - a * xi
        w[i] += v[i]
    v[-1] = m * v[-1] - a
    w[-1] += v[-1]


for epoch in range(1, args.epochs + 1):
    rng.shuffle(train)
    for x, label in train:
        h, p = forward(x)
        delta = [p[c] - (c == label) for c in range(10)]
        back = [(1 - hj * hj) * sum(delta[c] * w2[c][j] for c in range(10)) for j, hj in enumerate(h)]
        for c in range(10):
            step(w2[c], v2[c], delta[c], h)
        for j, g in enumerate(back):
            step(w1[j], v1[j], g, x)
    wrong = sum(max(range(10), key=forward(x)[1].__getitem__) != label for x, label in val)
    print(f"epoch {epoch}: validation error {wrong / len(val):.4f}", flush=True)
