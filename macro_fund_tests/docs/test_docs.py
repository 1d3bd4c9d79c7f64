"""The documentation speaks of files, commands and settings that exist.

Belongs here: what a program can know about the pages: links, commands, the docker files' references. Whether a sentence
is true is for people.
"""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from macro_fund import __version__
from macro_fund.cli import app

REPO = Path(__file__).resolve().parents[2]
PAGES = [REPO / "README.md", REPO / "CHANGELOG.md", *sorted((REPO / "docs").rglob("*.md"))]
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
COMMAND = re.compile(r"(?:^|[\s(`])macro-fund ([^`\n#|>&;]*)")


def name_of(page: Path) -> str:
    return str(page.relative_to(REPO))


def anchors(page: Path) -> set[str]:
    """Ids that a heading gets: lower case, spaces to dashes, punctuation dropped."""
    heads = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", h.strip().lower()).replace(" ", "-") for h in heads}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_somewhere(page: Path):
    for link in LINK.findall(page.read_text(encoding="utf-8")):
        if link.startswith(("https://", "mailto:")):
            continue
        target, _, anchor = link.partition("#")
        file = (page.parent / target).resolve() if target else page
        assert file.exists(), f"{name_of(page)}: {link} leads nowhere"
        assert not anchor or anchor in anchors(file), f"{name_of(page)}: {link} names no heading"


def commands(page: Path) -> list[str]:
    """Every `macro-fund ...` of the page's code: fenced or indented blocks and spans in backticks."""
    text = page.read_text(encoding="utf-8")
    blocks = re.findall(r"^```[^\n]*\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)
    rest = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    code = [*blocks, *re.findall(r"^ {4}.*$", rest, flags=re.MULTILINE), *re.findall(r"`(macro-fund [^`]+)`", rest)]
    return [c.strip() for block in code for c in COMMAND.findall(block)]


def problem(command: str) -> str:
    """Why the command cannot be typed; empty when it can. Words after the options of a synopsis are not judged."""
    words = shlex.split(re.split(r"\s{2,}|\s\[", command)[0])
    node: Any = typer.main.get_command(app)
    while words and hasattr(node, "commands"):
        if words[0] in ("...", "--help"):
            return ""
        if words[0] not in node.commands:
            return f"no command {words[0]!r}"
        node = node.commands[words.pop(0)]
    known = {o for p in node.params for o in (*p.opts, *p.secondary_opts)} | {"--help"}
    unknown = [w for w in words if w.startswith("--") and w.split("=")[0] not in known]
    return f"no option {unknown[0]} of {node.name}" if unknown else ""


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_commands_exist(page: Path):
    wrong = {c: why for c in commands(page) if (why := problem(c))}
    assert not wrong, f"{name_of(page)}: {wrong}"


def test_a_command_that_does_not_exist_is_found():
    assert problem("run --date 2026-11-19") == ""
    assert problem("proposals approve 3d42 --as 'Ana Lima'") == ""
    assert problem("forecast run") == "no command 'forecast'"
    assert problem("run --when 2026-11-19") == "no option --when of run"


def test_every_page_is_reachable_from_the_index():
    seen, todo = set(), [REPO / "docs" / "index.md"]
    while todo:
        page = todo.pop()
        if page in seen:
            continue
        seen.add(page)
        links = (link.partition("#")[0] for link in LINK.findall(page.read_text(encoding="utf-8")))
        todo += [f for link in links if link.endswith(".md") and (f := (page.parent / link).resolve()).exists()]
    assert {p for p in PAGES if p not in seen} == set()


def test_the_newest_entry_of_the_changelog_is_this_version():
    """Proposals and settings name the version: one that stays behind would name another model."""
    newest = re.search(r"^## (\S+)$", (REPO / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert newest is not None
    assert newest[1] == __version__


def test_readme_is_short():
    assert len((REPO / "README.md").read_text(encoding="utf-8").splitlines()) < 150


def test_docker_settings_differ_from_the_local_ones_in_storage_only():
    local, docker = (yaml.safe_load((REPO / f).read_text()) for f in ("dagster.yaml", "docker/dagster.yaml"))
    assert docker.pop("storage") == {"postgres": {"postgres_url": {"env": "DAGSTER_PG_URL"}}}
    assert docker == local


def test_compose_refers_to_what_there_is():
    compose = yaml.safe_load((REPO / "docker" / "compose.yaml").read_text())
    services = compose["services"]
    for service in services.values():
        for name, need in service.get("depends_on", {}).items():
            assert need["condition"] != "service_healthy" or "healthcheck" in services[name]
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            assert source in compose["volumes"] or (REPO / "docker" / source).exists()
    assert services["webserver-operator"]["ports"] == ["127.0.0.1:3001:3000"]
    assert "--read-only" in services["webserver"]["command"]
    assert "--read-only" not in services["webserver-operator"]["command"]


def test_the_image_copies_what_exists_and_is_not_ignored():
    dockerfile = (REPO / "docker" / "Dockerfile").read_text()
    ignore = (REPO / "docker" / "Dockerfile.dockerignore").read_text()
    allowed = {line[1:] for line in ignore.splitlines() if line.startswith("!")}
    copied = [w for line in re.findall(r"^COPY (.*)$", dockerfile, flags=re.MULTILINE) for w in line.split()[:-1]]
    sources = {w for w in copied if not w.startswith("--")}
    assert sources == allowed
    assert all((REPO / s).exists() for s in sources)


def test_make_targets_exist():
    targets = set(re.findall(r"^([a-z]+):", (REPO / "Makefile").read_text(), flags=re.MULTILINE))
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        named = re.findall(r"(?:^|`)make (?:[A-Z]+=\S+ )?([a-z]+)", text, flags=re.MULTILINE)
        assert set(named) <= targets, f"{name_of(page)}: {set(named) - targets}"
