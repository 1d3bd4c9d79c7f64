"""The notebooks run on a fund as they stand, and use nothing of the package."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from macro_fund.home import Home

NOTEBOOKS = sorted((Path(__file__).resolve().parents[2] / "docs" / "notebooks").glob("*.ipynb"))


def cells(path: Path) -> list[str]:
    notebook: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return ["".join(c["source"]) for c in notebook["cells"] if c["cell_type"] == "code"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_notebook_runs_with_duckdb_alone(
    path: Path,
    opened_home: Home,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import matplotlib as mpl

    mpl.use("Agg")
    monkeypatch.setenv("MACRO_FUND_HOME", str(opened_home.path))
    monkeypatch.delenv("SESSION", raising=False)
    assert not [c for c in cells(path) if re.search(r"^\s*(import|from) macro_fund", c, flags=re.MULTILINE)]
    names: dict[str, Any] = {}
    for number, cell in enumerate(cells(path)):
        exec(compile(cell, f"{path.name}[{number}]", "exec"), names)
    assert names["SESSION"] == opened_home.inception
    titles = [figure.axes[0].get_title() for figure in map(names["plt"].figure, names["plt"].get_fignums())]
    names["plt"].close("all")
    assert len(titles) >= 6
    assert not [t for t in titles if "nothing known" in t]
