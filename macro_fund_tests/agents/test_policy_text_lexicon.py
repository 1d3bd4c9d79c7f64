"""The lexicon: every phrase finds itself, none is on two sides, and a bad file says what is wrong and where."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path

import pytest

from macro_fund.agents.policy_lexicon import (
    GAP,
    TOPICS,
    Finder,
    Phrase,
    Vocabulary,
    fold,
    load_lexicon,
    words,
)
from macro_fund.agents.policy_scorer import LexiconScorer
from macro_fund.settings import CONFIG_DIR, SettingsError

LEXICON = load_lexicon()
SCORER = LexiconScorer(LEXICON)
PHRASES = [(language, p) for language in LEXICON.languages for p in LEXICON.phrases(language)]


def said(phrase: Phrase) -> str:
    """The phrase as a text would have it: gaps empty, stems without an ending."""
    return phrase.text.replace(GAP, " ").replace("*", "")


@pytest.mark.parametrize(("language", "phrase"), PHRASES, ids=[f"{n}-{p.text}" for n, p in PHRASES])
def test_every_phrase_finds_itself_and_leans_its_own_way(language: str, phrase: Phrase):
    tokens = words(said(phrase))
    assert phrase.at(tokens, 0, LEXICON.gap) is not None
    upper = fold(said(phrase).upper())
    assert phrase.at(words(upper), 0, LEXICON.gap) is not None
    score = SCORER.score(said(phrase).capitalize() + ".", language)
    assert score is not None
    assert score.score is not None
    assert (score.score > 0) == (phrase.polarity == "hawkish"), score.key_phrases


@pytest.mark.parametrize("language", sorted(LEXICON.languages))
def test_a_language_covers_every_topic_on_both_sides_and_no_phrase_twice(language: str):
    vocabulary = LEXICON.languages[language]
    assert {(t, s) for t, sides in vocabulary.phrases.items() for s in sides} == {
        (t, s) for t in TOPICS for s in ("hawkish", "dovish")
    }
    phrases = LEXICON.phrases(language)
    assert len(phrases) >= 120
    folded = Counter(" ".join(fold(p.text).split()) for p in phrases)
    assert [p for p, n in folded.items() if n > 1] == []


@pytest.mark.parametrize("language", sorted(LEXICON.languages))
def test_no_phrase_is_a_negator_and_every_exemption_spares_one(language: str):
    vocabulary = LEXICON.languages[language]
    negators = Finder(tuple(Phrase.of(t) for t in vocabulary.negators), 0)
    for phrase in LEXICON.phrases(language):
        assert not list(negators.found(words(said(phrase)))), phrase.text
    for exempt in vocabulary.exempt:
        assert list(negators.found(words(exempt))), f"{exempt} holds no negator"


def test_folding_takes_case_accents_and_hyphens():
    assert fold("PRESSÕES Inflacionárias de médio-prazo") == "pressoes inflacionarias de medio prazo"
    assert fold("isn\u2019t") == "isn't"
    assert words("a inflação, em 4,50% a.a.; subiu") == ["a", "inflacao", "|", "em", "4,50", "a", "a", "|", "subiu"]


def test_a_dash_that_was_misread_sticks_to_no_word():
    assert words("spending\u00e2\u0080\u0094including") == ["spending", "including"]


def test_stems_and_gaps():
    phrase = Phrase.of("inflação .. elevad*")
    at = lambda text: phrase.at(words(text), 0, 3)  # noqa: E731
    assert at("inflação elevada") == (2, ())
    assert at("inflação que segue bem elevada") == (5, (1, 2, 3))
    assert at("inflação que segue muito mais elevada") is None, "four words are more than the gap"
    assert at("inflação, elevada") is None, "a gap stays inside its clause"
    assert at("inflação elevar") is None


BAD = [
    ("'inflação em alta': 1\n", "'inflação em alta': 3\n", "less than or equal to 2"),
    ("'inflação em alta': 1\n", "'inflação em alta': 0\n", "greater than 0"),
    ("'inflação em alta': 1\n", "'inflação em alta': strong\n", "valid number"),
    ("'inflação em alta': 1\n", "'inflação em alta': .nan\n", "finite number"),
    ("'inflação em alta': 1\n", "'inflação, em alta': 1\n", "is no word"),
    ("'inflação em alta': 1\n", "'.. em alta': 1\n", "begins and ends with a word"),
    ("'inflação em alta': 1\n", "'inflação .. .. alta': 1\n", "on both sides of"),
    ("'inflação em alta': 1\n", "'Inflacao persistente': 1\n          'inflação persistente': 1\n", "given twice"),
    ("'inflação em alta': 1\n", "'desinfla*': 1\n", "given twice"),
    ("      fiscal:\n        hawkish:", "      budget:\n        hawkish:", "'fiscal'"),
    ("      fiscal:\n        hawkish:", "      fiscal:\n        hawk:", "'hawkish' or 'dovish'"),
    ("negated_weight: 0.5", "negated_weight: 1.5", "less than or equal to 1"),
    ("window: 4", "window: 0", "greater than or equal to 1"),
    ("window: 4", "widow: 4", "not permitted"),
    ("  pt:\n", "  xx:\n", "'pt' or 'en'"),
    ("    negators: [não, nem,", "    negators: ['não!', nem,", "is no word"),
]


@pytest.mark.parametrize(("old", "new", "words_of_error"), BAD)
def test_a_bad_value_gives_one_clear_message(tmp_path: Path, old: str, new: str, words_of_error: str):
    text = (CONFIG_DIR / "policy_lexicon.yaml").read_text(encoding="utf-8")
    assert old in text
    (tmp_path / "policy_lexicon.yaml").write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(SettingsError) as caught:
        load_lexicon(tmp_path)
    message = str(caught.value)
    assert "policy_lexicon.yaml:" in message
    assert words_of_error in message


def test_the_message_names_the_line_of_the_phrase(tmp_path: Path):
    text = (CONFIG_DIR / "policy_lexicon.yaml").read_text(encoding="utf-8")
    (tmp_path / "policy_lexicon.yaml").write_text(text.replace("'inflação em alta': 1", "'inflação em alta': 7"))
    number = next(n for n, line in enumerate(text.splitlines(), 1) if "'inflação em alta'" in line)
    with pytest.raises(SettingsError, match=rf"policy_lexicon.yaml:{number}: languages.pt.phrases.inflation.hawkish"):
        load_lexicon(tmp_path)


def test_a_missing_file_says_where_to_get_it(tmp_path: Path):
    with pytest.raises(SettingsError, match="no such file"):
        load_lexicon(tmp_path)
    shutil.copy(CONFIG_DIR / "policy_lexicon.yaml", tmp_path)
    assert load_lexicon(tmp_path) == LEXICON


def test_a_vocabulary_is_plain_data():
    assert Vocabulary(negators=(), exempt=(), phrases={}).phrases == {}
