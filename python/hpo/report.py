# SPDX-License-Identifier: Apache-2.0
"""Study.report: one HTML page with everything about a study, to be sent to somebody.

Nothing is fetched and no file stands beside it; pictures are inline SVG (hpo.plot), the table of trials sorts at a
click, and without scripts the page is complete.
"""

import math
from collections import Counter
from datetime import datetime
from html import escape

from . import _core, plot
from .exceptions import NotFoundError
from .plot.draw_svg import draw
from .plot.figure import text_of
from .plot.trials import WORD
from .plot.view import View
from .space import describe
from .trial import TrialState

MOST_LINES = 1500  # parallel coordinates
MOST_SLICES = 12
MOST_ROWS = 2000  # of the table
MOST_CANDIDATES = 8
MOST_FRONT = 100

STYLE = """
:root{color-scheme:light dark;--bg:#fff;--fg:#1a1a1a;--mu:#5c5c5c;--ln:#dcdcdc;--hd:#f5f5f3;--ac:#0072b2;--bad:#b00020;--wa:#fff4e0}
@media(prefers-color-scheme:dark){:root{--bg:#16181b;--fg:#ececec;--mu:#a8a8a8;--ln:#34373b;--hd:#1f2226;--ac:#4fb3ea;--bad:#ff8a80;--wa:#3a2f1a}}
*{box-sizing:border-box}
body{margin:0;background:var(--bg);color:var(--fg);font:15px/1.5 system-ui,-apple-system,'Segoe UI','DejaVu Sans',sans-serif}
main{max-width:1180px;margin:0 auto;padding:28px 24px 64px}
h1{font-size:26px;line-height:1.25;margin:0 0 4px}h2{font-size:19px;margin:40px 0 8px}p{max-width:78ch;margin:6px 0 12px}
.m{color:var(--mu)}nav a{margin-right:16px;color:var(--ac);text-decoration:none}nav{margin:14px 0}
dl{display:grid;grid-template-columns:max-content 1fr;gap:2px 18px;margin:14px 0;font-size:14px}
dt{color:var(--mu)}dd{margin:0;overflow-wrap:anywhere}
.best{border:1px solid var(--ln);border-left:5px solid var(--ac);border-radius:8px;padding:12px 18px;margin:12px 0}
.best b{font-size:20px}.warn{background:var(--wa);border-radius:8px;padding:8px 18px;margin:8px 0}
code{font:13.5px ui-monospace,'DejaVu Sans Mono',monospace;overflow-wrap:anywhere}
.w{overflow:auto;max-height:70vh;border:1px solid var(--ln);border-radius:8px;margin:10px 0 18px}
table{border-collapse:collapse;width:100%;font-size:13.5px;font-variant-numeric:tabular-nums}
th,td{padding:5px 9px;text-align:right;white-space:nowrap;border-bottom:1px solid var(--ln)}
th{background:var(--hd);font-weight:600;cursor:pointer;position:sticky;top:0}
th:focus-visible{outline:2px solid var(--ac);outline-offset:-2px}
td.t,th.t{text-align:left;max-width:32em;overflow:hidden;text-overflow:ellipsis}
tr.top td{font-weight:650}.x{color:var(--bad)}
th[aria-sort=ascending]::after{content:' \\25b4'}th[aria-sort=descending]::after{content:' \\25be'}
figure{margin:0 0 18px;border:1px solid var(--ln);border-radius:8px;padding:8px;background:#fff;overflow-x:auto}
figure svg{display:block;max-width:100%;height:auto;margin:0 auto}
@media print{th{position:static}.w{max-height:none}figure{break-inside:avoid}}
"""

# A click on a head sorts by that column: numbers by data-v, texts as written; what is missing stays last.
SCRIPT = """
for(const h of document.querySelectorAll('th')){h.tabIndex=0;const f=()=>{
const b=h.closest('table').tBodies[0],i=h.cellIndex,up=h.getAttribute('aria-sort')!=='ascending';
const v=r=>{const c=r.cells[i],d=c.dataset.v;return d===undefined?c.textContent:d===''?NaN:Number(d)};
for(const o of h.parentNode.cells)o.removeAttribute('aria-sort');
h.setAttribute('aria-sort',up?'ascending':'descending');
const rows=[...b.rows].map(r=>[v(r),r]);
rows.sort(([x],[y])=>{if(typeof x==='string'||typeof y==='string')return(up?1:-1)*String(x).localeCompare(String(y),'en',{numeric:true});
if(x!==x||y!==y)return(x!==x)-(y!==y);return(up?1:-1)*(x<y?-1:x>y?1:0)});
b.append(...rows.map(r=>r[1]))};
h.onclick=f;h.onkeydown=e=>{if(e.key==='Enter'||e.key===' '){e.preventDefault();f()}}}
"""


def html(study):
    """The page as a text."""
    view = View(study)
    single = len(study.directions) == 1
    best = _recommendation(study) if single else None
    chosen = {best["number"]} if best else {t.number for t in study.best_trials} if view.complete or view.infeasible else set()
    pictures = _pictures(study, view)
    links = [("best", "Best configuration"), *((key, title) for key, title, _ in pictures), ("trials", "All trials")]
    parts = [
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none';style-src 'unsafe-inline';script-src 'unsafe-inline'\">"
        f"<title>{escape(study.study_name)}</title><style>{STYLE}</style></head><body><main>",
        f"<h1>{escape(study.study_name)}</h1>",
        f'<p class="m">{escape(_sentence(view))}</p>',
        "<nav>" + "".join(f'<a href="#{key}">{title}</a>' for key, title in links) + "</nav>",
        '<h2 id="best">Best configuration</h2>',
        _best(study, view, best) if single else _front(study, view, chosen),
        *(f'<div class="warn">{escape(w[:1].upper() + w[1:])}</div>' for w in warnings_of(study, view, best)),
        *(f'<h2 id="{key}">{title}</h2>\n<figure>{svg}</figure>' for key, title, svg in pictures),
        f'<h2 id="trials">All trials</h2>{_trials(study, view, chosen)}',
        f'<h2 id="study">The study</h2>{_facts(study, view)}',
        f"</main><script>{SCRIPT}</script></body></html>\n",
    ]
    return "\n".join(parts)


def report(study, path):
    """Writes the page to a file."""
    text = html(study)
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)


def _recommendation(study):
    try:
        return study.recommend()
    except NotFoundError:
        return None


def _number(v):
    return "–" if v is None or v != v else "∞" if v == math.inf else "−∞" if v == -math.inf else f"{v:.6g}"


def _count(n, word):
    return f"{n} {word}{'' if n == 1 else 's'}"


def _sentence(view):
    counts = Counter(WORD[s] for s in view.states)
    text = ", ".join(f"{n} {word}" for word, n in counts.items())
    return f"{_count(view.n, 'trial')}{': ' + text if len(counts) > 1 else ''}. Written {datetime.now():%Y-%m-%d %H:%M}."


# ---- the best --------------------------------------------------------------------------------------------------


def _config(params):
    rows = "".join(f"<dt>{escape(name)}</dt><dd><code>{escape(_text(value))}</code></dd>" for name, value in params.items())
    return f"<dl>{rows}</dl>"


def _text(value):
    return repr(value) if isinstance(value, float) else str(value)


def _best(study, view, best):
    if best is None:
        return f"<p>{escape(view.why_empty())}.</p>"
    first = best["candidates"][0]
    exact = not best["noisy"]
    if exact:
        shown = f"<b>{_number(first['observed'])}</b> {escape(view.title)}"
    else:
        shown = (
            f"<b>{_number(first['mean'])}</b> expected {escape(view.title)}, 90 % interval {_number(first['low'])} to "
            f"{_number(first['high'])}; it is the best of the candidates with probability {first['p_best']:.2g}"
        )
    more = ""
    if best["p_better"] == best["p_better"]:
        more = f" Better than the first trial with probability {best['p_better']:.2g}."
    out = [
        f'<div class="best">{shown}<br>trial {best["number"]}, {"maximised" if view.maximize else "minimised"}'
        f'{_config(best["params"])}<span class="m">{escape(best["text"])}.{more}</span></div>'
    ]
    candidates = best["candidates"][:MOST_CANDIDATES]
    if len(candidates) > 1:
        names = list(view.table.layout.at)
        head = ["trial", "value"] if exact else ["trial", "evaluated", "observed mean", "expected", "from", "to", "P(best)"]
        shown = ["observed"] if exact else ["n", "observed", "mean", "low", "high", "p_best"]
        texts = {len(head) + k for k, name in enumerate(names) if view.axis(name).scale == "labels"}
        rows = []
        for c in candidates:
            row = [(c["number"], c["number"])]
            row += [(f"{c[k]:.3f}" if k == "p_best" else c[k] if k == "n" else _number(c[k]), c[k]) for k in shown]
            row += [_cell(view.param(name)[c["number"]]) for name in names]
            rows.append(row)
        sentence = "The best configurations:" if exact else "The candidates: what is expected of them, 90 % intervals, and the probability to be the best."
        out.append(f"<p>{sentence}</p>" + _table(head + names, rows, texts))
    return "\n".join(out)


def _front(study, view, front):
    if not front:
        return f"<p>{escape(view.why_empty())}.</p>"
    n = len(front)
    return (
        f"<p>{_count(n, 'configuration')} of {len(view.states)} trials {'is' if n == 1 else 'are'} Pareto-optimal: none is better in one "
        f"objective and as good in the others. In the table of all trials they are bold.</p>"
    ) + _trials(study, view, (), sorted(front)[:MOST_FRONT])


def warnings_of(study, view, best):
    """Sentences on what a reader should know before using the result."""
    out = []
    if best is not None:
        if best["warning"]:
            out.append(best["warning"])
        out += _at_the_end(study, view, best["params"])
    failed = [i for i, s in enumerate(view.states) if s == TrialState.FAIL]
    if failed:
        reasons = Counter(view.table.texts("reason")[i] or "no reason given" for i in failed)
        reason, n = reasons.most_common(1)[0]
        out.append(f"{len(failed)} of {_count(view.n, 'trial')} failed; most often ({n}): {reason}")
    if view.infeasible:
        out.append(f"{len(view.infeasible)} of {len(view.infeasible) + len(view.complete)} complete trials violate a constraint.")
    running = view.states.count(TrialState.RUNNING)
    if running:
        out.append(f"{_count(running, 'trial')} {'was' if running == 1 else 'were'} still running when this page was written.")
    return out


def _at_the_end(study, view, params):
    """Values at an end of a range that the search reached: the best may lie beyond."""
    out = []
    for name, value in params.items():
        distribution = view.table.layout.distribution(name)
        low, high = getattr(distribution, "low", None), getattr(distribution, "high", None)
        if low is None or low == high or isinstance(value, bool) or not isinstance(value, (int, float)):
            continue
        if distribution.log:
            low, high, at = math.log(low), math.log(high), math.log(value)
        else:
            at = value
        share = (at - low) / (high - low)
        few = getattr(distribution, "step", None) and (distribution.high - distribution.low) / distribution.step < 4
        if not few and (share < 0.01 or share > 0.99):
            which = "lower" if share < 0.5 else "upper"
            out.append(f"{name} = {text_of(value)} is at the {which} end of its range: a wider one may hold something better.")
    return out


# ---- pictures --------------------------------------------------------------------------------------------------


def _pictures(study, view):
    """[(key, title, SVG)] of what there is to see."""
    out = []

    def add(key, title, figure, **size):
        out.append((key, title, draw(figure, title=False, **size).svg))

    if len(study.directions) == 1:
        add("history", "History", plot.history(study, backend="data"), width=1100)
    else:
        add("front", "Pareto front", plot.pareto(study, backend="data"), width=1100 if len(study.directions) > 2 else 760)
        for k, name in enumerate(view.names):
            add(f"history{k}", f"History of {escape(name)}", plot.history(study, objective=k, backend="data"), width=1100, height=300)
    if view.complete and view.table.layout.at:
        figure = plot.parallel(study, backend="data")
        p = figure.parallel
        if len(p.rows) > MOST_LINES:
            figure.note = f"the best {MOST_LINES} of {len(p.rows)} complete trials"
            p.rows, p.colour, p.texts = p.rows[-MOST_LINES:], p.colour[-MOST_LINES:], p.texts[-MOST_LINES:]
        add("parallel", "Parallel coordinates", figure, width=1100)
        names = view.chosen(None)
        figure = plot.slice(study, names[:MOST_SLICES], backend="data")
        if len(names) > MOST_SLICES:
            figure.note = f"the first {MOST_SLICES} of {len(names)} parameters"
        add("slices", "Slices", figure, width=1100)
    if any(view.table.reports):
        add("curves", "Learning curves", plot.curves(study, backend="data"), width=1100)
    if any(s > 0 for s in view.table.started):
        figure = plot.timeline(study, backend="data")
        lanes = len(figure.panels[0].y.labels)
        add("timeline", "Timeline", figure, width=1100, height=min(420, 110 + 22 * lanes))
    return out


# ---- tables ----------------------------------------------------------------------------------------------------


def _table(head, rows, texts=(), top=()):
    """rows: lists of (text, number to sort by or None).  texts: columns of text; top: numbers of bold rows."""
    out = ['<div class="w"><table><thead><tr>']
    out += [f'<th scope="col"{" class=t" if i in texts else ""}>{escape(str(h))}</th>' for i, h in enumerate(head)]
    out.append("</tr></thead><tbody>\n")
    for r, row in enumerate(rows):
        out.append('<tr class="top">' if r in top else "<tr>")
        for i, (text, key) in enumerate(row):
            kind = ' class="t"' if i in texts else ""
            sort = "" if i in texts else f' data-v="{_key(key)}"'
            out.append(f"<td{kind}{sort}>{escape(str(text))}</td>")
        out.append("</tr>\n")
    out.append("</tbody></table></div>")
    return "".join(out)


def _key(v):
    if v is None or v != v:
        return ""
    return {math.inf: "Infinity", -math.inf: "-Infinity"}.get(v) or repr(v)


def _cell(value):
    if value is None:
        return "", None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return value, None
    return (_number(value) if isinstance(value, float) else value), value


def _trials(study, view, chosen, only=None):
    """The table of all trials, or of some; the chosen ones are bold."""
    if not view.n:
        return "<p>None yet.</p>"
    table = view.table
    head, columns, texts = ["trial", "state"], [list(range(view.n)), [WORD[s] for s in view.states]], {1}

    def add(title, values):
        known = [v for v in values if v is not None and v == v]
        if not known:
            return
        if not all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in known):
            texts.add(len(head))
        head.append(title)
        columns.append(values)

    for name, column in zip(view.names, table.values):
        add(name, list(column))
    for name, column in table.constraints().items():
        add(name, [None if v != v else v for v in column])
    for name, column in table.params().items():
        add(name, column)
    add("seconds", [(b - a) / 1000 if 0 < a <= b else None for a, b in zip(table.started, table.ended)])
    attrs = table.user_attrs()
    for key in dict.fromkeys(k for a in attrs.values() for k in a):
        add(key, [attrs.get(i, {}).get(key) for i in range(view.n)])
    add("reason", table.texts("reason"))
    shown, note = range(view.n) if only is None else only, ""
    if len(shown) > MOST_ROWS:
        order = sorted(view.complete, key=lambda i: view.y[i], reverse=view.maximize)[: MOST_ROWS // 2]
        kept = chosen.union(order)
        kept.update(i for i in reversed(range(view.n)) if len(kept) < MOST_ROWS)
        shown = sorted(kept)
        note = f"<p>{len(shown)} of {view.n} trials: the best ones and the newest.</p>"
    rows = [[_cell(column[i]) if k not in texts else (_words(column[i]), None) for k, column in enumerate(columns)] for i in shown]
    return note + _table(head, rows, texts, {r for r, i in enumerate(shown) if i in chosen})


def _words(value):
    text = "" if value is None else str(value)
    return text if len(text) <= 200 else text[:199] + "…"


def _facts(study, view):
    s = view.table.summary
    budget = ", ".join(f"{name} {v:g}" for name, v in s["budget"].items() if v == v and v)
    pairs = [
        ("made", f"{datetime.fromtimestamp(s['created_ms'] / 1000):%Y-%m-%d %H:%M:%S}"),
        ("status", study.status),
        ("objectives", ", ".join(f"{d.name.lower()} {n}" for d, n in zip(study.directions, view.names))),
        ("sampler", s["sampler"]),
        ("seed", s["seed"]),
        ("pruner", s["scheduler"]),
        ("stopping rule", s["until"]),
        ("budget", budget),
        ("seconds of work", f"{s['active_seconds']:.6g}"),
        ("cost", f"{s['cost']:g}" if s["cost"] else ""),
        *((f"attribute {k}", v) for k, v in study.user_attrs.items()),
        ("version of hpo", _core.version),
    ]
    facts = "".join(f"<dt>{escape(str(a))}</dt><dd>{escape(str(b))}</dd>" for a, b in pairs if b not in (None, ""))
    space = "".join(
        f"<dt><code>{escape(name)}</code></dt><dd><code>{escape(describe(p))}</code></dd>" for name, p in view.table.layout.doc["params"].items()
    )
    constraints = "".join(f"<dd><code>{escape(str(c))}</code></dd>" for c in view.table.layout.doc.get("constraints", ()))
    if constraints:
        space += f"<dt>constraints</dt>{constraints.replace('</dd><dd>', '</dd><dt></dt><dd>')}"
    learned = " It was learned from what the objective asked for." if study._open else ""
    return f"<dl>{facts}</dl><h2>The space</h2><p>{_count(len(view.table.layout.at), 'parameter')}.{learned}</p><dl>{space}</dl>"
