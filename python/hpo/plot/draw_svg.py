# SPDX-License-Identifier: Apache-2.0
"""Draws a Figure as SVG, without any library: in notebooks without matplotlib, and in the page of Study.report."""

import math
from html import escape

from .figure import SEQUENTIAL, Bars, Cells, Line, Points, colour_of, ends, marker_of, place, shade, text_of, ticks

WIDTH, HEIGHT = 760, 420  # of a picture of one panel; several are smaller
LEFT, RIGHT, TOP, BOTTOM = 66, 16, 30, 46
MOST_TEXTS = 3000  # marks with a text at the pointer

# Names of our own: in a page these rules hold for the whole of it.
STYLE = (
    "svg.hpo text{font:12px system-ui,-apple-system,'Segoe UI','DejaVu Sans',sans-serif;fill:#333}"
    "svg.hpo .hpo-t{font-size:15px;font-weight:600}svg.hpo .hpo-s{font-size:11px;fill:#666}"
    ".hpo-g{stroke:#e6e6e6;fill:none}.hpo-a{stroke:#999;fill:none}"
)


class Picture:
    """A drawn figure: shown by notebooks, written by save(path)."""

    def __init__(self, svg):
        self.svg = svg

    def _repr_svg_(self):
        return self.svg

    def save(self, path):
        """Writes the picture to a file."""
        with open(path, "w", encoding="utf-8") as f:
            f.write(self.svg)

    def __str__(self):
        return self.svg


def n(v):
    """A coordinate, short."""
    return f"{v:.1f}".rstrip("0").rstrip(".")


def sequential(t):
    """Colour of a darkness from 0 to 1."""
    at = t * (len(SEQUENTIAL) - 1)
    i = min(int(at), len(SEQUENTIAL) - 2)
    a, b = SEQUENTIAL[i], SEQUENTIAL[i + 1]
    mixed = (round(int(a[k : k + 2], 16) + (at - i) * (int(b[k : k + 2], 16) - int(a[k : k + 2], 16))) for k in (1, 3, 5))
    return "#" + "".join(f"{c:02x}" for c in mixed)


def draw(figure, width=WIDTH, height=HEIGHT, title=True):
    """The figure as a Picture."""
    out = []
    top = 34 if title else 24 if figure.note else 6
    if title:
        out.append(f'<text class="hpo-t" x="12" y="22">{escape(figure.title)}</text>')
    if figure.parallel is not None:
        total = (max(width, 110 * len(figure.parallel.axes)), height + top)
        _parallel(out, figure, 0, top, total[0], height)
    else:
        columns = max(1, min(figure.columns, len(figure.panels)))
        rows = math.ceil(len(figure.panels) / columns)
        w, h = (width, height) if len(figure.panels) == 1 else (max(300, width / columns), 290)
        legend = _legend_height(figure)
        total = (w * columns, h * rows + top + legend)
        for i, panel in enumerate(figure.panels):
            _panel(out, figure, panel, (i % columns) * w, top + (i // columns) * h, w, h)
        _legend(out, figure, top + h * rows, total[0])
        if not figure.panels:
            total = (width, 80 + top)
            out.append(f'<text x="{width / 2}" y="{top + 40}" text-anchor="middle">{escape(figure.note)}</text>')
    if figure.note and (figure.parallel is not None or any(p.marks for p in figure.panels)):
        out.append(f'<text class="hpo-s" x="{n(total[0] - 12)}" y="{20 if title else 16}" text-anchor="end">{escape(figure.note)}</text>')
    return Picture(
        f'<svg class="hpo" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {n(total[0])} {n(total[1])}" width="{n(total[0])}" '
        f'height="{n(total[1])}" role="img" aria-label="{escape(figure.title, quote=True)}"><style>{STYLE}</style>'
        f'<rect width="100%" height="100%" fill="#fff"/>{"".join(out)}</svg>'
    )


# ---- one panel ------------------------------------------------------------------------------------------------


def _values(panel, which):
    """All coordinates of a panel in x or in y."""
    out = []
    for m in panel.marks:
        if isinstance(m, Bars):
            out += [*m.start, *m.end] if which == "x" else [v + d for v in m.row for d in (-0.5, 0.5)]
        elif isinstance(m, Cells):
            out += m.x if which == "x" else m.y
        else:
            out += m.x if which == "x" else m.y
            if which == "y" and isinstance(m, Line) and m.low is not None:
                out += [*m.low, *m.high]
            if which == "y" and isinstance(m, Points) and m.error is not None:
                out += [v + s * e for v, e in zip(m.y, m.error) if e == e for s in (-1, 1)]
    return out


def _panel(out, figure, panel, left, top, width, height):
    x0, x1, y0, y1 = left + LEFT, left + width - RIGHT, top + (TOP if panel.title else 12), top + height - BOTTOM
    xs, ys = ends(panel.x, _values(panel, "x")), ends(panel.y, _values(panel, "y"))

    def px(v):
        return x0 + (x1 - x0) * place(panel.x.scale, *xs, v)

    def py(v):
        return y1 - (y1 - y0) * place(panel.y.scale, *ys, v)

    if panel.title:
        out.append(f'<text x="{n((x0 + x1) / 2)}" y="{n(top + 20)}" text-anchor="middle">{escape(panel.title)}</text>')
    for v, text in _marks(panel.x, xs, max(2, (x1 - x0) / 70)):
        out.append(f'<path class="hpo-g" d="M{n(px(v))} {n(y0)}V{n(y1)}"/>')
        out.append(f'<text class="hpo-s" x="{n(px(v))}" y="{n(y1 + 15)}" text-anchor="middle">{escape(_short(text, 14))}</text>')
    for v, text in _marks(panel.y, ys, max(2, (y1 - y0) / 36)):
        out.append(f'<path class="hpo-g" d="M{n(x0)} {n(py(v))}H{n(x1)}"/>')
        out.append(f'<text class="hpo-s" x="{n(x0 - 6)}" y="{n(py(v) + 4)}" text-anchor="end">{escape(_short(text, 9))}</text>')
    out.append(f'<rect class="hpo-a" x="{n(x0)}" y="{n(y0)}" width="{n(x1 - x0)}" height="{n(y1 - y0)}"/>')
    out.append(f'<text x="{n((x0 + x1) / 2)}" y="{n(y1 + 33)}" text-anchor="middle">{escape(panel.x.title)}</text>')
    middle = f"{n(left + 13)} {n((y0 + y1) / 2)}"
    out.append(f'<text transform="translate({middle}) rotate(-90)" text-anchor="middle">{escape(panel.y.title)}</text>')
    for v, text in panel.guides:
        out.append(f'<path stroke="#9a9a9a" stroke-dasharray="4 3" d="M{n(px(v))} {n(y0)}V{n(y1)}"><title>{escape(text)}</title></path>')
    if not panel.marks:
        out.append(f'<text x="{n((x0 + x1) / 2)}" y="{n((y0 + y1) / 2)}" text-anchor="middle">{escape(panel.note)}</text>')

    def inside(x, y):
        fits = (panel.x.scale != "log" or x > 0) and (panel.y.scale != "log" or y > 0)
        return fits and math.isfinite(x) and math.isfinite(y)

    for mark in panel.marks:
        if isinstance(mark, Points):
            _points(out, figure, mark, px, py, inside)
        elif isinstance(mark, Line):
            _line(out, mark, px, py, inside)
        elif isinstance(mark, Bars):
            _bars(out, mark, px, py)
        else:
            _cells(out, figure, mark, panel, (x0, x1), (y0, y1))


def _short(text, most):
    return text if len(text) <= most else text[: most - 1] + "…"


def _marks(axis, span, most):
    if axis.scale == "labels":
        every = max(1, math.ceil(len(axis.labels) / most))
        return [(i, text) for i, text in enumerate(axis.labels)][::every]
    return [(v, text_of(float(v))) for v in ticks(axis.scale, *span, max(2, int(min(most, 8))))]


def _title(texts, i):
    return f"<title>{escape(texts[i])}</title>" if texts is not None and len(texts) <= MOST_TEXTS else ""


def _points(out, figure, m, px, py, inside):
    marker, colour = marker_of(m.role), colour_of(m.role)
    r, shown = 3.5 if len(m.x) <= 500 else 2.2, []
    if m.error is not None:
        bars = []
        for x, y, e in zip(m.x, m.y, m.error):
            if e == e and inside(x, y - e) and inside(x, y + e):
                bars.append(f"M{n(px(x))} {n(py(y - e))}V{n(py(y + e))}")
        out.append(f'<path stroke="{colour}" stroke-opacity=".45" d="{"".join(bars)}"/>')
    seen = set()
    for i in reversed(range(len(m.x))):  # of marks at one place the last one is seen: the others are left out
        x, y = m.x[i], m.y[i]
        if not inside(x, y):
            continue
        a, b = px(x), py(y)
        at = (round(2 * a), round(2 * b))
        if at not in seen:
            seen.add(at)
            fill = sequential(shade(figure.scale, m.colour[i])) if m.colour is not None else colour
            shown.append(_marker(marker, a, b, r, fill, _title(m.texts, i)))
    out += reversed(shown)


def _marker(kind, a, b, r, fill, title):
    if kind == "circle":
        shape = f'<circle cx="{n(a)}" cy="{n(b)}" r="{r}" fill="{fill}" fill-opacity=".8"'
    elif kind == "square":
        shape = f'<rect x="{n(a - r)}" y="{n(b - r)}" width="{2 * r}" height="{2 * r}" fill="{fill}" fill-opacity=".8"'
    elif kind == "diamond":
        d = f"M{n(a)} {n(b - 1.4 * r)}l{1.4 * r:.1f} {1.4 * r:.1f}l{-1.4 * r:.1f} {1.4 * r:.1f}l{-1.4 * r:.1f} {-1.4 * r:.1f}z"
        shape = f'<path d="{d}" fill="{fill}"'
    else:
        d = f"M{n(a - r)} {n(b - r)}l{2 * r} {2 * r}m0 {-2 * r}l{-2 * r} {2 * r}"
        shape = f'<path d="{d}" stroke="{fill}" stroke-width="1.6" fill="none"'
    return f"{shape}>{title}</{shape[1:].split(' ', 1)[0]}>" if title else shape + "/>"


def _line(out, m, px, py, inside):
    colour = colour_of(m.role)
    at = [(px(x), py(y)) for x, y in zip(m.x, m.y) if inside(x, y)]
    if not at:
        return
    if m.low is not None:
        band = [(px(x), py(a), py(b)) for x, a, b in zip(m.x, m.low, m.high) if inside(x, a) and inside(x, b)]
        d = _path([(x, b) for x, _, b in band], m.steps) + "L" + _path([(x, a) for x, a, _ in band][::-1], m.steps, True)[1:] + "z"
        if band:
            out.append(f'<path d="{d}" fill="{colour}" fill-opacity=".15"/>')
    style = 'stroke-width="1" stroke-opacity=".55"' if m.thin else 'stroke-width="2"'
    title = f"<title>{escape(m.name)}</title>" if m.name else ""
    out.append(f'<path d="{_path(at, m.steps)}" stroke="{colour}" {style} fill="none" stroke-linejoin="round">{title}</path>')


def _path(at, steps, back=False):
    d = [f"M{n(at[0][0])} {n(at[0][1])}"] if at else ["M0 0"]
    for x, y in at[1:]:
        if not steps:
            d.append(f"L{n(x)} {n(y)}")
        else:
            d.append(f"V{n(y)}H{n(x)}" if back else f"H{n(x)}V{n(y)}")
    return "".join(d)


def _bars(out, m, px, py):
    colour, seen = colour_of(m.role), set()
    for i, (row, a, b) in enumerate(zip(m.row, m.start, m.end)):
        y0, y1 = py(row + 0.4), py(row - 0.4)
        at = (row, round(2 * px(a)), round(2 * px(b)))
        if at in seen:
            continue
        seen.add(at)
        out.append(
            f'<rect x="{n(px(a))}" y="{n(y0)}" width="{n(max(0.6, px(b) - px(a)))}" height="{n(max(0.6, y1 - y0))}" fill="{colour}">'
            f"{_title(m.texts, i)}</rect>"
        )


def _cells(out, figure, m, panel, xs, ys):
    w, h = (xs[1] - xs[0]) / len(m.x), (ys[1] - ys[0]) / len(m.y)
    for j, row in enumerate(m.z):
        for i, v in enumerate(row):
            fill = sequential(shade(figure.scale, v))
            x, y = xs[0] + i * w, ys[1] - (j + 1) * h
            out.append(f'<rect x="{n(x)}" y="{n(y)}" width="{n(w + 0.3)}" height="{n(h + 0.3)}" fill="{fill}"/>')


# ---- parallel coordinates -----------------------------------------------------------------------------------


def _parallel(out, figure, left, top, width, height):
    p = figure.parallel
    x0, x1, y0, y1 = left + 50, left + width - 60, top + 26, top + height - 40
    gap = (x1 - x0) / max(1, len(p.axes) - 1)

    def py(t):
        return y1 - (y1 - y0) * (t + 0.12) / 1.12

    for i, row in enumerate(p.rows):
        colour = sequential(shade(figure.scale, p.colour[i])) if figure.scale else SEQUENTIAL[-1]
        d = "M" + "L".join(f"{n(x0 + k * gap)} {n(py(t))}" for k, t in enumerate(row))
        out.append(f'<path d="{d}" stroke="{colour}" stroke-opacity=".7" fill="none">{_title(p.texts, i)}</path>')
    for k, (title, marks) in enumerate(p.axes):
        x = x0 + k * gap
        out.append(f'<path class="hpo-a" d="M{n(x)} {n(py(0))}V{n(py(1))}"/>')
        out.append(f'<text x="{n(x)}" y="{n(y0 - 10)}" text-anchor="middle">{escape(_short(title, 16))}</text>')
        for t, text in marks:
            out.append(
                f'<text class="hpo-s" x="{n(x + 5)}" y="{n(py(t) + 4)}" paint-order="stroke" stroke="#fff" stroke-width="3">'
                f"{escape(_short(text, 12))}</text>"
            )
    _colour_bar(out, figure, left + 50, top + height - 14, 180)


# ---- legends --------------------------------------------------------------------------------------------------


def _entries(figure):
    """{name: (role, is a line)}, each name once; points drawn on the colour scale are explained by its bar."""
    out = {}
    for panel in figure.panels:
        for m in panel.marks:
            if not isinstance(m, Cells) and m.name and not (isinstance(m, Line) and m.thin) and getattr(m, "colour", None) is None:
                out.setdefault(m.name, (m.role, isinstance(m, Line)))
    return out


def _legend_height(figure):
    return 26 if _entries(figure) or figure.scale else 0


def _legend(out, figure, top, width):
    x, y = 66.0, top + 12
    if figure.scale is not None and any(getattr(m, "colour", None) is not None or isinstance(m, Cells) for p in figure.panels for m in p.marks):
        x = _colour_bar(out, figure, x, y, 140) + 24
    for name, (role, line) in _entries(figure).items():
        size = 24 + 6.6 * len(name)
        if x + size > width:
            break
        if line:
            out.append(f'<path d="M{n(x - 4)} {n(y)}h14" stroke="{colour_of(role)}" stroke-width="2"/>')
        else:
            out.append(_marker(marker_of(role), x + 3, y, 4, colour_of(role), ""))
        out.append(f'<text class="hpo-s" x="{n(x + 14)}" y="{n(y + 4)}">{escape(name)}</text>')
        x += size


def _colour_bar(out, figure, x, y, width):
    scale = figure.scale
    if scale is None:
        return x
    low, high = text_of(float(scale.low)), text_of(float(scale.high))
    out.append(f'<text class="hpo-s" x="{n(x)}" y="{n(y + 4)}">{escape(scale.title)}  {low}</text>')
    x += 6.2 * (len(scale.title) + len(low) + 3)
    for i in range(24):
        t = (i + 0.5) / 24
        fill = sequential(1 - t if scale.reverse else t)
        out.append(f'<rect x="{n(x + i * width / 24)}" y="{n(y - 5)}" width="{n(width / 24 + 0.3)}" height="10" fill="{fill}"/>')
    out.append(f'<text class="hpo-s" x="{n(x + width + 5)}" y="{n(y + 4)}">{high}</text>')
    return x + width + 5 + 6.2 * len(high)
