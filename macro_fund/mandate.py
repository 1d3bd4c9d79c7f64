"""What a mandate is: capital, sizing, limits, circuit breakers, risk factors and stress scenarios, as settings.

Belongs here: the shape of config/fund.yaml, limits.yaml, factors.yaml and scenarios.yaml. Does not belong here: their
numbers (config/), how files are read (settings.py) or what is computed from them (portfolio/, risk/).
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Fraction = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]

FACTORS = (
    *(f"di_{n}" for n in (63, 252, 504, 1260, 2520)),
    *(f"ntnb_{n}y" for n in (2, 5, 10, 30)),
    *(f"cupom_{n}" for n in (90, 360)),
    *(f"ust_{n}y" for n in (2, 5, 10, 30)),
    "tips_10y",
    *("usdbrl", "usdmxn", "usdzar", "usdclp", "eurusd"),
    *(f"cds_{n}y" for n in (1, 5, 10)),
    *("ibov", "es", "gold", "wti", "brent", "vix", "usdbrl_vol_3m"),
)
"""The 31 risk factors (quant design, section 6). Breakeven inflation is nominal less real, not a factor of its own."""


class Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Sizing(Model):
    """How scores become contracts.

    method: which optimiser sizes the book; the others are computed beside it. view_sharpe: Sharpe ratio that a full
    score is worth. tau: Black-Litterman's weight of the prior's uncertainty. kelly: fraction of the Kelly volatility.
    strategy_share, class_share: largest part of the book's volatility of one strategy, one asset class. min_change:
    smallest trade as a fraction of the position. benefit_over_cost: a trade must be expected to gain so many times its
    cost over its horizon (0: costs are not asked). enter, leave: a side is taken where |score| is above enter, and left
    below leave. min_hold: sessions before a position is reduced by less than a limit or a stop.
    """

    method: Literal["black_litterman", "mean_risk", "risk_parity", "hrp"] = "black_litterman"
    view_sharpe: Positive = 0.3
    tau: Positive = 0.05
    kelly: Fraction = 0.5
    strategy_share: Fraction = 0.6
    class_share: Fraction = 0.6
    enter: Fraction = 0.30
    leave: Fraction = 0.10
    min_change: Fraction = 0.2
    benefit_over_cost: Annotated[float, Field(ge=0)] = 2.0
    min_hold: Annotated[int, Field(ge=0)] = 5

    @model_validator(mode="after")
    def _order(self) -> Sizing:
        if self.leave > self.enter:
            raise ValueError(f"sizing: leave {self.leave} must not be above enter {self.enter}")
        return self


class Approval(Model):
    """What a decision needs besides a person.

    limit_share: share of any one limit above which a trade needs a second person. drift: of u (daily sigma x
    sqrt(horizon)) since the proposal, above which it has to be priced again. size_multiple: of the fund's median trade,
    once it made min_trades of them. price_sigmas: typical days that a limit may be away. blackout_minutes: before and
    after a release.
    """

    limit_share: Fraction = 0.25
    drift: Positive = 0.5
    size_multiple: Positive = 3.0
    min_trades: Annotated[int, Field(gt=0)] = 5
    price_sigmas: Positive = 5.0
    blackout_minutes: Annotated[int, Field(ge=0)] = 15


class BrokerRules(Model):
    """Who executes orders, and what it takes.

    adapter: which program (pms/broker.py). max_contracts_per_session: of one order in one session, the rest works on in
    the next; null: no cap. require_limit: an order without a limit is rejected.
    """

    adapter: Literal["paper"] = "paper"
    max_contracts_per_session: Annotated[int, Field(gt=0)] | None = None
    require_limit: bool = False


class PackFiles(Model):
    """Files of the morning pack: its languages, and whether there is paper beside the pages."""

    languages: Annotated[tuple[Literal["en", "pt"], ...], Field(min_length=1)] = ("en", "pt")
    pdf: bool = True


class Fund(Model):
    """The mandate. `inception` and `source` are written by `macro-fund init` into the home's own fund.yaml."""

    name: str
    nav_brl: Annotated[Decimal, Field(gt=0, decimal_places=2)]
    source: Literal["sample", "live", "replay"] = "sample"
    history_start: date = date(2010, 1, 4)
    inception: date | None = None
    sample_seed: int = 20100104
    vol_target: Annotated[float, Field(gt=0, le=0.5)]
    risk_share: dict[str, Fraction]
    sizing: Sizing = Sizing()
    approval: Approval = Approval()
    broker: BrokerRules = BrokerRules()
    language: Literal["en", "pt"] = "en"
    pack: PackFiles = PackFiles()
    narrator: Literal["template", "llm"] = "template"
    narrator_model: str = ""

    @model_validator(mode="after")
    def _order(self) -> Fund:
        if self.narrator == "llm" and not (self.narrator_model and self.source == "live"):
            raise ValueError("narrator llm needs narrator_model, and a fund on live data: set narrator: template")
        if self.language not in self.pack.languages:
            raise ValueError(
                f"language {self.language} must be one of pack.languages: {', '.join(self.pack.languages)}"
            )
        if self.inception is not None and self.inception <= self.history_start:
            raise ValueError(f"inception {self.inception} must be after history_start {self.history_start}")
        return self


class Breakers(Model):
    """Circuit breakers: losses (fractions of NAV, positive) at which the fund stops, halves or closes."""

    day_stop: Fraction
    day_halve: Fraction
    week_halve: Fraction
    month_halve: Fraction
    drawdown_halve: Fraction
    drawdown_kill: Fraction

    @model_validator(mode="after")
    def _order(self) -> Breakers:
        for small, large in (("day_stop", "day_halve"), ("drawdown_halve", "drawdown_kill")):
            if getattr(self, small) >= getattr(self, large):
                raise ValueError(f"breakers: {small} must be below {large}")
        return self


class Limits(Model):
    """Limits as fractions of NAV (per bp for a DV01); strategy_var_share of the VaR limit; gross_leverage in NAVs."""

    var_95: Fraction
    var_99: Fraction
    worst_stress: Fraction
    br_dv01: Fraction
    us_dv01: Fraction
    fx_net: Fraction
    cds_net: Fraction
    equity_net: Fraction
    strategy_var_share: Fraction
    gross_leverage: Positive
    margin: Fraction
    warn_at: Fraction = 0.8
    breakers: Breakers


class Factor(Model):
    """A risk factor: where its daily level comes from, or why it has none.

    kind: `rate` and `spread` move in bp, `log` in log returns. table, item, column: `silver/...` and the node or series
    in it. none: why no free source gives it (then there is no table).
    """

    id: str
    title: str
    title_pt: str
    kind: Literal["rate", "spread", "log"]
    table: str = ""
    item: str = ""
    none: str = ""

    @model_validator(mode="after")
    def _source(self) -> Factor:
        if bool(self.table) == bool(self.none):
            raise ValueError(f"factor {self.id}: give either table and item, or none with the reason")
        return self


class Scenario(Model):
    """A stress scenario. moves: bp of rate and spread factors, simple returns (0.08 is +8%) of log factors.

    start, end: the window that it happened in, whose closes measure it: the move from the close of the session before
    `start` to the close of `end`; none for a judgement. scale multiplies the measured move. stated: factors whose
    number is published (a measured one more than 10% away is told); the others are judgement until measured.
    """

    id: str
    title: str
    title_pt: str
    moves: dict[str, float]
    start: date | None = None
    end: date | None = None
    scale: Positive = 1.0
    stated: tuple[str, ...] = ()
    source: str

    @model_validator(mode="after")
    def _known(self) -> Scenario:
        if unknown := sorted(set(self.moves) - set(FACTORS)):
            raise ValueError(f"scenario {self.id}: unknown factors {', '.join(unknown)}; allowed: {', '.join(FACTORS)}")
        if (self.start is None) != (self.end is None) or (self.start and self.end and self.start > self.end):
            raise ValueError(f"scenario {self.id}: give both start and end, in order, or neither")
        if missing := sorted(set(self.stated) - set(self.moves)):
            raise ValueError(f"scenario {self.id}: stated names {', '.join(missing)} without a move")
        return self
