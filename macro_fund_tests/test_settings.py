"""What people get told when a file of config/ or a home's fund.yaml is wrong: file, line, field, what is allowed."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import get_args

import pytest
import yaml

from macro_fund.settings import CONFIG_DIR, Series, SettingsError, default_settings, load_settings


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A copy of config/ to spoil."""
    return Path(shutil.copytree(CONFIG_DIR, tmp_path / "config"))


def spoil(file: Path, old: str, new: str) -> int:
    """Replace the first `old` of the file; gives the number of its line."""
    text = file.read_text(encoding="utf-8")
    assert old in text, f"{file} has no {old!r}: the test is older than the file"
    file.write_text(text.replace(old, new, 1), encoding="utf-8")
    return text[: text.index(old)].count("\n") + 1


def message(config: Path) -> str:
    with pytest.raises(SettingsError) as caught:
        load_settings(config)
    return str(caught.value)


def test_the_projects_own_config_is_right():
    settings = default_settings()
    assert len(settings.series) >= 1_700
    named = get_args(Series.model_fields["source"].annotation)
    assert len(named) == 23
    # A source without a policy could not be asked, and one that the catalogue may not name would never be.
    assert set(settings.sources) == set(named)
    assert {s.source for s in settings.series} >= set(named) - {"licensed_prices"}  # a licensee writes its series
    assert {f.stem for f in (CONFIG_DIR / "series").glob("*.yaml")} == set(named)


@pytest.mark.parametrize(
    ("file", "old", "new", "field", "words"),
    [
        ("fund.yaml", "source: sample", "source: smaple", "source", ("'sample', 'live' or 'replay'", "got 'smaple'")),
        ("fund.yaml", "vol_target: 0.10", "vol_target: 10", "vol_target", ("less than or equal to 0.5", "got 10")),
        ("fund.yaml", 'nav_brl: "100000000.00"', "nav_brl: -1", "nav_brl", ("greater than 0", "got -1")),
        ("fund.yaml", "language: en", "language: fr", "language", ("'en' or 'pt'", "got 'fr'")),
        ("fund.yaml", "  rates: 0.5", "  rates: 5", "risk_share.rates", ("less than or equal to 1", "got 5")),
        ("fund.yaml", "history_start: 2010-01-04", "history_start: soon", "history_start", ("date", "got 'soon'")),
        ("instruments.yaml", "root: DI1", "root: DI2", "0.root", ("'DI1', 'DOL', 'IND'", "got 'DI2'")),
        ("sources.yaml", "timeout_s: 60", "attempts: 11", "bcb_sgs.attempts", ("less than or equal to 10", "got 11")),
        ("limits.yaml", "var_95: ", "var_95: 9", "var_95", ("less than or equal to 1",)),
    ],
)
def test_a_wrong_value_names_file_line_field_and_what_is_allowed(
    config: Path, file: str, old: str, new: str, field: str, words: tuple[str, ...]
):
    line = spoil(config / file, old, new)
    text = message(config)
    assert f"{config / file}:{line}: " in text
    assert field in text
    for word in words:
        assert word in text


def test_an_unknown_field_is_refused_where_it_stands(config: Path):
    line = spoil(config / "limits.yaml", "warn_at:", "warn_att:")
    text = message(config)
    assert f"{config / 'limits.yaml'}:{line}: warn_att: Extra inputs are not permitted" in text


def test_a_missing_field_is_named(config: Path):
    spoil(config / "fund.yaml", "vol_target: 0.10", "# vol_target")
    assert f"{config / 'fund.yaml'}:2: vol_target: Field required" in message(config)


def test_every_problem_of_a_file_is_told_at_once(config: Path):
    spoil(config / "fund.yaml", "vol_target: 0.10", "vol_target: 10")
    spoil(config / "fund.yaml", "language: en", "language: fr")
    lines = message(config).splitlines()
    assert [line.split(": ")[1] for line in lines] == ["vol_target", "language"]


def test_a_series_is_found_by_its_line_in_its_own_file(config: Path):
    file = sorted((config / "series").glob("*.yaml"))[0]
    line = spoil(file, "frequency: ", "frequency: X")
    text = message(config)
    assert f"{file}:{line}: " in text
    assert "'D', 'W', 'M', 'Q', 'A' or 'E'" in text


@pytest.mark.parametrize(
    ("file", "kind", "name"),
    [
        ("instruments.yaml", "instrument", "DI1_2Y"),
        ("strategies.yaml", "strategy", "FX-02"),
        ("series/bcb_focus.yaml", "series", "br_focus_ipca_12m"),
    ],
)
def test_ids_given_twice_are_named(config: Path, file: str, kind: str, name: str):
    rows = yaml.safe_load((config / file).read_text(encoding="utf-8"))
    rows += [r for r in rows if r["id"] == name]
    (config / file).write_text(yaml.safe_dump(rows), encoding="utf-8")
    assert f"{kind} ids given twice: {name}" in message(config)


def test_a_strategy_of_an_unknown_instrument_lists_the_known_ones(config: Path):
    spoil(config / "strategies.yaml", "DOL", "DOLLAR")
    text = message(config)
    assert "unknown instruments DOLLAR" in text
    assert "allowed: " in text
    assert "DI1_2Y" in text.split("allowed: ")[1]


def test_bad_yaml_names_file_and_line(config: Path):
    line = spoil(config / "fund.yaml", "source: sample", "source: [sample")
    text = message(config)
    assert f"{config / 'fund.yaml'}:{line + 1}: not valid YAML" in text


def test_a_date_that_does_not_exist_is_refused_in_words(config: Path):
    spoil(config / "fund.yaml", "history_start: 2010-01-04", "history_start: 2010-02-30")
    text = message(config)
    assert f"{config / 'fund.yaml'}:5: '2010-02-30' is not a date: day" in text
    assert "write YYYY-MM-DD" in text


def test_a_missing_file_says_where_to_get_one(config: Path):
    (config / "limits.yaml").unlink()
    assert "limits.yaml: no such file; copy it from the project's config/ folder" in message(config)


def test_an_empty_file_is_refused(config: Path):
    (config / "limits.yaml").write_text("", encoding="utf-8")
    assert "limits.yaml:1: (whole file): " in message(config)


def test_no_series_at_all_is_refused(config: Path):
    for file in (config / "series").glob("*.yaml"):
        file.unlink()
    assert "no series files" in message(config)


@pytest.mark.parametrize(
    ("file", "old", "new", "words"),
    [
        ("fund.yaml", "history_start: 2010-01-04", "history_start: 2010-01-04\ninception: 2009-06-01", "must be after"),
        ("strategies.yaml", "exit: ", "exit: 9", "must be below enter"),
        (
            "scenarios.yaml",
            "{di_252: 120,",
            "{di_253: 120,",
            "unknown factors di_253; allowed: di_63",
        ),
        (
            "scenarios.yaml",
            "end: 2013-09-05",
            "end: 2013-05-01",
            "give both start and end, in order",
        ),
        (
            "scenarios.yaml",
            "stated: [ust_10y]",
            "stated: [gold]",
            "stated names gold without a move",
        ),
        ("scenarios.yaml", "  scale: 1.5", "  scale: 0", "greater than 0"),
    ],
)
def test_values_that_contradict_each_other_are_refused(config: Path, file: str, old: str, new: str, words: str):
    spoil(config / file, old, new)
    text = message(config)
    assert str(config / file) in text
    assert words in text


def test_bounds_of_a_series_the_wrong_way_round_are_refused(config: Path):
    file = config / "series" / "bcb_focus.yaml"
    spoil(file, "  high: 0.2\n", "  high: -0.3\n")
    text = message(config)
    assert str(file) in text
    assert "low -0.02 must be below high -0.3" in text


def test_a_key_given_twice_is_refused_with_its_line(config: Path):
    spoil(config / "limits.yaml", "warn_at: 0.8", "warn_at: 0.8\nvar_95: 0.5")
    assert "limits.yaml:" in message(config)
    assert "'var_95' is given twice" in message(config)


def test_not_a_number_is_no_limit(config: Path):
    spoil(config / "limits.yaml", "warn_at: 0.8", "warn_at: .nan")
    assert "warn_at: Input should be a finite number" in message(config)
