"""Users and signing in: private files, proved names, ended and changed sign-ins."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest

from macro_fund.pms import people, sign_in
from macro_fund.pms.people import PeopleError
from macro_fund_tests.pms.builders import utc

NOW = utc(2025, 2, 10)
SECRET = "correct horse"


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, str]]:
    """Ana Lima and Bia, added once: a hash is made to be slow."""
    folder = tmp_path_factory.mktemp("people")
    people.add_user(folder, "Bia", "risk", SECRET)
    people.add_user(folder, "Ana Lima", "pm", SECRET)
    return json.loads((folder / people.USERS_FILE).read_text())["users"]


def with_users(folder: Path, *users: dict[str, str]) -> Path:
    people.write_private(folder / people.USERS_FILE, {"users": list(users)})
    return folder


@pytest.fixture
def home(tmp_path: Path, both: list[dict[str, str]]) -> Path:
    return with_users(tmp_path, both[0])


def signed(home: Path) -> Path:
    sign_in.sign_in(home, "ana lima", SECRET, NOW)
    return home / sign_in.FILE


def test_users_are_kept_without_their_passwords_in_a_private_file(home: Path, both: list[dict[str, str]]) -> None:
    with_users(home, *both)
    file = home / people.USERS_FILE
    assert file.stat().st_mode & 0o777 == 0o600
    assert SECRET not in file.read_text()
    users = people.load_users(home)
    assert [(u.name, u.role) for u in users.values()] == [("Ana Lima", "pm"), ("Bia", "risk")]
    assert users["Ana Lima"].password != users["Bia"].password  # one password, two salts
    assert people.check_password(users["Bia"], SECRET)
    assert not people.check_password(users["Bia"], SECRET + " ")
    people.remove_user(home, "bia")
    assert list(people.load_users(home)) == ["Ana Lima"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("ANA  lima", "pm", SECRET), "is a user already; `macro-fund user passwd`"),
        (("Bia", "boss", SECRET), "role 'boss' is unknown; allowed: pm, risk, ops, viewer"),
        (("Bia", "risk", "short"), "at least 10 characters"),
        ((" ", "risk", SECRET), "a user needs a name"),
    ],
)
def test_a_user_that_cannot_be(home: Path, arguments: tuple[str, str, str], words: str) -> None:
    with pytest.raises(PeopleError, match=words):
        people.add_user(home, *arguments)
    assert len(people.load_users(home)) == 1


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o601])
def test_a_file_that_others_can_reach_is_refused_with_the_remedy(home: Path, mode: int) -> None:
    (home / people.USERS_FILE).chmod(mode)
    with pytest.raises(PeopleError, match=f"mode {mode:o}.*chmod 600"):
        people.load_users(home)


@pytest.mark.parametrize("text", ["", "{}", '{"users": [{"name": "x"}]}', "[]"])
def test_a_damaged_users_file_is_refused(home: Path, text: str) -> None:
    (home / people.USERS_FILE).write_text(text)
    with pytest.raises(PeopleError, match="is damaged: restore it from a backup"):
        people.load_users(home)


def test_a_sign_in_lasts_until_it_ends(home: Path) -> None:
    file = signed(home)
    assert file.stat().st_mode & 0o777 == 0o600
    user, ends = sign_in.signed_in(home, NOW)
    assert (user.name, ends) == ("Ana Lima", NOW + sign_in.LASTS)
    sign_in.signed_in(home, ends - timedelta(seconds=1))
    with pytest.raises(PeopleError, match="ended at 2025-02-10 23:00 UTC; sign in again"):
        sign_in.signed_in(home, ends)
    assert sign_in.sign_out(home)
    assert not sign_in.sign_out(home)
    with pytest.raises(PeopleError, match="nobody is signed in"):
        sign_in.signed_in(home, NOW)


@pytest.mark.parametrize(
    ("name", "password", "words"),
    [("Ana Lima", SECRET.upper(), "the password is not Ana Lima's"), ("Cai", SECRET, "no user 'Cai'; users: Ana Lima")],
)
def test_nobody_signs_in_with_a_wrong_name_or_password(home: Path, name: str, password: str, words: str) -> None:
    with pytest.raises(PeopleError, match=words):
        sign_in.sign_in(home, name, password, NOW)
    assert not (home / sign_in.FILE).exists()


def test_a_changed_sign_in_is_refused(home: Path, both: list[dict[str, str]]) -> None:
    with_users(home, *both)
    file = signed(home)
    kept = json.loads(file.read_text())
    for change in ({"name": "Bia"}, {"expires_at": "2026-01-01T00:00:00+00:00"}, {"token": "00"}, {"seal": "00" * 32}):
        people.write_private(file, kept | change)
        with pytest.raises(PeopleError, match="is not what was written at the sign-in"):
            sign_in.signed_in(home, NOW)
    people.write_private(file, kept)
    assert sign_in.signed_in(home, NOW)[0].name == "Ana Lima"


def test_a_new_password_or_a_removal_ends_the_sign_in(home: Path) -> None:
    file = signed(home)
    kept = file.read_text()
    people.set_password(home, "Ana Lima", "another secret")
    with pytest.raises(PeopleError, match="the password has changed since; sign in again"):
        sign_in.signed_in(home, NOW)
    sign_in.sign_in(home, "Ana Lima", "another secret", NOW)
    people.remove_user(home, "Ana Lima")
    with pytest.raises(PeopleError, match="is not what was written"):
        sign_in.signed_in(home, NOW)
    file.write_text(kept.replace("{", "", 1))
    with pytest.raises(PeopleError, match=r"is damaged; sign in again"):
        sign_in.signed_in(home, NOW)
    file.chmod(0o644)
    with pytest.raises(PeopleError, match="chmod 600"):
        sign_in.signed_in(home, NOW)


# who acts


def test_without_users_a_sample_fund_takes_the_name_and_any_other_takes_none(tmp_path: Path) -> None:
    who = sign_in.actor(tmp_path, "sample", "  Ana   Lima ", NOW)
    assert (who.name, who.roles, who.signed, who.problem) == ("Ana Lima", frozenset(people.ROLES), False, "")
    for source in ("live", "replay"):
        who = sign_in.actor(tmp_path, source, "Ana", NOW)
        assert who.roles == frozenset()
        assert f"decisions of a fund on {source} data are signed: macro-fund user add" in who.problem


def test_with_users_only_the_signed_in_one_acts(home: Path) -> None:
    source = "sample"
    assert "nobody is signed in" in sign_in.actor(home, source, "Ana Lima", NOW).problem
    signed(home)
    for name in ("", "Ana Lima", "ana lima"):
        who = sign_in.actor(home, source, name, NOW)
        assert (who.name, who.roles, who.signed) == ("Ana Lima", frozenset({"pm"}), True)
    other = sign_in.actor(home, source, "Bia", NOW)
    assert "Ana Lima is signed in, not Bia: leave --as out" in other.problem
    assert (other.name, other.roles) == ("Bia", frozenset())
    (home / people.USERS_FILE).chmod(0o644)
    assert "chmod 600" in sign_in.actor(home, source, "", NOW).problem
