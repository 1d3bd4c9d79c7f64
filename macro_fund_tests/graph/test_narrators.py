"""Who writes the prose: a model only for the newest session of a live fund, once, and only if its numbers are facts."""

from __future__ import annotations

import json
import stat
from dataclasses import replace
from datetime import date
from pathlib import Path

import httpx
import pytest

from macro_fund.agents.narrative import Briefing, template
from macro_fund.home import Home, create
from macro_fund.orchestration import narrators
from macro_fund.settings import Fund
from macro_fund.sources import language_model
from macro_fund.sources.language_model import NoAnswer, ask
from macro_fund.sources.secrets import Secret
from macro_fund_tests.agents.test_desk import brief
from macro_fund_tests.graph import harness

MODEL = "some-model"
KEY = Secret("key-of-somebody")


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A live fund that asks for a model."""
    with harness.own_environment():
        made = create(tmp_path / "home", source="live", inception=date(2024, 4, 1))
    fund = made.settings.fund.model_copy(update={"narrator": "llm", "narrator_model": MODEL})
    return replace(made, settings=made.settings.model_copy(update={"fund": fund}))


def newest(home: Home) -> Briefing:
    session = narrators.latest_session(home.clock(home.sessions.as_of(date(2024, 4, 1)))())
    return replace(brief(), session=session)


def test_the_newest_session_is_written_by_the_model_once(home: Home) -> None:
    asked: list[str] = []

    def model(text: str, name: str) -> str:
        asked.append(text)
        return f"The real may strengthen: score +0.40, said {name.split('-', maxsplit=1)[0]}."

    told = narrators.prose(home, newest(home), model)
    assert told == narrators.Prose("The real may strengthen: score +0.40, said some.", MODEL)
    assert template(newest(home)) in asked[0]
    assert narrators.prose(home, newest(home), model) == told
    assert len(asked) == 1, "the same inputs are not asked twice"


def test_a_text_with_another_number_gives_way_to_the_template(home: Home) -> None:
    told = narrators.prose(home, newest(home), lambda *_: "The real gains 7%.")
    assert told.text == template(newest(home))
    assert (told.narrator, told.refused) == ("template", "refused: 7% in the text are no facts of the session")


def test_older_sessions_and_other_funds_never_ask(home: Home) -> None:
    def never(*_: str) -> str:
        raise AssertionError("asked")

    assert narrators.prose(home, brief(), never).narrator == "template"
    plain = home.settings.fund.model_copy(update={"narrator": "template"})
    without = replace(home, settings=home.settings.model_copy(update={"fund": plain}))
    assert narrators.prose(without, newest(home), never).narrator == "template"
    with pytest.raises(ValueError, match="a fund on live data"):
        Fund.model_validate(plain.model_dump() | {"narrator": "llm", "narrator_model": MODEL, "source": "sample"})


def test_without_a_key_the_template_speaks_and_says_why(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(language_model.KEY, raising=False)
    told = narrators.prose(home, newest(home))
    assert told.narrator == "template"
    assert "set the environment variable ANTHROPIC_API_KEY" in told.refused
    path = home.path / "secrets" / language_model.KEY
    path.parent.mkdir(exist_ok=True)
    path.write_text("key-of-somebody")
    path.chmod(stat.S_IRUSR | stat.S_IWUSR)
    assert callable(narrators._internet(home))


def answered(status: int, body: object) -> httpx.Client:
    def reply(request: httpx.Request) -> httpx.Response:
        assert request.headers["x-api-key"] == "key-of-somebody"
        assert json.loads(request.content)["model"] == MODEL
        return httpx.Response(status, json=body) if not isinstance(body, str) else httpx.Response(status, text=body)

    return httpx.Client(transport=httpx.MockTransport(reply))


def test_the_exchange_with_a_model() -> None:
    whole = {"content": [{"type": "text", "text": "One."}, {"type": "tool_use"}, {"type": "text", "text": "Two. "}]}
    assert ask("?", MODEL, KEY, answered(200, whole)) == "One.\nTwo."


@pytest.mark.parametrize(
    ("status", "body", "says"),
    [
        (401, {"error": "bad key key-of-somebody"}, "status 401"),
        (200, "<html>busy</html>", "an answer without content"),
        (200, {"content": []}, "an empty answer"),
        (529, "overloaded", "status 529: overloaded"),
    ],
)
def test_what_is_no_text_is_named_and_never_shows_the_key(status: int, body: object, says: str) -> None:
    with pytest.raises(NoAnswer, match=says) as caught:
        ask("?", MODEL, KEY, answered(status, body))
    assert "key-of-somebody" not in str(caught.value)
