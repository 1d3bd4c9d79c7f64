"""The score of a text: sentences whose stance a reader knows, negation, and properties that hold for any text."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from macro_fund.agents.policy_lexicon import TOPICS, load_lexicon
from macro_fund.agents.policy_scorer import LexiconScorer, Scored, sentences

SCORER = LexiconScorer(load_lexicon())

HAWK = {
    "en": (
        "Inflation remains elevated.",
        "The Board voted to raise the target range by a quarter point.",
        "Higher inflation would call for a firmer hand.",
        "Officials saw upside risks to inflation from wages.",
        "The labor market is very tight.",
        "Large tax cuts add fiscal stimulus.",
        "Staff reported higher commodity prices in every region.",
    ),
    "pt": (
        "A inflação segue muito elevada.",
        "O colegiado resolveu elevar a taxa em meio ponto.",
        "Há pressões inflacionárias nos serviços.",
        "Observou-se a desancoragem das projeções longas.",
        "O mercado de trabalho está aquecido.",
        "Os riscos fiscais cresceram no ano.",
        "A depreciação cambial encareceu os importados.",
    ),
}
DOVE = {
    "en": (
        "Inflation is subdued.",
        "The Board voted to lower the target range by a quarter point.",
        "Higher unemployment weighed on wages.",
        "Most members saw downside risks to growth.",
        "Substantial resource slack persists.",
        "Fiscal restraint slows demand.",
        "Foreign growth has weakened a lot.",
    ),
    "pt": (
        "O processo de desinflação avança.",
        "O colegiado resolveu reduzir a taxa em meio ponto.",
        "As expectativas seguem bem ancoradas.",
        "A ociosidade da indústria permanece elevada.",
        "Houve aumento do desemprego no trimestre.",
        "A consolidação fiscal ganhou ritmo.",
        "A apreciação cambial barateou os importados.",
    ),
}
NEUTRAL = {
    "en": ("The next meeting takes place in March.", "Voting in favour were all nine members.", "The Board met twice."),
    "pt": ("A próxima reunião será em março.", "Votaram a favor os nove membros.", "O colegiado se reuniu duas vezes."),
}


def score(text: str, language: str) -> Scored:
    result = SCORER.score(text, language)
    assert result is not None
    return result


def lean(text: str, language: str) -> float:
    value = score(text, language).score
    assert value is not None, f"no phrase in: {text}"
    return value


CASES = [(x, n, s) for group, s in ((HAWK, 1), (DOVE, -1)) for n, texts in group.items() for x in texts]


@pytest.mark.parametrize(("text", "language", "sign"), CASES)
def test_a_sentence_whose_stance_is_known(text: str, language: str, sign: int):
    assert lean(text, language) * sign > 0


@pytest.mark.parametrize(("text", "language"), [(x, n) for n, texts in NEUTRAL.items() for x in texts])
def test_a_sentence_without_a_stance_has_no_score(text: str, language: str):
    result = score(text, language)
    assert result.score is None
    assert (result.n_sentences, result.n_scored, result.key_phrases) == (1, 0, ())


def test_the_direction_belongs_to_the_thing_that_moves():
    assert lean("Higher inflation was reported.", "en") > 0 > lean("Higher unemployment was reported.", "en")
    assert lean("Houve elevação da inflação.", "pt") > 0 > lean("Houve elevação da taxa de desemprego.", "pt")


NEGATED = [
    ("Inflation is not elevated.", "en", -1),
    ("Inflation isn't elevated.", "en", -1),
    ("Members saw no inflationary pressures.", "en", -1),
    ("The region is far from recession.", "en", 1),
    ("There was no lack of wage pressures.", "en", 1),
    ("Nobody can say that it is not without inflationary pressures.", "en", 1),
    ("Not only wage pressures matter here.", "en", 1),
    ("It did not rain, inflationary pressures grew.", "en", 1),
    ("A inflação não está elevada.", "pt", -1),
    ("O quadro é de ausência de pressões inflacionárias.", "pt", -1),
    ("Vive-se sem pressões salariais.", "pt", -1),
    ("Não há capacidade ociosa.", "pt", 1),
    ("O colegiado não descarta a elevação adicional dos juros.", "pt", 1),
    ("O colegiado descarta a elevação adicional dos juros.", "pt", -1),
    ("Não só pressões salariais preocupam.", "pt", 1),
    ("Não choveu, as pressões inflacionárias cresceram.", "pt", 1),
    ("O comitê não pretende reduzir o grau de estímulo.", "pt", -1),
]


@pytest.mark.parametrize(("text", "language", "sign"), NEGATED)
def test_negation_turns_a_phrase_round_and_two_cancel_out(text: str, language: str, sign: int):
    assert lean(text, language) * sign > 0


def test_a_negated_phrase_weighs_less_than_its_opposite():
    assert lean("Inflation is not elevated.", "en") > lean("Inflation is subdued.", "en")
    (key,) = score("Inflation is not elevated.", "en").key_phrases
    assert (key.phrase, key.topic, key.polarity, key.count, key.negated) == (
        "inflation .. elevated",
        "inflation",
        "hawkish",
        1,
        True,
    )


def test_a_negator_far_before_its_clause_does_not_count():
    assert lean("The members who had not come in March heard of inflationary pressures.", "en") > 0


def test_of_overlapping_phrases_the_longest_counts():
    """'muted inflation pressures' is dovish although 'inflation pressures' alone is hawkish."""
    assert [k.phrase for k in score("They spoke of muted inflation pressures.", "en").key_phrases] == [
        "muted inflation pressures"
    ]
    assert lean("Viu-se um arrefecimento das pressões inflacionárias.", "pt") < 0


def test_hyphens_at_line_ends_and_broken_lines_are_one_sentence():
    whole = "As pressões inflacionárias seguem fortes."
    for broken in (
        "As pressões inflacio-\nnárias seguem fortes.",
        "As pressões\ninflacionárias seguem fortes.",
        "As pressões infla\u00adcionárias seguem fortes.",
        "AS PRESSÕES INFLACIONÁRIAS SEGUEM FORTES.",
        "As presso\u0303es inflaciona\u0301rias seguem fortes.",
    ):
        assert score(broken, "pt") == score(whole, "pt"), broken


def test_sentences():
    text = "The U.S. Treasury met. It saw 3.5 percent growth.\nHeading\n1. A list begins here. (It ends.) Yes? No!"
    assert sentences(text) == [
        "The U.S. Treasury met.",
        "It saw 3.5 percent growth.",
        "Heading",
        "A list begins here.",
        "(It ends.)",
        "Yes?",
        "No!",
    ]
    assert sentences("O IPCA subiu 0,36 p.p. Com isso, a taxa foi a 4,5% a.a. no mês.") == [
        "O IPCA subiu 0,36 p.p.",
        "Com isso, a taxa foi a 4,5% a.a. no mês.",
    ]
    assert sentences("") == []


def test_the_score_by_hand():
    """Two hawkish sentences of weight 1, one dovish of weight 1, shrinkage 2: (2 - 1) / (2 + 1 + 2)."""
    text = "Inflation remains elevated. Wage pressures grew. There were job losses. The end."
    result = score(text, "en")
    assert result.score == pytest.approx(1 / 5)
    assert result.topics == {
        "inflation": pytest.approx(1 / 3),
        "activity": pytest.approx(0.0),
        "rates": None,
        "fiscal": None,
        "external": None,
    }
    assert (result.n_sentences, result.n_scored) == (4, 3)


def test_few_hits_give_a_small_score_and_many_a_large_one():
    one = "Inflationary pressures grew. "
    values = [lean(one * n, "en") for n in (1, 2, 5, 50)]
    assert values == sorted(values)
    assert values[0] == pytest.approx(1 / 3)
    assert values[-1] == pytest.approx(50 / 52)


def test_names_do_not_matter():
    text = "A inflação segue muito elevada. Houve redução da ociosidade."
    names = "\nVotaram por essa decisão: Ana Lima (presidente), Rui Costa, Eva Dias e João Sá."
    assert lean(text, "pt") == lean(text + names, "pt")


def test_another_language_has_no_score():
    assert SCORER.score("Die Inflation ist hoch.", "de") is None


ANY = {n: st.sampled_from((*HAWK[n], *DOVE[n], *NEUTRAL[n])) for n in ("en", "pt")}
NOISE = st.text(alphabet="abcdeé ,.;\n-'()0123456789", max_size=60)


@settings(max_examples=60)
@given(st.data())
def test_a_hawkish_sentence_never_lowers_the_score_and_a_dovish_one_never_raises_it(data: st.DataObject):
    language = data.draw(st.sampled_from(("en", "pt")))
    held = data.draw(st.lists(ANY[language], min_size=1, max_size=12))
    at = data.draw(st.integers(0, len(held)))
    before = score("\n".join(held), language)
    for group, sign in ((HAWK, 1), (DOVE, -1)):
        more = data.draw(st.sampled_from(group[language]))
        after = score("\n".join([*held[:at], more, *held[at:]]), language)
        assert after.score is not None
        assert sign * after.score >= sign * (before.score or 0.0)
        for topic in TOPICS:
            assert sign * (after.topics[topic] or 0.0) >= sign * (before.topics[topic] or 0.0)


@settings(max_examples=60)
@given(st.data())
def test_any_text_stays_in_range_and_its_order_does_not_matter(data: st.DataObject):
    language = data.draw(st.sampled_from(("en", "pt")))
    held = data.draw(st.lists(ANY[language], max_size=10))
    result = score("\n".join(held), language)
    assert result.score is None or -1 < result.score < 1
    assert result.n_scored <= result.n_sentences == len(held)
    turned = score("\n".join(data.draw(st.permutations(held))), language)
    assert turned.score == pytest.approx(result.score) if result.score is not None else turned.score is None
    assert turned.key_phrases == result.key_phrases
    noisy = score("\n".join(held) + "\n" + data.draw(NOISE), language)
    assert noisy.score is None or -1 <= noisy.score <= 1
