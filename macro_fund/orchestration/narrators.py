"""Who writes the morning's prose, and where what a language model wrote is kept.

Belongs here: choosing the narrator of a session and keeping its text by the digest of what it was given. Does not
belong here: words (agents/narrative.py) or the exchange with a model (sources/language_model.py).

A model writes only for the newest session of a live fund, when fund.yaml asks for it, and only once for the same
inputs: a replay, and any older session, takes the text that was kept, or the template. So history never holds what a
model came to know later.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

from macro_fund.agents.narrative import Briefing, narrate, prompt, template
from macro_fund.home import Home, latest_session
from macro_fund.sources import language_model, secrets
from macro_fund.sources.language_model import NoAnswer
from macro_fund.store.lake import write_file_atomically

TEMPLATE = "template"
Ask = Callable[[str, str], str]


@dataclass(frozen=True)
class Prose:
    """A session's text, who wrote it, and what was refused (empty when the text stands as it was written)."""

    text: str
    narrator: str
    refused: str = ""


def prose(home: Home, brief: Briefing, ask: Ask | None = None) -> Prose:
    """The text of one session and language. `ask(prompt, model)` reaches the model; by default over the internet."""
    kept = home.path / "narratives" / f"{brief.digest}.json"
    if kept.exists():
        return _told(brief, **json.loads(kept.read_text(encoding="utf-8")))
    fund = home.settings.fund
    newest = fund.narrator == "llm" and brief.session == latest_session(
        home.clock(home.sessions.as_of(brief.session))()
    )
    if not newest:
        return Prose(template(brief), TEMPLATE)
    try:
        text = (ask or _internet(home))(prompt(brief), fund.narrator_model)
    except NoAnswer as error:
        return Prose(template(brief), TEMPLATE, f"no text from the model: {error}")
    write_file_atomically(kept, json.dumps({"text": text, "narrator": fund.narrator_model}).encode())
    return _told(brief, text, fund.narrator_model)


def _told(brief: Briefing, text: str, narrator: str) -> Prose:
    """The text if every number in it is a fact, else the template and why."""
    told, refused = narrate(brief, lambda _: text)
    return Prose(told, TEMPLATE if refused else narrator, refused)


def _internet(home: Home) -> Ask:
    key = secrets.find(language_model.KEY, home.path / "secrets")
    if key is None:
        raise NoAnswer(f"no key: {secrets.remedy(language_model.KEY)}")
    return lambda text, model: language_model.ask(text, model, key)
