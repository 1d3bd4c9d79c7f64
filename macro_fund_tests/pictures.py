"""Pictures without ink, for tests that look at anything but pictures.

Belongs here: what keeps matplotlib from drawing. Does not belong here: a test.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg


@contextmanager
def blank_pictures() -> Iterator[None]:
    """Pictures are made and stay blank inside."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(FigureCanvasAgg, "draw", lambda canvas: setattr(canvas, "renderer", canvas.get_renderer()))
        yield
