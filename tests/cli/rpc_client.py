# SPDX-License-Identifier: Apache-2.0
"""Drives `hpo rpc` with json and subprocess only: also an example of a client.  Usage: rpc_client.py HPO"""
import json
import subprocess
import sys
import time


class Error(Exception):
    pass


class Hpo:
    def __init__(self, hpo, *arguments):
        self.process = subprocess.Popen([hpo, "rpc", *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.id = 0

    def __getattr__(self, method):
        def call(**params):
            self.id += 1
            message = {"jsonrpc": "2.0", "id": self.id, "method": method, "params": params}
            print(json.dumps(message), file=self.process.stdin, flush=True)
            answer = json.loads(self.process.stdout.readline())
            assert answer["id"] == self.id
            if "error" in answer:
                raise Error(answer["error"]["code"], answer["error"]["message"])
            return answer["result"]

        return call

    def end(self):
        self.shutdown()
        return self.process.wait()


def refused(code, call, **params):
    try:
        call(**params)
    except Error as e:
        assert e.args[0] == code, e
        assert "\n" not in e.args[1] and len(e.args[1]) > 10
        return
    raise AssertionError("was not refused")


def main(path):
    hpo = Hpo(path)
    space = {"params": {"x": {"type": "float", "range": [-1, 1]}, "lr": {"type": "float", "range": [1e-5, 1], "scale": "log"},
                        "opt": {"type": "categorical", "values": ["sgd", "adam"]}}}
    made = hpo.create(name="py", space=space, objectives=[{"name": "loss", "goal": "min"}], outcomes=[{"name": "mem", "max": 4}],
                      seed=7, budget={"trials": 20}, metadata={"who": "me"})
    assert made["name"] == "py" and made["seed"] == 7 and made["budget"] == {"trials": 20} and made["metadata"] == {"who": "me"}
    assert hpo.enqueue(params={"x": 0.5, "opt": "sgd"}) == {"trial": 0}
    n = 0
    tokens = {}
    while True:
        answer = hpo.ask(n=4)
        if answer["status"] == "done":
            assert answer["trials"] == [] or n
            break
        for t in answer["trials"]:
            assert t["trial"] == n and len(t["token"]) == 16 and -1 <= t["params"]["x"] <= 1
            tokens[n] = t["token"]
            n += 1
            assert hpo.report(trial=t["trial"], step=1, value=2.0, metrics={"acc": 0.5}) == {"decision": "continue"}
            if t["trial"] == 3:
                hpo.tell(trial=3, state="failed", reason="no luck")
            else:
                hpo.tell(trial=t["trial"], values={"loss": t["params"]["x"] ** 2}, outcomes={"mem": t["trial"] % 8}, cost=1)
        if answer["status"] == "done":
            break
    assert n == 20, n
    trials = hpo.trials()
    assert [t["number"] for t in trials["trials"]] == list(range(20)) and trials["next"] is None
    assert trials["trials"][0]["params"]["x"] == 0.5 and trials["trials"][3]["reason"] == "no luck"
    page = hpo.trials(limit=7)
    assert len(page["trials"]) == 7 and page["next"] == 7 and len(hpo.trials(**{"from": 7})["trials"]) == 13
    assert hpo.trials(since=trials["seq"])["trials"] == []
    best = hpo.best()["trials"]
    feasible = [t for t in trials["trials"] if t["state"] == "complete" and t["outcomes"]["mem"] <= 4]
    assert best[0]["values"]["loss"] == min(t["values"]["loss"] for t in feasible)
    hpo.set_attr(trial=5, key="note", value={"a": [1, None]})
    assert [t["number"] for t in hpo.trials(since=trials["seq"])["trials"]] == [5]
    assert hpo.summary()["trials"] == 20
    refused(-32004, hpo.tell, trial=2, token=tokens[2], value=99)
    refused(-32602, hpo.tell, trial=2, value=1)
    refused(-32602, hpo.ask, n=0)
    refused(-32011, hpo.create, name="py", space=space)
    refused(-32602, hpo.create, name="q", space="x: 1..0")
    refused(-32010, hpo.report, trial=2, token="0" * 16, step=1, value=1)

    # two studies on one connection; leases are renewed while we think
    hpo.create(name="lease", space="x: 0..1", lease=0.4, seed=1)
    held = hpo.ask()["trials"][0]
    time.sleep(1.0)
    other = Hpo(path)
    other.open(name="lease")
    assert other.ask()["trials"][0]["trial"] == 1, "the lease of trial 0 was renewed"
    assert hpo.should_stop(trial=0) == {"stop": False, "decision": "continue"}
    other.stop(trial=0)
    assert hpo.should_stop(trial=0)["stop"] is True
    other.retry(trial=0)
    refused(-32010, hpo.tell, trial=0, value=1)
    again = other.ask()["trials"][0]
    assert again["trial"] == 0 and again["attempt"] == 2 and again["token"] != held["token"]
    other.tell(trial=0, value=1)
    other.pause()
    assert other.ask() == {"trials": [], "status": "wait", "reason": "paused"}
    other.resume(budget="30trials")
    assert other.summary()["budget"] == {"trials": 30}
    other.stop(reason="enough")
    assert hpo.ask() == {"trials": [], "status": "done", "reason": "user", "text": "enough"}
    assert hpo.summary(study="py")["name"] == "py"
    names = {s["name"] for s in hpo.samplers()["samplers"]}
    assert "random" in names
    assert other.end() == 0 and hpo.end() == 0


main(sys.argv[1])
