"""Figures, as SVG."""

import io
from collections.abc import Sequence

import matplotlib as mpl
from matplotlib.figure import Figure
from msgspec import Struct

mpl.rcParams["svg.hashsalt"] = "dialbook"  # the same data make the same file


class Line(Struct, frozen=True):
    """A series of points."""

    name: str
    points: Sequence[tuple[float, float]]


def draw(lines: Sequence[Line], across: str, up: str) -> bytes:
    """Draw lines over a logarithmic height; return the SVG."""
    figure = Figure(figsize=(8, 4.5), layout="constrained")
    axes = figure.subplots()
    for line in lines:
        axes.plot(*zip(*line.points, strict=True), marker="o", label=line.name)
    axes.set_yscale("log")
    axes.set_xlabel(across)
    axes.set_ylabel(up)
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.grid(visible=True, which="major", alpha=0.3)
    axes.legend()
    with io.BytesIO() as file:
        figure.savefig(file, format="svg", metadata={"Date": None})
        return file.getvalue()
