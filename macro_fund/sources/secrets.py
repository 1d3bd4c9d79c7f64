"""Secrets: keys and tokens that a provider asks for, found on this machine and shown to nobody.

Belongs here: which provider wants which secret, where it is looked for, and how it is kept out of sight. Does not
belong here: how a request carries it (`messages.Request.secrets`) or who puts it in (`http`).

A secret comes from the environment variable of its name, else from the file <home>/secrets/<name>, which nobody but
its owner may read. Nothing that is kept holds it: archived addresses, errors and logs show '{NAME}' in its place.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

from macro_fund.settings import SettingsError

FRED_API_KEY = "FRED_API_KEY"
LICENSED_PRICES_URL = "LICENSED_PRICES_URL"
LICENSED_PRICES_TOKEN = "LICENSED_PRICES_TOKEN"
# What each provider wants; without all of them it is asked as anybody may, or not at all.
WANTED: Mapping[str, tuple[str, ...]] = {
    "fred": (FRED_API_KEY,),
    "licensed_prices": (LICENSED_PRICES_URL, LICENSED_PRICES_TOKEN),
}
# A shorter text would be found, and hidden, inside ordinary data.
MIN_LENGTH = 8
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


class Secret(str):
    """Text that printing hides: repr, str and format give '<secret>'. Replacing and joining use the real text."""

    def __repr__(self) -> str:
        return "<secret>"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return "<secret>"


# The sample world opens its doors to these.
SAMPLE: Mapping[str, Secret] = {
    FRED_API_KEY: Secret("sample0key0for0the0sample0world0"),
    LICENSED_PRICES_URL: Secret("https://licensed-prices.example/daily?codes={codes}&from={start}&to={end}"),
    LICENSED_PRICES_TOKEN: Secret("sample-token-of-the-sample-world"),
}


def find(name: str, folder: Path) -> Secret | None:
    """The secret `name`: of the environment, else of the file `folder`/`name`; None when there is neither.

    folder: <home>/secrets. Raises SettingsError, without the secret, for a file that others may read and for a text
    that is empty, too short or holds spaces or line breaks.
    """
    if text := os.environ.get(name, ""):
        return _checked(text, f"environment variable {name}")
    path = folder / name
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return None
    if mode & _OTHERS:
        raise SettingsError(f"{path}: others may read this secret ({stat.S_IMODE(mode):03o}); run: chmod 600 {path}")
    return _checked(path.read_text(encoding="utf-8"), str(path))


def collect(folder: Path) -> dict[str, Secret]:
    """Every secret that some provider wants and that is here, by name."""
    names = [name for wanted in WANTED.values() for name in wanted]
    return {name: secret for name in names if (secret := find(name, folder)) is not None}


def remedy(name: str) -> str:
    """What a person does to provide a secret."""
    return f"set the environment variable {name}, or write it to <home>/secrets/{name} and chmod 600 that file"


def hide(text: str, values: Mapping[str, str]) -> str:
    """`text` with '{NAME}' in place of each value, also where it is written as in an address."""
    for name, value in values.items():
        for form in (value, quote(value, safe="")):
            text = text.replace(form, f"{{{name}}}")
    return text


def _checked(text: str, where: str) -> Secret:
    text = text.strip()
    if len(text) < MIN_LENGTH or len(text.split()) != 1 or not text.isascii():
        raise SettingsError(f"{where}: a secret is one word of {MIN_LENGTH} or more plain characters, here it is not")
    return Secret(text)
