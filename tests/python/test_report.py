# SPDX-License-Identifier: Apache-2.0
"""The page of Study.report: whole, without anything from outside, and what it says is what the study says."""

import math
import random
import re
from html.parser import HTMLParser

import pytest

import hpo

VOID = {"meta", "link", "br", "img", "input", "hr"}


class Page(HTMLParser):
    """Checks that tags are balanced; collects tables, texts and what would be fetched."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.open, self.tables, self.fetched, self.texts, self.ids, self.links, self.svgs = [], [], [], [], set(), [], 0
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.fetched += [v for k, v in attrs.items() if k in ("src", "data", "srcset", "action") or (k.endswith("href") and not v.startswith("#"))]
        self.links += [v[1:] for k, v in attrs.items() if k == "href" and v.startswith("#")]
        self.ids.add(attrs.get("id"))
        self.svgs += tag == "svg"
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("td", "th"):
            self.tables[-1][-1].append(["", attrs])
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_startendtag(self, tag, attrs):
        pass

    def handle_data(self, data):
        if self.open and self.open[-1] in ("td", "th"):
            self.tables[-1][-1][-1][0] += data
        elif self.open and self.open[-1] not in ("style", "script"):
            self.texts.append(data)

    def rows(self, table):
        """[{head: (text, sort key)}]"""
        head = [cell[0] for cell in self.tables[table][0]]
        return [{h: (c[0], c[1].get("data-v")) for h, c in zip(head, row)} for row in self.tables[table][1:]]

    @property
    def text(self):
        return " ".join(self.texts)


def page_of(study, tmp_path):
    path = tmp_path / "page.html"
    study.report(path)
    text = path.read_text(encoding="utf-8")
    assert "default-src 'none'" in text and not re.search(r"url\(|@import|<script [^>]*src|https?://(?!www\.w3\.org)", text)
    page = Page(text)
    assert not page.fetched and set(page.links) <= page.ids
    return page


def test_page(storage, tmp_path):
    random.seed(5)
    study = hpo.create_study(storage=storage, study_name="net <1>", seed=3, pruner="median")

    def objective(trial):
        lr = trial.suggest_float("lr", 1e-5, 1, log=True)
        opt = trial.suggest_categorical("opt", ["sgd", "<adam>"])
        momentum = trial.suggest_float("momentum", 0, 0.99) if opt == "sgd" else 0.5
        trial.set_user_attr("note", "a & b")
        for step in range(1, 6):
            trial.report(momentum + 1 / step, step)
            if trial.should_prune():
                raise hpo.TrialPruned
        if trial.number == 7:
            raise ValueError("out of <memory>")
        return momentum + abs(math.log10(lr) + 3)

    study.optimize(objective, n_trials=30, catch=ValueError)
    page = page_of(study, tmp_path)
    assert page.svgs == 5 and {"history", "parallel", "slices", "curves", "timeline", "trials"} <= page.ids
    rows = page.rows(-1)
    assert len(rows) == 30
    for t in study.trials:
        row = rows[t.number]
        assert row["state"][0] == {"COMPLETE": "complete", "PRUNED": "pruned", "FAIL": "failed"}[t.state.name]
        assert row["value"][1] == ("" if t.value is None else repr(t.value))
        assert row["lr"][1] == repr(t.params["lr"]) and row["opt"][0] == t.params["opt"] and row["note"][0] == "a & b"
        assert row["momentum"][1] == (repr(t.params["momentum"]) if "momentum" in t.params else "")
    assert rows[7]["reason"][0] == "ValueError: out of <memory>"
    assert f"trial {study.best_trial.number}, minimised" in page.text and repr(study.best_params["lr"]) in page.text
    assert "1 of 30 trials failed" in page.text and "net <1>" in page.text
    assert "if `opt` == 'sgd'" in page.text  # the space that was learned


def test_page_of_a_noisy_study(tmp_path):
    random.seed(2)
    study = hpo.create_study(seed=1, noisy=True, direction="maximize")
    study.optimize(lambda t: -((t.suggest_float("x", 0, 1) - 0.3) ** 2) - t.suggest_float("y", 0.25, 1) + random.gauss(0, 0.1), n_trials=40)
    page = page_of(study, tmp_path)
    best = study.recommend()
    first = best["candidates"][0]
    assert first["number"] == best["number"] and first["low"] <= first["mean"] <= first["high"]
    assert f"90 % interval {first['low']:.6g} to {first['high']:.6g}" in page.text and "maximised" in page.text
    assert f"with probability {first['p_best']:.2g}" in page.text
    assert (best["warning"] or "")[1:] in page.text
    shown = page.rows(0)
    assert [r["trial"][0] for r in shown] == [str(c["number"]) for c in best["candidates"][: len(shown)]]
    assert [float(r["P(best)"][1]) for r in shown] == [c["p_best"] for c in best["candidates"][: len(shown)]]


def test_best_at_the_end_of_a_range(tmp_path):
    study = hpo.create_study(seed=1)
    study.optimize(lambda t: t.suggest_float("x", 1, 2) + (t.suggest_float("z", 0, 1) - 0.5) ** 2, n_trials=60)
    text = page_of(study, tmp_path).text
    assert "is at the lower end of its range" in text and "X = " in text and "Z = " not in text
    study = hpo.create_study(seed=1, direction="maximize")
    study.optimize(lambda t: t.suggest_float("lr", 1e-3, 1, log=True) + t.suggest_int("flag", 0, 1), n_trials=60)
    text = page_of(study, tmp_path).text
    assert "Lr = 1 is at the upper end of its range" in text and "Flag" not in text  # of two values one is at an end


def test_page_of_several_objectives(tmp_path):
    study = hpo.create_study(directions=["minimize", "maximize"], seed=1)
    study.set_metric_names(["loss", "score"])
    study.optimize(lambda t: (t.suggest_float("x", 0, 1), t.params["x"] ** 2), n_trials=12)
    page = page_of(study, tmp_path)
    assert {"front", "history0", "history1"} <= page.ids
    assert [r["trial"][0] for r in page.rows(0)] == [str(t.number) for t in study.best_trials]
    assert "score" in page.rows(-1)[0]


def test_pages_of_little(tmp_path):
    assert "has no trials yet" in page_of(hpo.create_study(study_name="new"), tmp_path).text
    study = hpo.create_study(study_name="bad")
    study.optimize(lambda t: None, n_trials=2)
    assert "no complete trial" in page_of(study, tmp_path).text
    study = hpo.create_study(study_name="mo", directions=["minimize"] * 2)
    assert "has no trials yet" in page_of(study, tmp_path).text
    study.ask()
    assert "1 trial was still running" in page_of(study, tmp_path).text


def test_page_of_many_trials(tmp_path):
    study = hpo.create_study(seed=1, sampler="random")
    study.optimize(lambda t: t.suggest_float("x", 0, 1), n_trials=2500)
    page = page_of(study, tmp_path)
    rows = page.rows(-1)
    assert len(rows) == 2000 and rows[-1]["trial"][0] == "2499" and "2000 of 2500 trials" in page.text
    assert str(study.best_trial.number) in {r["trial"][0] for r in rows}
    assert (tmp_path / "page.html").stat().st_size < 3_000_000


def test_page_of_a_declared_space(tmp_path):
    study = hpo.create_study(space="p: perm a,b,c; s: subset u,v; o: ordinal 1,2,4; b: bool; x: 0..1 if b", seed=2, trials=9)
    study.optimize(lambda t: t["o"])
    page = page_of(study, tmp_path)
    assert page.rows(-1)[0]["p"][0] == str(study.trials[0].params["p"])
    with pytest.raises(OSError):
        study.report(tmp_path / "no" / "folder.html")
