# SPDX-License-Identifier: Apache-2.0
"""Draws a Figure with matplotlib."""

import math

from .figure import ABSENT, SEQUENTIAL, Bars, Cells, Line, Points, colour_of, marker_of, text_of

MARKERS = {"circle": "o", "square": "s", "diamond": "D", "cross": "x"}


def draw(figure):
    """The figure as a matplotlib.figure.Figure; pyplot knows it, so that plt.show() shows it."""
    import matplotlib.pyplot as plt
    from matplotlib.colors import LinearSegmentedColormap, Normalize

    shades = LinearSegmentedColormap.from_list("hpo", SEQUENTIAL)
    colours = None
    if figure.scale is not None:
        if figure.scale.reverse:
            shades = shades.reversed()
        colours = (shades, Normalize(figure.scale.low, figure.scale.high, clip=True))
    if figure.parallel is not None:
        fig, axes = plt.subplots(figsize=(max(7.0, 1.3 * len(figure.parallel.axes)), 4.5), constrained_layout=True)
        _parallel(axes, figure.parallel, colours)
    else:
        count = max(1, len(figure.panels))
        columns = max(1, min(figure.columns, count))
        rows = math.ceil(count / columns)
        size = (7.0, 4.2) if count == 1 else (max(7.0, 3.4 * columns), 3.0 * rows)
        fig, axes = plt.subplots(rows, columns, figsize=size, squeeze=False, constrained_layout=True)
        flat = list(axes.flat)
        for ax, panel in zip(flat, figure.panels):
            _panel(ax, panel, colours)
        for ax in flat[len(figure.panels) :]:
            ax.set_axis_off()
        if not figure.panels:
            flat[0].text(0.5, 0.5, figure.note, ha="center", va="center", wrap=True)
    fig.suptitle(figure.title)
    if colours is not None and (figure.parallel is not None or any(_coloured(m) for p in figure.panels for m in p.marks)):
        fig.colorbar(plt.cm.ScalarMappable(colours[1], colours[0]), ax=fig.axes, label=figure.scale.title)
    elif figure.note and any(p.marks for p in figure.panels):
        fig.text(0.99, 0.99, figure.note, ha="right", va="top", fontsize="x-small", color="#666666")
    return fig


def _coloured(mark):
    return isinstance(mark, Cells) or (isinstance(mark, Points) and mark.colour is not None)


def _scale(axis, which, one):
    if one.scale == "log":
        getattr(axis, f"set_{which}scale")("log")
    elif one.scale == "labels":
        getattr(axis, f"set_{which}ticks")(range(len(one.labels)), one.labels)
        getattr(axis, f"set_{which}lim")(-0.5, max(1, len(one.labels)) - 0.5)
    getattr(axis, f"set_{which}label")(one.title)


def _panel(ax, panel, colours):
    named = False
    _scale(ax, "x", panel.x)
    _scale(ax, "y", panel.y)
    for m in panel.marks:
        label = m.name if not isinstance(m, Cells) and m.name and not (isinstance(m, Line) and m.thin) else None
        if isinstance(m, Points):
            marker = MARKERS[marker_of(m.role)]
            if m.error is not None:
                ax.errorbar(m.x, m.y, [0.0 if e != e else e for e in m.error], fmt="none", ecolor=colour_of(m.role), alpha=0.45)
            if m.colour is not None:
                ax.scatter(m.x, m.y, c=m.colour, cmap=colours[0], norm=colours[1], s=16, marker=marker, edgecolors="#888888", linewidths=0.3)
                label = None
            else:
                ax.scatter(m.x, m.y, c=colour_of(m.role), s=16, marker=marker, label=label, alpha=0.8, linewidths=1.0 if marker == "x" else 0.0)
        elif isinstance(m, Line):
            style = "steps-post" if m.steps else "default"
            thick = {"linewidth": 0.9, "alpha": 0.6} if m.thin else {"linewidth": 2.0}
            ax.plot(m.x, m.y, color=colour_of(m.role), drawstyle=style, label=label, **thick)
            if m.low is not None:
                ax.fill_between(m.x, m.low, m.high, color=colour_of(m.role), alpha=0.15, step="post" if m.steps else None, linewidth=0)
        elif isinstance(m, Bars):
            widths = [b - a for a, b in zip(m.start, m.end)]
            ax.barh(m.row, widths, left=m.start, height=0.8, color=colour_of(m.role), edgecolor=colour_of(m.role), linewidth=0.3, label=label)
        else:
            ax.pcolormesh(m.x, m.y, m.z, cmap=colours[0], norm=colours[1], shading="nearest")
        named = named or label is not None
    for x, _ in panel.guides:
        ax.axvline(x, color="#9a9a9a", linestyle="--", linewidth=0.8)
    for which, one in (("x", panel.x), ("y", panel.y)):
        ends = {k: v for k, v in (("left", one.low), ("right", one.high)) if v is not None}
        if ends and one.scale != "labels":
            getattr(ax, f"set_{which}lim")(*(ends.get(k) for k in ("left", "right")))
    if not panel.marks:
        ax.text(0.5, 0.5, panel.note, ha="center", va="center", transform=ax.transAxes, wrap=True)
    if panel.title:
        ax.set_title(panel.title)
    if named:
        ax.legend(fontsize="small", framealpha=0.7)


def _parallel(ax, p, colours):
    shades, norm = colours
    for row, c in zip(p.rows, p.colour):
        ax.plot(range(len(row)), row, color=shades(norm(c)), alpha=0.7, linewidth=1.0)
    for k, (_, marks) in enumerate(p.axes):
        ax.axvline(k, color="#999999", linewidth=1.0)
        for t, text in marks:
            ax.annotate(text_of(text), (k, t), xytext=(3, -3), textcoords="offset points", fontsize="x-small", bbox={"facecolor": "white", "alpha": 0.6, "pad": 0.5, "linewidth": 0})
    ax.set_xticks(range(len(p.axes)), [title for title, _ in p.axes], rotation=20 if len(p.axes) > 5 else 0)
    ax.set_ylim(ABSENT - 0.05, 1.05)
    ax.set_yticks([])
    for side in ("left", "right", "top", "bottom"):
        ax.spines[side].set_visible(False)
