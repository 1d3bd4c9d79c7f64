"""What every picture is drawn with: the house style, axes by date, legends, the picture of nothing, PNG bytes.

Belongs here: drawing that knows no table, and how axes are written in a language. Does not belong here: the picture of
a table (plots.py, agent_plots_*.py), or phrases (phrases.yaml).

A picture that reports print takes the page's language; the others are seen in Dagster only, and are in English.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from functools import cache, lru_cache, partial
from typing import TYPE_CHECKING, Any, Literal

import polars as pl

from macro_fund.reports.blocks import Cell, localised, say
from macro_fund.reports.words import in_words, short_month

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.ticker import Formatter

SIZE = (7.2, 2.7)
INK = "#1c2733"
COLOURS = ("#1f5fa8", "#c8553d", "#2e8b57", "#8a5fb0", "#c49a2c", "#4a6572")
RECENT = 252
FEW_DAYS = 5.0
LINES = 6  # the most series that a picture can show apart


def drawn(picture: Callable[[pl.DataFrame, str], bytes], frame: pl.DataFrame) -> Callable[[str], bytes]:
    """`Picture.drawn` of a table: each language is drawn once, when the first page in it asks."""
    return cache(partial(picture, frame))


def figure(title: Cell, panels: int = 1, language: str = "en") -> tuple[Figure, Sequence[Axes]]:
    """A figure of `panels` axes side by side in the house style, without pyplot's global state."""
    from matplotlib.figure import Figure

    fig = Figure(figsize=SIZE, dpi=110, layout="constrained")
    axes = [fig.add_subplot(1, panels, i + 1) for i in range(panels)]
    fig.suptitle(in_words(title, language), fontsize=9, color=INK, x=0.01, ha="left")
    for ax in axes:
        ax.tick_params(labelsize=7, colors=INK)
        ax.grid(visible=True, linewidth=0.3, color="#c9d1d9")
        ax.set_axisbelow(True)
        for side in ("top", "right"):
            ax.spines[side].set_visible(False)
    return fig, axes


def png(fig: Figure, language: str = "en") -> bytes:
    """The picture's bytes, the numbers and months of its axes as the language writes them."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    if language != "en":
        for axis in (axis for ax in fig.axes for axis in (ax.xaxis, ax.yaxis)):
            axis.set_major_formatter(_told(axis.get_major_formatter(), language))
    buffer = io.BytesIO()
    FigureCanvasAgg(fig).print_png(buffer, metadata={"Software": None})  # savefig would draw it twice
    return buffer.getvalue()


def _told(inner: Formatter, language: str) -> Formatter:
    """The formatter, its numbers or months in the language; names on an axis are the picture's own."""
    from matplotlib.dates import ConciseDateFormatter
    from matplotlib.ticker import ScalarFormatter

    class Numbers(ScalarFormatter):
        def __call__(self, x: float, pos: int | None = None) -> str:
            return localised(super().__call__(x, pos), language)

    class Dates(ConciseDateFormatter):
        def format_ticks(self, values: Sequence[float]) -> list[str]:
            return [_months(text, language) for text in super().format_ticks(values)]

        def get_offset(self) -> str:
            return "/".join(reversed(_months(super().get_offset(), language).split("-")))

    if isinstance(inner, ConciseDateFormatter):
        return Dates(inner._locator)
    return Numbers() if type(inner) is ScalarFormatter else inner


def _months(text: str, language: str) -> str:
    for month in range(1, 13):
        text = text.replace(short_month(month, "en"), short_month(month, language))
    return text


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
        # Lines may pass under the words, but not through them.
        ax.legend(fontsize=6, framealpha=0.8, edgecolor="none", loc=loc, ncols=columns)


def dated(ax: Axes) -> None:
    """Few, short date labels: two panels side by side have no room for more. No hours: a fund's first days are days."""
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter, DayLocator

    first, last = ax.get_xlim()
    locator = DayLocator() if last - first < FEW_DAYS else AutoDateLocator(minticks=3, maxticks=6)
    ax.xaxis.set_major_locator(locator)
    ax.xaxis.set_major_formatter(ConciseDateFormatter(locator))
    ax.xaxis.get_offset_text().set(fontsize=7, color=INK)


def lines(
    ax: Axes,
    frame: pl.DataFrame,
    xy: tuple[str, str],
    by: str,
    names: Sequence[Any],
    label: Callable[[Any], str] = str,
) -> None:
    """One dated line for each of `names` in column `by`; `label` says what the legend calls it."""
    x, y = xy
    for colour, name in zip(COLOURS * 3, names, strict=False):
        part = frame.filter(pl.col(by) == name).sort(x)
        ax.plot(part[x].to_list(), part[y].to_list(), color=colour, linewidth=1, label=label(name))
    dated(ax)
    legend(ax)


def empty(title: Cell, language: str = "en") -> bytes:
    """The picture of a table that holds nothing to draw."""
    fig, axes = figure(title, language=language)
    words = in_words(say("status.no_view"), language)
    axes[0].text(0.5, 0.5, words, ha="center", va="center", fontsize=10, color=INK)
    axes[0].set_axis_off()
    return png(fig, language)


def recent(frame: pl.DataFrame, sessions: int = RECENT) -> pl.DataFrame:
    """Rows of the last `sessions` sessions."""
    days = frame["session"].unique().sort()
    return frame.filter(pl.col("session") >= days[-min(sessions, days.len())]) if days.len() else frame
