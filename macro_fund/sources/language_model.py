"""One question to a language model over HTTP (Anthropic's Messages API): a prompt in, its text out.

Belongs here: the exchange and what can go wrong in it. Does not belong here: what is asked, or whether the answer is
true (agents/narrative.py). Nothing in the fund needs it: the desk's prose is a template unless fund.yaml asks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from macro_fund.sources.secrets import Secret, hide

if TYPE_CHECKING:
    import httpx

ADDRESS = "https://api.anthropic.com/v1/messages"
VERSION = "2023-06-01"
KEY = "ANTHROPIC_API_KEY"
MAX_TOKENS = 1200
TIMEOUT_S = 60.0


class NoAnswer(RuntimeError):
    """The model gave no text; the message says why and never holds the key."""


def ask(prompt: str, model: str, key: Secret, client: httpx.Client | None = None) -> str:
    """The model's text. Raises NoAnswer when it cannot be reached, refuses, or answers in another shape."""
    import httpx

    headers = {"x-api-key": str.__str__(key), "anthropic-version": VERSION}
    body = {"model": model, "max_tokens": MAX_TOKENS, "messages": [{"role": "user", "content": prompt}]}
    try:
        with client or httpx.Client(timeout=TIMEOUT_S) as opened:
            reply = opened.post(ADDRESS, headers=headers, json=body)
    except httpx.HTTPError as error:
        raise NoAnswer(f"{model}: {type(error).__name__} from {ADDRESS}") from None
    if reply.status_code != httpx.codes.OK:
        raise NoAnswer(f"{model}: status {reply.status_code}: {hide(reply.text[:200], {KEY: str.__str__(key)})}")
    try:
        parts = [p["text"] for p in reply.json()["content"] if p["type"] == "text"]
    except (ValueError, KeyError, TypeError):
        raise NoAnswer(f"{model}: an answer without content: {reply.text[:200]}") from None
    if not any(p.strip() for p in parts):
        raise NoAnswer(f"{model}: an empty answer")
    return "\n".join(parts).strip()
