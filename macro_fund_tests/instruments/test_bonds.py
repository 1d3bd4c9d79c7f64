"""Government bonds against ANBIMA's and back-office prices, QuantLib, plain decimals and their own definitions."""

from __future__ import annotations

from datetime import date
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal

import numpy as np
import pytest
import QuantLib as ql  # noqa: N813
from hypothesis import given, settings
from hypothesis import strategies as st

from macro_fund.instruments import bonds
from macro_fund.instruments.bonds import TITLES, Schedule, schedule
from macro_fund.instruments.decimals import has_decimals, present_units, truncate, units
from macro_fund.time.calendars import load_calendar

CALENDAR = load_calendar("anbima")
VNA = 4299.160173
MATURITIES = {"LTN": (1, (1, 4, 7, 10)), "LFT": (1, (3, 9)), "NTN-F": (1, (1,)), "NTN-B": (15, (5, 8))}

titles = st.sampled_from(sorted(TITLES))
rates = st.integers(-20_000, 250_000).map(lambda n: n / 1e6)
days = st.dates(date(2010, 1, 4), date(2025, 12, 30)).map(lambda d: CALENDAR.offset(d, 0))


def maturity_of(title: str, settle: date, ahead: int) -> date:
    day, months = MATURITIES[title]
    return date(settle.year + 1 + ahead % 30, months[ahead % len(months)], day)


def one(title: str, settle: date, ahead: int) -> tuple[Schedule, float | None]:
    bond = schedule(title, settle, maturity_of(title, settle, ahead), CALENDAR)
    return bond, VNA if TITLES[title].indexed else None


# ANBIMA's file of 2026-02-06

LTN_2026 = {
    "2026-04-01": (14.714, 980.58076), "2026-07-01": (14.2305, 950.076302), "2026-10-01": (13.7295, 920.622446),
    "2027-04-01": (13.0636, 870.775176), "2027-07-01": (12.8585, 846.566617), "2027-10-01": (12.7585, 821.750637),
    "2028-01-01": (12.6711, 798.61504), "2028-04-01": (12.695, 774.796581), "2028-07-01": (12.7079, 752.49794),
    "2029-01-01": (12.8232, 707.402282), "2029-07-01": (12.9765, 663.591865), "2030-01-01": (13.1032, 621.927413),
    "2032-01-01": (13.4954, 476.413959),
}  # fmt: skip
LFT_2026 = {
    "2026-03-01": (0.0344, 18346.422069), "2026-09-01": (-0.0306, 18349.926305), "2027-03-01": (0.012, 18344.495656),
    "2027-09-01": (0.024, 18339.945652), "2028-03-01": (0.0419, 18331.084153), "2028-09-01": (0.0511, 18322.883138),
    "2029-03-01": (0.064, 18311.269621), "2029-09-01": (0.0767, 18297.05086), "2030-03-01": (0.089, 18281.217581),
    "2030-06-01": (0.0931, 18274.025639), "2030-09-01": (0.0967, 18266.741964), "2030-12-01": (0.0981, 18261.1095),
    "2031-03-01": (0.0996, 18255.403648), "2031-06-01": (0.1014, 18249.202434), "2031-09-01": (0.1024, 18243.496582),
    "2031-12-01": (0.103, 18238.120973), "2032-03-01": (0.1042, 18232.268348),
}  # fmt: skip


@pytest.mark.parametrize(("title", "quoted", "vna"), [("LTN", LTN_2026, None), ("LFT", LFT_2026, 18346.789005)])
def test_pus_of_anbimas_file(title: str, quoted: dict[str, tuple[float, float]], vna: float | None) -> None:
    rate, expected = np.array(list(quoted.values())).T
    found = bonds.pu(schedule(title, date(2026, 2, 6), np.array(list(quoted), "M8[D]"), CALENDAR), rate / 100, vna)
    assert found.tolist() == expected.tolist()


def test_back_office_ntnf() -> None:
    maturities = np.array(["2031-01-01", "2033-01-01", "2037-01-01"], "M8[D]")
    bond = schedule("NTN-F", date(2026, 7, 6), maturities, CALENDAR)
    found = bonds.pu(bond, [0.145366, 0.145764, 0.145259])
    assert found.tolist() == [864.701572, 823.854014, 773.756861]


@pytest.mark.parametrize(
    ("settle", "maturity", "rate", "expected"),
    [
        ("2024-05-31", "2035-05-15", 0.061490, 99.3651),
        ("2024-05-31", "2060-08-15", 0.061878, 99.5341),
        ("2024-08-15", "2032-08-15", 0.05929, 100.6409),  # a coupon is due on the settlement day: not there
        ("2026-08-14", "2026-08-15", 0.132098, 102.9056),  # due on a Saturday: one business day, not two
    ],
)
def test_ntnb_quotes(settle: str, maturity: str, rate: float, expected: float) -> None:
    bond = schedule("NTN-B", np.datetime64(settle), np.datetime64(maturity), CALENDAR)
    assert bonds.quote(bond, rate).item() == expected


def test_ntnb_pu_from_quote() -> None:
    found = bonds.pu_from_quote([4299.160173, 4315.498383, 4742.6373], [99.3651, 100.6409, 102.9056])
    assert found.tolist() == [4271.864805, 4343.156412, 4880.439369]


def test_lft_quote_and_pu() -> None:
    bond = schedule("LFT", date(2024, 7, 24), date(2030, 9, 1), CALENDAR)
    assert bonds.quote(bond, 0.001717).item() == 98.9645
    assert bonds.pu(bond, 0.001717, 15785.324502).item() == 15621.867466
    assert bonds.pu_from_quote(15785.324502, 99.9291).item() == 15774.132706


def test_lft_at_par_is_its_vna() -> None:
    values = [14646.892613, 15292.897679]
    assert bonds.pu_from_quote(values, 100.0).tolist() == values


def test_ltn_price_and_dv01() -> None:
    assert bonds.pu(schedule("LTN", date(2024, 7, 5), date(2030, 1, 1), CALENDAR), 0.12145).item() == 535.279902
    assert bonds.dv01(schedule("LTN", date(2025, 3, 26), date(2032, 1, 1), CALENDAR), 0.15097).item() == 0.226906


def test_golden_numbers() -> None:
    ntnb = schedule("NTN-B", date(2024, 5, 31), date(2035, 5, 15), CALENDAR)
    assert bonds.pu(ntnb, 0.061490, VNA).item() == 4271.864805
    assert bonds.pu(schedule("NTN-F", date(2024, 7, 5), date(2035, 1, 1), CALENDAR), 0.11921).item() == 895.359254


# Decimals


def test_truncation_keeps_what_has_few_decimals() -> None:
    values = [8460.211553, 1052.687935, 4270.887172, 8566.445456, 4276.861257]
    assert truncate(values, 6).tolist() == values
    assert truncate([1.23456789, -1.23456789, 0.29999999], 4).tolist() == [1.2345, -1.2345, 0.2999]


@settings(max_examples=200)
@given(st.integers(0, 10**11), st.integers(0, 6))
def test_units_count_every_decimal_number(count: int, decimals: int) -> None:
    value = float(Decimal(count).scaleb(-decimals))
    assert units(value, decimals, "x").item() == count
    assert truncate(value, decimals).item() == value


@pytest.mark.parametrize("value", [0.1234567, float("nan"), float("inf")])
def test_units_refuse_more_decimals_and_none(value: float) -> None:
    assert not has_decimals(value, 6).item()
    with pytest.raises(ValueError, match=r"rate .* has more than 6 decimals or none at all"):
        units(value, 6, "rate")


@settings(max_examples=150)
@given(rates, st.integers(1, 10_000), st.sampled_from(["48.80885", "1048.80885", "2.956301", "1000"]), st.booleans())
def test_vectors_are_plain_decimals(rate: float, bdays: int, amount: str, cut: bool) -> None:
    years = (Decimal(bdays) / 252).quantize(Decimal("1e-14"), rounding=ROUND_DOWN)
    value = Decimal(amount) / (1 + Decimal(repr(rate))) ** years
    expected = value.quantize(Decimal("1e-9"), rounding=ROUND_DOWN if cut else ROUND_HALF_UP)
    found = present_units(Decimal(amount), units([rate], 6, "rate"), np.array([bdays]), 9, cut=cut)
    assert found.item() == int(expected.scaleb(9))


def test_a_value_on_the_cut_is_decided_in_decimals() -> None:
    # 1000 / 1.6^2 is 390.625 and 1048.80885 / 1.2 is 874.007375: floats end a hair below both.
    for amount, rate, bdays, expected in (("1000", 0.6, 504, 390_625_000), ("1048.80885", 0.2, 252, 874_007_375)):
        found = present_units(Decimal(amount), units([rate], 6, "rate"), np.array([bdays]), 6, cut=True)
        assert found.item() == expected


# Against QuantLib


def _quantlib(bond: Schedule, settle: ql.Date, rate: float) -> float:
    calendar = ql.Brazil(ql.Brazil.Settlement)
    flows = [
        ql.SimpleCashFlow(float(amount), ql.Date(d.day, d.month, d.year))
        for amount, d in zip(bond.amount, bond.date.tolist(), strict=True)
    ]
    yearly = ql.InterestRate(rate, ql.Business252(calendar), ql.Compounded, ql.Annual)
    return ql.CashFlows.npv(ql.Leg(flows), yearly, False, settle)


@settings(max_examples=25)
@given(st.sampled_from(["LTN", "NTN-F", "NTN-B"]), st.integers(0, 40), rates)
def test_quantlib_prices_the_same_flows(title: str, ahead: int, rate: float) -> None:
    bond, vna = one(title, date(2024, 7, 5), ahead)
    expected = _quantlib(bond, ql.Date(5, 7, 2024), rate) * (1.0 if vna is None else vna / 100)
    assert bonds.price(bond, rate, vna).item() == pytest.approx(expected, rel=1e-10)
    cut = expected - bonds.pu(bond, rate, vna).item()
    assert -1e-6 < cut < (2e-6 if vna is None else 1e-6 * vna + 2e-6)


# Properties


@settings(max_examples=100)
@given(titles, days, st.integers(0, 60), rates)
def test_price_falls_with_the_rate_and_gives_it_back(title: str, settle: date, ahead: int, rate: float) -> None:
    bond, vna = one(title, settle, ahead)
    value = bonds.price(bond, rate, vna).item()
    assert bonds.price(bond, rate + 1e-4, vna).item() < value
    assert bonds.dv01(bond, rate, vna).item() > 0
    assert bonds.rate_from_pu(bond, value, vna).item() == pytest.approx(rate, abs=1e-10)
    cut = value - bonds.pu(bond, rate, vna).item()
    assert -1e-6 <= cut <= 2e-6 + (0 if vna is None else vna * 1.01e-6)


@settings(max_examples=60)
@given(titles, days, st.integers(0, 60))
def test_flows_are_half_years_back_from_maturity(title: str, settle: date, ahead: int) -> None:
    bond, _ = one(title, settle, ahead)
    dates = bond.date.astype("datetime64[M]")
    assert np.all(bond.date > np.datetime64(settle))
    assert np.all(np.diff(dates).astype(int) == 6)
    assert bond.last.tolist() == [False] * (bond.last.size - 1) + [True]
    if TITLES[title].coupon > 0:
        before = (dates[0] - 6).astype("M8[D]") + (bond.date[0] - dates[0].astype("M8[D]"))
        assert before <= np.datetime64(settle)
    else:
        assert bond.date.size == 1
    counted = [CALENDAR.count(settle, d) for d in bond.date.tolist()]
    assert bond.bdays.tolist() == counted


def test_many_bonds_are_each_bond_alone() -> None:
    settle = np.array(["2015-09-24", "2020-03-12", "2021-12-30"], "M8[D]")[:, None]
    maturity = np.array(["2023-05-15", "2035-05-15", "2050-08-15"], "M8[D]")
    rate = np.array([[0.06, 0.065, 0.07]]) + np.zeros((3, 1))
    together = bonds.pu(schedule("NTN-B", settle, maturity, CALENDAR), rate, VNA)
    for i, j in np.ndindex(3, 3):
        alone = schedule("NTN-B", settle[i, 0], maturity[j], CALENDAR)
        assert bonds.pu(alone, rate[i, j], VNA).item() == together[i, j]
        assert alone.maturity_bdays.shape == ()


def test_days_are_counted_with_the_holidays_of_the_trade_date() -> None:
    early, late = (schedule("LTN", date(2023, 12, d), date(2035, 1, 1), CALENDAR) for d in (20, 27))
    assert early.maturity_bdays.item() == 2772  # without the 20th of November
    today = schedule("LTN", date(2023, 12, 20), date(2035, 1, 1), CALENDAR, known_on=date(2023, 12, 26))
    assert today.maturity_bdays.item() == 2764
    assert late.maturity_bdays.item() == 2764 - 4  # the 20th, 21st, 22nd and 26th have passed


# Carry


def _carry(title: str, settle: date, ahead: int, rate: float, then: float, funding: float, grown: float):
    bond, vna = one(title, settle, ahead)
    return bonds.carry_roll(bond, rate, then, 21, funding, vna, None if vna is None else vna * grown)


@settings(max_examples=60)
@given(titles, days, st.integers(1, 29), rates, rates, st.floats(0, 0.15), st.floats(0.99, 1.02))
def test_carry_and_roll_add_up(
    title: str, settle: date, ahead: int, rate: float, then: float, funding: float, grown: float
) -> None:
    found = _carry(title, settle, ahead, rate, then, funding, grown)
    assert found.total.item() == pytest.approx((found.carry + found.roll).item(), abs=1e-15)
    assert found.roll.item() == pytest.approx(0, abs=1e-14) if rate == then else (found.roll > 0) == (then < rate)
    nothing = _carry(title, settle, ahead, rate, rate, rate, 1.0)
    assert nothing.total.item() == pytest.approx(0, abs=1e-12)


def test_carry_of_a_bond_without_coupons_is_the_rate_less_funding() -> None:
    bond = schedule("LTN", date(2024, 7, 5), date(2030, 1, 1), CALENDAR)
    found = bonds.carry_roll(bond, 0.12145, 0.1210, 63, 0.104)
    assert found.carry.item() == pytest.approx((1.12145 / 1.104) ** 0.25 - 1)
    n = bond.maturity_bdays.item()
    rolled = 1.12145 ** (n / 252) * 1.1210 ** (-(n - 63) / 252) / 1.104**0.25 - 1
    assert found.total.item() == pytest.approx(rolled)
    assert (found.roll * found.per_bp).item() == pytest.approx(4.5 * (n - 63) / n, rel=0.02)


def test_growth_of_the_nominal_value_is_carry() -> None:
    bond = schedule("NTN-B", date(2024, 5, 31), date(2035, 5, 15), CALENDAR)
    flat, grown = (bonds.carry_roll(bond, 0.0615, 0.0615, 21, 0.104, VNA, VNA * g) for g in (1.0, 1.004))
    assert (1 + grown.carry.item()) / (1 + flat.carry.item()) == pytest.approx(1.004)
    assert grown.roll.item() == pytest.approx(0, abs=1e-15)


def test_a_coupon_on_the_way_earns_the_funding_rate() -> None:
    bond = schedule("NTN-F", date(2024, 6, 3), date(2027, 1, 1), CALENDAR)
    found = bonds.carry_roll(bond, 0.11, 0.11, 42, 0.10)
    due = bond.bdays[0]
    later = schedule("NTN-F", CALENDAR.offset(date(2024, 6, 3), 42), date(2027, 1, 1), CALENDAR)
    assert due < 42
    value = bonds.price(later, 0.11) + 48.80885 * 1.10 ** ((42 - due) / 252)
    assert found.carry.item() == pytest.approx((value / bonds.price(bond, 0.11) / 1.10 ** (42 / 252) - 1).item())


# Nominal value


def test_vna_between_two_releases() -> None:
    found = bonds.vna_prorata(4739.424756, 7652.37, 7657.73, [28, 29, 30], 31)
    assert found.tolist() == [4742.423062, 4742.530180, 4742.637300]
    assert bonds.vna_prorata(4739.424756, 7652.37, 7657.73, 0, 31).item() == 4739.424756


def test_vna_projected_counts_business_days() -> None:
    # ANBIMA, September 2021: 3639.277353 on the 15th, 0.99% projected until the 27th and 1.23% from the 28th.
    found = bonds.vna_projected(3639.277353, [0.0099, 0.0099, 0.0123], [1, 8, 9], 21)
    assert found.tolist() == [3640.984975, 3652.960792, 3658.394555]


def test_vna_of_lft_is_carried_by_the_selic() -> None:
    assert bonds.vna_selic(1000.0, [0.0915, 0.0915]).tolist() == [1000.34749, 1000.6951]
    assert bonds.vna_selic(1000.0, []).size == 0


# Refusals


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: schedule("NTN-X", date(2024, 7, 5), date(2030, 1, 1), CALENDAR), "'NTN-X' is not a title"),
        (lambda: schedule("LTN", date(2030, 1, 1), date(2030, 1, 1), CALENDAR), "has matured on 2030-01-01"),
        (lambda: bonds.pu(one("LTN", date(2024, 7, 5), 3)[0], 0.1, 1000.0), "LTN has no VNA"),
        (lambda: bonds.pu(one("NTN-B", date(2024, 7, 5), 3)[0], 0.06), "NTN-B needs the VNA"),
        (lambda: bonds.pu(one("NTN-B", date(2024, 7, 5), 3)[0], 0.0612345, VNA), "rate 0.0612345 has more than 6"),
        (lambda: bonds.pu(one("NTN-B", date(2024, 7, 5), 3)[0], 0.06, 4299.1601735), "VNA 4299.1601735 has more"),
        (lambda: bonds.pu(one("LTN", date(2024, 7, 5), 3)[0], -1.0), "above -100%"),
        (lambda: bonds.price(one("LTN", date(2024, 7, 5), 3)[0], -1.5), "above -100%"),
        (lambda: bonds.rate_from_pu(one("LTN", date(2024, 7, 5), 3)[0], 0.0), "needs a PU above 0"),
        (lambda: bonds.rate_from_pu(one("LTN", date(2024, 7, 5), 3)[0], float("nan")), "needs a PU above 0"),
        (lambda: bonds.carry_roll(one("LTN", date(2024, 7, 5), 0)[0], 0.1, 0.1, 300, 0.1), "before the maturity"),
        (lambda: bonds.vna_prorata(4739.4, 0.0, 7657.73, 1, 31), "must be above 0"),
    ],
)
def test_bad_input_is_refused(call, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
