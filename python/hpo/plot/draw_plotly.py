# SPDX-License-Identifier: Apache-2.0
"""Draws a Figure with plotly."""

import math

from .figure import ABSENT, SEQUENTIAL, Bars, Line, Points, colour_of, ends, marker_of

MARKERS = {"circle": "circle", "square": "square", "diamond": "diamond", "cross": "x"}


def draw(figure):
    """The figure as a plotly.graph_objects.Figure."""
    import plotly.graph_objects as go
    from plotly.subplots import make_subplots

    shades = [[i / (len(SEQUENTIAL) - 1), c] for i, c in enumerate(SEQUENTIAL)]
    if figure.parallel is not None:
        fig = go.Figure(_parallel(go, figure, shades))
    else:
        count = max(1, len(figure.panels))
        columns = max(1, min(figure.columns, count))
        rows = math.ceil(count / columns)
        titles = [p.title for p in figure.panels] if any(p.title for p in figure.panels) else None
        fig = make_subplots(rows=rows, cols=columns, subplot_titles=titles)
        seen = {"bar": False}
        for k, panel in enumerate(figure.panels):
            _panel(go, fig, figure, panel, k // columns + 1, k % columns + 1, shades, seen)
        if rows * columns > 1:
            fig.update_layout(width=max(700, 330 * columns), height=max(450, 300 * rows))
    fig.update_layout(title=figure.title, template="plotly_white")
    if figure.note:
        fig.add_annotation(text=figure.note, showarrow=False, xref="paper", yref="paper", x=1, y=1.06, xanchor="right", font={"size": 11})
    return fig


def _panel(go, fig, figure, panel, row, col, shades, seen):
    at = {"row": row, "col": col}
    for m in panel.marks:
        if isinstance(m, Points):
            fig.add_trace(_points(go, figure, m, shades, seen), **at)
        elif isinstance(m, Line):
            for trace in _line(go, m, seen):
                fig.add_trace(trace, **at)
        elif isinstance(m, Bars):
            fig.add_trace(
                go.Bar(
                    x=[b - a for a, b in zip(m.start, m.end)],
                    y=m.row,
                    base=m.start,
                    orientation="h",
                    name=m.name,
                    marker={"color": colour_of(m.role)},
                    hovertext=_texts(m.texts),
                    hoverinfo="text",
                    showlegend=_first(seen, m.name),
                ),
                **at,
            )
            fig.update_layout(barmode="overlay", bargap=0.2)
        else:
            scale = figure.scale
            fig.add_trace(
                go.Heatmap(
                    x=m.x, y=m.y, z=m.z, colorscale=shades, reversescale=scale.reverse, zmin=scale.low, zmax=scale.high,
                    zsmooth=False, hoverinfo="skip", showscale=not seen["bar"], colorbar={"title": scale.title},
                ),
                **at,
            )  # fmt: skip
            seen["bar"] = True
    for x, text in panel.guides:
        fig.add_shape(type="line", x0=x, x1=x, y0=0, y1=1, yref="y domain", line={"color": "#9a9a9a", "dash": "dash", "width": 1}, name=text, **at)
    fig.update_xaxes(**_axis(panel.x), **at)
    fig.update_yaxes(**_axis(panel.y), **at)
    if not panel.marks:
        fig.add_annotation(text=panel.note, showarrow=False, xref="x domain", yref="y domain", x=0.5, y=0.5, **at)


def _axis(axis):
    out = {"title": {"text": axis.title}}
    if axis.scale == "log":
        out["type"] = "log"
    elif axis.scale == "labels":
        out.update(tickvals=list(range(len(axis.labels))), ticktext=list(axis.labels), range=list(ends(axis, ())))
    elif axis.low is not None and axis.high is not None:
        out["range"] = [axis.low, axis.high]
    elif axis.low is not None:
        out["rangemode"] = "tozero"
    return out


def _first(seen, name):
    """A name stands in the legend once."""
    if not name or name in seen:
        return False
    seen[name] = True
    return True


def _texts(texts):
    return None if texts is None else [t.replace("\n", "<br>") for t in texts]


def _points(go, figure, m, shades, seen):
    marker = {"symbol": MARKERS[marker_of(m.role)], "color": colour_of(m.role), "size": 6, "opacity": 0.8}
    if m.colour is not None:
        scale = figure.scale
        marker.update(
            color=m.colour, colorscale=shades, reversescale=scale.reverse, cmin=scale.low, cmax=scale.high,
            showscale=not seen["bar"], colorbar={"title": scale.title}, line={"width": 0.5, "color": "#888888"},
        )  # fmt: skip
        seen["bar"] = True
    error = {"type": "data", "array": [0.0 if e != e else e for e in m.error], "thickness": 0.8} if m.error is not None else None
    return go.Scatter(
        x=m.x, y=m.y, mode="markers", name=m.name, marker=marker, error_y=error, hovertext=_texts(m.texts), hoverinfo="text" if m.texts else None,
        showlegend=m.colour is None and _first(seen, m.name),
    )  # fmt: skip


def _line(go, m, seen):
    shape = "hv" if m.steps else "linear"
    colour = colour_of(m.role)
    if m.low is not None:
        edge = {"mode": "lines", "line": {"width": 0, "shape": shape}, "showlegend": False, "hoverinfo": "skip"}
        yield go.Scatter(x=m.x, y=m.high, **edge)
        r, g, b = (int(colour[k : k + 2], 16) for k in (1, 3, 5))
        yield go.Scatter(x=m.x, y=m.low, fill="tonexty", fillcolor=f"rgba({r},{g},{b},0.15)", **edge)
    yield go.Scatter(
        x=m.x, y=m.y, mode="lines", name=m.name, opacity=0.6 if m.thin else 1.0,
        line={"color": colour, "width": 1 if m.thin else 2, "shape": shape}, showlegend=not m.thin and _first(seen, m.name),
    )  # fmt: skip


def _parallel(go, figure, shades):
    p, scale = figure.parallel, figure.scale
    dimensions = []
    for k, (title, marks) in enumerate(p.axes):
        dimensions.append(
            {
                "label": title,
                "values": [row[k] for row in p.rows],
                "range": [ABSENT, 1],
                "tickvals": [t for t, _ in marks],
                "ticktext": [text for _, text in marks],
            }
        )
    line = {
        "color": p.colour, "colorscale": shades, "reversescale": scale.reverse, "cmin": scale.low, "cmax": scale.high,
        "showscale": True, "colorbar": {"title": scale.title},
    }  # fmt: skip
    return go.Parcoords(dimensions=dimensions, line=line, labelangle=30 if len(dimensions) > 6 else 0)
