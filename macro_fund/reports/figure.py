"""What every picture is drawn with: the house style, axes by date, legends, the picture of nothing, PNG bytes.

Belongs here: drawing that knows no table. Does not belong here: the picture of a table (plots.py, agent_plots_*.py).
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal

import polars as pl

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SIZE = (7.2, 2.7)
INK = "#1c2733"
COLOURS = ("#1f5fa8", "#c8553d", "#2e8b57", "#8a5fb0", "#c49a2c", "#4a6572")
RECENT = 252
LINES = 6  # the most series that a picture can show apart


def figure(title: str, panels: int = 1) -> tuple[Figure, Sequence[Axes]]:
    """A figure of `panels` axes side by side in the house style, without pyplot's global state."""
    from matplotlib.figure import Figure

    fig = Figure(figsize=SIZE, dpi=110, layout="constrained")
    axes = [fig.add_subplot(1, panels, i + 1) for i in range(panels)]
    fig.suptitle(title, fontsize=9, color=INK, x=0.01, ha="left")
    for ax in axes:
        ax.tick_params(labelsize=7, colors=INK)
        ax.grid(visible=True, linewidth=0.3, color="#c9d1d9")
        for side in ("top", "right"):
            ax.spines[side].set_visible(False)
    return fig, axes


def png(fig: Figure) -> bytes:
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    buffer = io.BytesIO()
    FigureCanvasAgg(fig).print_png(buffer, metadata={"Software": None})  # savefig would draw it twice
    return buffer.getvalue()


@lru_cache(maxsize=64)  # a report shows the same pictures in each language and form
def watermarked(picture: bytes, text: str) -> bytes:
    """The picture with `text` across its corner; unchanged when there is none to write."""
    if not text:
        return picture
    from PIL import Image, ImageDraw

    image = Image.open(io.BytesIO(picture)).convert("RGB")
    ImageDraw.Draw(image).text((image.width - 70, 4), text, fill=COLOURS[1], font_size=15)
    buffer = io.BytesIO()
    image.save(buffer, format="png")
    return buffer.getvalue()


def legend(ax: Axes, loc: Literal["best", "upper left", "lower left"] = "best", columns: int = 1) -> None:
    """A small legend at `loc`; none when nothing on the axes has a label."""
    if ax.get_legend_handles_labels()[1]:
        ax.legend(fontsize=6, frameon=False, loc=loc, ncols=columns)


def dated(ax: Axes) -> None:
    """Few, short date labels: two panels side by side have no room for more."""
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

    locator = AutoDateLocator(minticks=3, maxticks=6)
    ax.xaxis.set_major_locator(locator)
    ax.xaxis.set_major_formatter(ConciseDateFormatter(locator))


def lines(ax: Axes, frame: pl.DataFrame, xy: tuple[str, str], by: str, names: Sequence[Any]) -> None:
    """One dated line for each of `names` in column `by`."""
    x, y = xy
    for colour, name in zip(COLOURS * 3, names, strict=False):
        part = frame.filter(pl.col(by) == name).sort(x)
        ax.plot(part[x].to_list(), part[y].to_list(), color=colour, linewidth=1, label=str(name))
    dated(ax)
    legend(ax)


def empty(title: str) -> bytes:
    """The picture of a table that holds nothing to draw."""
    fig, axes = figure(title)
    axes[0].text(0.5, 0.5, "no view", ha="center", va="center", fontsize=10, color=INK)
    axes[0].set_axis_off()
    return png(fig)


def recent(frame: pl.DataFrame, sessions: int = RECENT) -> pl.DataFrame:
    """Rows of the last `sessions` sessions."""
    days = frame["session"].unique().sort()
    return frame.filter(pl.col("session") >= days[-min(sessions, days.len())]) if days.len() else frame
