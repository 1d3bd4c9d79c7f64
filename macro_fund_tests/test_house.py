"""The rules of the house: where Dagster may be, who may import whom, who may read the clock, what loading costs."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from macro_fund.reports import dbt_sources
from macro_fund.settings import CONFIG_DIR
from macro_fund.store.tables import PROVENANCE, TABLES
from macro_fund_tests.conftest import HERE, LONGEST

ROOT = CONFIG_DIR.parent
CODE = sorted((ROOT / "macro_fund").rglob("*.py"))

# A package may import the packages of the lines above it, and itself. `mandate` and `settings` are below everything.
LAYERS = (
    ("arithmetic",),
    ("mandate",),
    ("settings",),
    ("time",),
    ("store",),
    ("sources",),
    ("sample",),
    ("instruments", "features"),
    ("curves",),
    ("agents",),
    ("strategies",),
    ("backtest",),
    ("portfolio",),
    ("risk",),
    ("pms",),
    ("reports",),
    ("home",),
    ("orchestration", "research", "definitions", "cli", "__init__"),
)
# Contract codes are needed to read B3's files, curves to mark contracts, and the archive keeps what sources/messages.py
# describes; the arrows are between modules, never in a circle (test_no_circles_between_modules).
ALLOWED = {("sources", "instruments"), ("instruments", "curves"), ("store", "sources")}
RANK = {name: i for i, layer in enumerate(LAYERS) for name in layer}


def package_of(path: Path) -> str:
    part = path.relative_to(ROOT / "macro_fund").parts[0]
    return part.removesuffix(".py")


def imports_of(path: Path) -> set[str]:
    """Full names of the modules that a file imports, type-checking imports included."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {a.name for a in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{a.name}" for a in node.names}
    return found


def test_dagster_is_only_in_the_skin() -> None:
    strays = [
        str(p.relative_to(ROOT))
        for p in CODE
        if package_of(p) not in ("orchestration", "definitions")
        and any(m.split(".")[0].startswith("dagster") for m in imports_of(p))
    ]
    assert strays == []


def test_every_package_has_its_place() -> None:
    assert {package_of(p) for p in CODE} == set(RANK)


def test_stages_import_only_stages_above() -> None:
    strays = []
    for path in CODE:
        own = package_of(path)
        if own in LAYERS[-1]:
            continue
        for module in imports_of(path):
            parts = module.split(".")
            other = parts[1] if parts[0] == "macro_fund" and len(parts) > 1 else own
            if other in RANK and RANK[other] > RANK[own] and (own, other) not in ALLOWED:
                strays.append(f"{path.relative_to(ROOT)} imports {module}")
    assert strays == []


def test_no_circles_between_modules() -> None:
    names = {".".join(p.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): p for p in CODE}
    edges = {n: {m for m in imports_of(p) if m in names and m != n} for n, p in names.items()}
    done: set[str] = set()

    def walk(name: str, path: tuple[str, ...]) -> None:
        assert name not in path, f"circle: {' -> '.join((*path[path.index(name) :], name))}"
        if name not in done:
            for other in sorted(edges[name]):
                walk(other, (*path, name))
            done.add(name)

    for name in sorted(names):
        walk(name, ())


def test_only_the_clock_reads_the_clock() -> None:
    strays = []
    for path in CODE:
        if path.relative_to(ROOT / "macro_fund").as_posix() == "time/clock.py":
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute) and node.attr in ("now", "today", "utcnow"):
                owner = ast.unparse(node.value)
                if owner.split(".")[-1] in ("datetime", "date", "dt"):
                    strays.append(f"{path.relative_to(ROOT)}:{node.lineno} {owner}.{node.attr}")
    assert strays == []


def test_the_clock_is_asked_only_where_people_and_providers_are() -> None:
    users = {p.relative_to(ROOT / "macro_fund").as_posix() for p in CODE if "macro_fund.time.clock" in imports_of(p)}
    assert users <= {
        "cli.py",
        "home.py",
        "orchestration/decide.py",
        "orchestration/partitions.py",
        "orchestration/sensors.py",
    }


def test_only_the_approval_service_decides() -> None:
    """Whoever decides, the demonstration too, meets the checks: nothing else writes decisions into the ledger."""
    calls = {
        (p.relative_to(ROOT / "macro_fund").as_posix(), n.attr)
        for p in CODE
        for n in ast.walk(ast.parse(p.read_text(encoding="utf-8")))
        if isinstance(n, ast.Attribute) and n.attr in ("decide", "confirm") and ast.unparse(n.value).endswith("ledger")
    }
    assert calls == {("pms/approval.py", "decide"), ("pms/approval.py", "confirm")}


@pytest.mark.parametrize(
    "module",
    sorted({f"macro_fund.{package_of(p)}" for p in CODE} - {"macro_fund.orchestration", "macro_fund.definitions"}),
)
def test_loading_a_package_is_cheap(module: str) -> None:
    """Importing a stage, with all its modules, loads nothing that takes seconds."""
    heavy = (
        *("dagster", "statsmodels", "matplotlib", "great_expectations", "sklearn", "alembic", "pandas"),
        *("fpdf", "apprise"),
    )
    name = module.removesuffix(".__init__")
    program = (
        f"import importlib, pkgutil, sys; m = importlib.import_module({name!r});"
        "[importlib.import_module(f'{m.__name__}.{x.name}') for x in pkgutil.iter_modules(getattr(m, '__path__', []))"
        " if m.__name__ != 'macro_fund' and x.name != 'migrations'];"
        f"print([h for h in {heavy!r} if h in sys.modules])"
    )
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"


def test_every_file_says_what_belongs_in_it() -> None:
    silent = [str(p.relative_to(ROOT)) for p in CODE if not ast.get_docstring(ast.parse(p.read_text()))]
    assert [p for p in silent if "migrations/versions" not in p] == []


def test_series_are_used_by_dbt_as_the_catalogue_says() -> None:
    schema = yaml.safe_load((ROOT / "dbt_silver/models/schema.yml").read_text())
    for model in schema["models"]:
        columns = [c["name"] for c in model["columns"]]
        table = TABLES[f"silver/{model['name']}"]
        assert columns == list(table.schema), model["name"]
        required = [c["name"] for c in model["columns"] if "not_null" in (c.get("data_tests") or [])]
        assert set(required) <= set(table.required)


def test_dbt_reads_every_provider_of_observations() -> None:
    assert (ROOT / dbt_sources.PATH).read_text() == dbt_sources.sources_yaml()
    project = yaml.safe_load((ROOT / "dbt_silver/dbt_project.yml").read_text())
    assert project["vars"]["observation_sources"] == dbt_sources.observation_sources()
    observed = [c for c in TABLES["bronze/fred"].schema if c not in PROVENANCE]
    assert observed == list(TABLES["silver/observations"].schema)


def test_no_file_names_a_package_index() -> None:
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False).stdout.split(
        "\n"
    )
    hosts = ("pypi" + ".org", "pythonhosted" + ".org")
    found = []
    for name in filter(None, tracked):
        path = ROOT / name
        if path.is_file() and path.suffix not in (".png",):
            text = path.read_text(encoding="utf-8", errors="replace")
            found += [name for host in hosts if host in text]
    assert found == []


def test_groups_are_in_the_order_of_their_rows() -> None:
    """Otherwise polars may add up a group in parts, and the last bit of a sum is left to chance."""
    strays = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in CODE
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "group_by"
        and not any(ast.unparse(k) == "maintain_order=True" for k in node.keywords)
    ]
    assert strays == []


def test_the_test_files_that_start_first_exist() -> None:
    assert [name for name in LONGEST if not (HERE / name).is_file()] == []
