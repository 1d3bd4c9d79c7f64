"""Phrases of simulated FOMC texts, in English: by topic, dovish, neutral and hawkish variants.

Belongs here: words only. Does not belong here: which of them is said when (`texts`).
"""

from __future__ import annotations

from collections.abc import Mapping

Variants = tuple[str, ...]
# Fillers of {when} and {how}: they carry no signal.
WHEN: Variants = ("since the Committee last met", "over the intermeeting period", "in recent months", "on balance")
HOW: Variants = ("broadly as expected", "as most participants noted", "in the staff's assessment", "by most measures")

PHRASES: Mapping[str, tuple[Variants, Variants, Variants]] = {
    "activity": (
        (
            "Information received {when} indicates that economic activity has slowed and demand has softened.",
            "Household spending has weakened {when}, and business fixed investment has contracted.",
            "Growth of economic activity fell short of expectations {when}, leaving considerable slack.",
        ),
        (
            "Information received {when} suggests that economic activity has been expanding at a moderate pace.",
            "Household spending and business fixed investment have grown at a steady pace, {how}.",
            "Economic activity has changed little {when}, {how}.",
        ),
        (
            "Information received {when} indicates that economic activity has been rising at a strong rate.",
            "Household spending has been robust {when}, and capacity constraints have become more widespread.",
            "Growth of economic activity exceeded expectations {when}, with resource utilization unusually tight.",
        ),
    ),
    "labor": (
        (
            "Job gains have slowed {when}, and the unemployment rate has moved up.",
            "Labor market conditions have softened, with measures of underutilization rising, {how}.",
        ),
        (
            "Job gains have been solid {when}, and the unemployment rate has remained stable.",
            "Labor market conditions have been little changed, {how}.",
        ),
        (
            "Job gains have been very strong {when}, and the labor market has tightened further.",
            "Labor market conditions are overheated, with wage growth well above its longer-run trend, {how}.",
        ),
    ),
    "inflation": (
        (
            "Inflation has declined {when} and is running below the Committee's longer-run objective.",
            "Measures of underlying inflation have eased, {how}, with disinflation broadening across categories.",
            "Consumer price increases have been subdued {when}.",
        ),
        (
            "Inflation has been running near the Committee's longer-run objective {when}.",
            "Measures of underlying inflation have been stable, {how}.",
            "Consumer prices have risen at a steady pace, {how}.",
        ),
        (
            "Inflation remains elevated {when}, reflecting broad price pressures.",
            "Measures of underlying inflation have moved higher, {how}, with pressures broadening across categories.",
            "Consumer price increases have been unacceptably rapid {when}.",
        ),
    ),
    "expectations": (
        (
            "Market-based measures of inflation compensation have declined; longer-term expectations remain low.",
            "Survey-based measures of inflation expectations have edged down {when}.",
        ),
        (
            "Longer-term inflation expectations have remained stable.",
            "Survey- and market-based measures of inflation expectations are little changed {when}.",
        ),
        (
            "Market-based measures of inflation compensation have risen, and longer-term expectations may drift up.",
            "Survey-based measures of inflation expectations have moved higher {when}.",
        ),
    ),
    "external": (
        (
            "Financial conditions have tightened {when}, and foreign growth has weakened, restraining demand.",
            "Developments abroad pose downside risks to economic activity and to inflation.",
        ),
        (
            "Financial conditions have changed little {when}.",
            "The Committee continues to monitor global economic and financial developments.",
        ),
        (
            "Financial conditions have eased {when} and provide further impetus to demand.",
            "Developments abroad have raised commodity prices and add to upward pressure on inflation.",
        ),
    ),
    "risks": (
        (
            "The Committee sees the risks to the economic outlook as tilted to the downside.",
            "Participants judged that the risks of inflation remaining too low outweigh other risks.",
        ),
        (
            "The Committee sees the risks to the economic outlook as roughly balanced.",
            "Participants judged that risks to employment and to inflation were in balance.",
        ),
        (
            "The Committee is highly attentive to upside risks to inflation.",
            "Participants judged that the risks to the inflation outlook are weighted to the upside.",
        ),
    ),
    "strategy": (
        (
            "A more accommodative stance of monetary policy is appropriate to foster maximum employment.",
            "The Committee is prepared to act as appropriate to sustain the expansion.",
        ),
        (
            "The Committee judges that the current stance of monetary policy is appropriate.",
            "The stance of policy is consistent with a return of inflation to its objective over time.",
        ),
        (
            "A more restrictive stance of monetary policy is appropriate to return inflation to its objective.",
            "The Committee is strongly committed to restoring price stability.",
        ),
    ),
    "guidance": (
        (
            "The Committee anticipates that some reduction in the target range will be appropriate soon.",
            "Further easing is likely to be warranted at coming meetings if the outlook evolves as expected.",
        ),
        (
            "In considering changes to the target range, the Committee will assess incoming data, {how}.",
            "The Committee can be patient as it determines what future adjustments may be appropriate.",
        ),
        (
            "The Committee anticipates that ongoing increases in the target range will be appropriate.",
            "Further firming is likely to be warranted at coming meetings until price pressures abate.",
        ),
    ),
}
# What is said of the decision: cut, kept, raised.
VERB = ("lower", "maintain", "raise")
# Who votes against wants what the tone says.
DISSENT = ("a lower target range", "different guidance", "a higher target range")
SECTIONS = (
    "Developments in Financial Markets",
    "Staff Review of the Economic Situation",
    "Participants' Views on Current Conditions and the Economic Outlook",
    "Committee Policy Action",
)
MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
