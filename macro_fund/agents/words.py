"""The words of the desk's prose, English and Portuguese.

Belongs here: phrases and names. Does not belong here: numbers, or what is told (narrative.py).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Words:
    """The phrases of one language."""

    scored: str
    drivers: str
    nothing: str
    conflict: str
    no_conflict: str
    verdict: str
    no_verdict: str
    agents: dict[str, str]
    states: dict[str, tuple[str, str]]
    assets: dict[str, str]
    verdicts: dict[str, str]


ENGLISH = Words(
    scored="{agent}: {state} (score {score}, confidence {confidence}).",
    drivers="Mostly {lines}.",
    nothing="{agent}: no view.",
    conflict="Views in conflict: {rules}.",
    no_conflict="No views in conflict.",
    verdict="The desk leans {lines}.",
    no_verdict="No asset has a clear case.",
    agents={"inflation": "Inflation", "monetary": "Monetary policy", "fiscal": "Fiscal", "fx": "Exchange rate",
            "regime": "Regime"},
    states={"inflation": ("less inflation than priced", "more inflation than priced"),
            "monetary": ("policy easier than priced", "policy tighter than priced"),
            "fiscal": ("public debt improving", "public debt worsening"),
            "fx": ("the real to weaken", "the real to strengthen"),
            "regime": ("risk aversion", "risk appetite")},
    assets={"br_rates": "Brazilian rates", "br_real": "real rates", "br_breakeven": "breakeven inflation",
            "brl": "the real", "br_credit": "sovereign credit", "br_eq": "Brazilian equities",
            "us_rates": "US rates", "us_eq": "US equities", "gold": "gold"},
    verdicts={"bull": "long {asset} ({score})", "bear": "against {asset} ({score})"},
)  # fmt: skip
PORTUGUESE = Words(
    scored="{agent}: {state} (nota {score}, confiança {confidence}).",
    drivers="Pesam sobretudo {lines}.",
    nothing="{agent}: sem visão.",
    conflict="Visões em conflito: {rules}.",
    no_conflict="Nenhum conflito entre as visões.",
    verdict="A mesa pende para {lines}.",
    no_verdict="Nenhum ativo tem um caso claro.",
    agents={"inflation": "Inflação", "monetary": "Política monetária", "fiscal": "Fiscal", "fx": "Câmbio",
            "regime": "Regime"},
    states={"inflation": ("menos inflação do que o preço embute", "mais inflação do que o preço embute"),
            "monetary": ("política mais frouxa do que o preço embute", "política mais apertada do que o preço embute"),
            "fiscal": ("dívida pública em melhora", "dívida pública em piora"),
            "fx": ("real mais fraco", "real mais forte"),
            "regime": ("aversão a risco", "apetite por risco")},
    assets={"br_rates": "juros brasileiros", "br_real": "juro real", "br_breakeven": "inflação implícita",
            "brl": "o real", "br_credit": "crédito soberano", "br_eq": "bolsa brasileira",
            "us_rates": "juros dos EUA", "us_eq": "bolsa dos EUA", "gold": "ouro"},
    verdicts={"bull": "comprar {asset} ({score})", "bear": "evitar {asset} ({score})"},
)  # fmt: skip
WORDS = {"en": ENGLISH, "pt": PORTUGUESE}

DRIVERS = {
    # name: (English, Portuguese); digits in a name are no numbers of the text
    "br_di_1260": ("the five-year DI rate", "o DI de cinco anos"),
    "br_embi_brazil": ("the sovereign spread", "o risco soberano"),
    "carry": ("carry to risk", "carrego sobre risco"),
    "cfnai": ("US activity", "a atividade nos EUA"),
    "core_gap": ("core inflation above target", "núcleos acima da meta"),
    "di_slope_10y_2y": ("the DI slope", "a inclinação do DI"),
    "diffusion": ("diffusion", "a difusão"),
    "expected_inflation": ("expected inflation", "a inflação esperada"),
    "flow": ("flows", "os fluxos"),
    "focus_primary_next_year": ("next year's primary balance in Focus", "o primário do próximo ano no Focus"),
    "fx_dxy": ("the dollar index", "o índice do dólar"),
    "gross_debt": ("gross debt", "a dívida bruta"),
    "growth": ("growth", "o crescimento"),
    "ibc_br_growth": ("activity in Brazil", "a atividade no Brasil"),
    "ibov_return_63d": ("the Ibovespa's three months", "os três meses do Ibovespa"),
    "implicit_rate": ("the debt's interest rate", "o juro da dívida"),
    "implied": ("the priced path", "o caminho embutido no preço"),
    "inflation": ("inflation", "a inflação"),
    "inflation_gap": ("expected inflation above target", "a inflação esperada acima da meta"),
    "ipca_core_acceleration": ("the acceleration of cores", "a aceleração dos núcleos"),
    "misalignment": ("the real's misalignment", "o desalinhamento do real"),
    "model_less_priced": ("model less priced inflation", "modelo menos inflação embutida"),
    "momentum": ("the dollar's momentum", "o momento do dólar"),
    "neutral_real_rate": ("the neutral real rate", "o juro real neutro"),
    "output_gap": ("the output gap", "o hiato do produto"),
    "output_gap_change": ("the change of the output gap", "a variação do hiato"),
    "policy_rate": ("the policy rate", "a taxa de política"),
    "primary_12m": ("the primary balance", "o resultado primário"),
    "primary_gap": ("the primary balance short of stabilising", "o primário aquém do que estabiliza"),
    "prob_debt_up_10pp_5y": ("the probability of more debt", "a probabilidade de mais dívida"),
    "real_rate_ex_ante": ("the real rate", "o juro real"),
    "stabilising_primary": ("the stabilising primary balance", "o primário que estabiliza"),
    "surprise_3m": ("inflation surprises", "as surpresas de inflação"),
    "term_premium": ("the term premium", "o prêmio de prazo"),
    "us_core_cpi_acceleration": ("the acceleration of US core prices", "a aceleração dos núcleos nos EUA"),
    "us_real_par_10y": ("the US real rate", "o juro real dos EUA"),
    "us_vix": ("VIX", "o VIX"),
    "usdbrl_return_63d": ("the dollar's three months", "os três meses do dólar"),
}
RULES = {
    "brl_against_fiscal": ("long BRL against fiscal risk", "real comprado contra o risco fiscal"),
    "credit_against_fiscal": ("long credit against fiscal risk", "crédito comprado contra o risco fiscal"),
    "breakeven_against_inflation": ("long breakeven against low inflation", "implícita comprada contra inflação baixa"),
    "us_rates_in_reflation": ("long US rates in reflation", "juros dos EUA comprados em reflação"),
    "equity_in_stagflation": ("long equity in stagflation", "bolsa comprada em estagflação"),
    "brl_against_spread": ("long BRL against a wider spread", "real comprado contra risco em alta"),
    "received_against_hawk": ("received rates against a hawk", "juros doados contra aperto"),
}


def spoken(name: str, language: str) -> str:
    """A driver or rule as prose names it; a name that nobody has put into words is written plainly."""
    found = DRIVERS.get(name) or RULES.get(name)
    return found[language == "pt"] if found else name.replace("_", " ")
