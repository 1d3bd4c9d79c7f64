"""How the texts' scores did: against the decision that came next, and against forecasts that need no text.

Belongs here: the statistics of docs/agents/policy-text.md, to be run again on any fund's own lake. Does not belong
here: scoring. Everything here looks back with hindsight; nothing of it may feed a model.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import polars as pl

from macro_fund.agents.policy_classifier import CLASSES, TARGETS, TargetPath, next_decision

Vector = npt.NDArray[np.float64]
BP = 1e4
MIN_CASES = 8


def with_outcomes(rows: pl.DataFrame, observations: pl.DataFrame) -> pl.DataFrame:
    """Rows of agents/policy_text (first version of each document) with what followed.

    last_bp: change of the target at the document's own meeting; next_bp: at the first meeting after its release (the
    meetings are those of all rows of its language); last, next: cut, hold or hike. Null where not known (yet). Sorted
    by series and meeting.
    """
    first = rows.sort("session").unique(["series_id", "document", "event_date"], keep="first", maintain_order=True)
    first = first.filter(pl.col("language").is_in(list(TARGETS)))
    paths = {language: TargetPath.of(observations, series) for language, series in TARGETS.items()}
    meetings = {
        language: first.filter(pl.col("language") == language)["event_date"].unique().sort().to_list()
        for language in TARGETS
    }
    found = []
    for language, meeting, released in first.select("language", "event_date", "knowledge_time").rows():
        last = paths[language].decision(meeting)
        coming = next_decision(released, meetings[language], paths[language])
        found.append(
            (
                last.change * BP if last else None,
                coming.change * BP if coming else None,
                last.outcome if last else None,
                coming.outcome if coming else None,
            )
        )
    schema = {"last_bp": pl.Float64, "next_bp": pl.Float64, "last": pl.String, "next": pl.String}
    return pl.concat([first, pl.DataFrame(found, schema, orient="row")], how="horizontal").sort(
        "series_id", "event_date"
    )


def correlation(x: npt.ArrayLike, y: npt.ArrayLike) -> float | None:
    """Pearson's, of the complete pairs; None with fewer than 8 or when one of the two never varies."""
    a, b = _complete(x, y)
    if a.size < MIN_CASES or not a.std() or not b.std():
        return None
    return float(np.corrcoef(a, b)[0, 1])


def partial_correlation(x: npt.ArrayLike, y: npt.ArrayLike, given: npt.ArrayLike) -> float | None:
    """Correlation of x and y after a straight line in `given` is taken out of both; None as `correlation`."""
    a, b, c = _complete(x, y, given)
    if a.size < MIN_CASES or not c.std():
        return None
    line = np.column_stack([np.ones_like(c), c])
    left, right = (v - line @ np.linalg.lstsq(line, v, rcond=None)[0] for v in (a, b))
    return correlation(left, right)


def _complete(*columns: npt.ArrayLike) -> list[Vector]:
    arrays = [np.asarray(c, dtype=np.float64) for c in columns]
    keep = np.isfinite(arrays).all(axis=0)
    return [a[keep] for a in arrays]


def _sign_hits(part: pl.DataFrame, column: str) -> tuple[int, float | None]:
    """Of the documents before a move: how many, and the share in which the column's sign was the move's."""
    moved = part.filter((pl.col("next") != "hold") & pl.col(column).is_not_null())
    right = moved.filter(pl.col(column).sign() == pl.col("next_bp").sign())
    return moved.height, right.height / moved.height if moved.height else None


def score_record(outcomes: pl.DataFrame) -> pl.DataFrame:
    """One row a series: how score and change went with the next decision.

    outcomes: of `with_outcomes`. beyond_last: partial correlation of the score with the next decision, given the last
    one; hits_*: share of right signs among documents before a move (a score of 0 is wrong).
    """
    rows = []
    for (series,), part in outcomes.drop_nulls(["score", "next_bp"]).group_by("series_id", maintain_order=True):
        moves, hits = _sign_hits(part, "score")
        rows.append(
            {
                "series_id": series,
                "n": part.height,
                "moves": moves,
                "score_corr": correlation(part["score"], part["next_bp"]),
                "last_corr": correlation(part["last_bp"], part["next_bp"]),
                "beyond_last": partial_correlation(part["score"], part["next_bp"], part["last_bp"]),
                "change_corr": correlation(part["change"], part["next_bp"]),
                "change_turn_corr": correlation(part["change"], part["next_bp"] - part["last_bp"]),
                "hits_score": hits,
                "hits_change": _sign_hits(part, "change")[1],
                "hits_last": _sign_hits(part, "last_bp")[1],
            }
        )
    return pl.DataFrame(rows, infer_schema_length=None)


def opinion_record(outcomes: pl.DataFrame) -> pl.DataFrame:
    """One row a series: how often the second opinion's likeliest class came true, out of sample, and two baselines.

    always_hold, repeat_last: accuracy of forecasts that need no text, on the same documents; turns: documents whose
    next decision differed from the last, and turns_right the model's share of them. p_value: exact sign test of the
    documents in which only one of model and repeat_last was right (McNemar), two-sided. brier: mean squared error of
    the probabilities, summed over classes; brier_rates: of the shares of classes among the decisions before.
    """
    from scipy.stats import binomtest

    rows = []
    judged = outcomes.drop_nulls([*(f"p_{c}" for c in CLASSES), "next", "last"])
    for (series,), part in judged.group_by("series_id", maintain_order=True):
        said = [CLASSES[int(np.argmax(p))] for p in part.select(f"p_{c}" for c in CLASSES).rows()]
        came, last = part["next"].to_list(), part["last"].to_list()
        right = np.array([s == c for s, c in zip(said, came, strict=True)])
        repeated = np.array([a == c for a, c in zip(last, came, strict=True)])
        only_model, only_last = int((right & ~repeated).sum()), int((~right & repeated).sum())
        sign_test = binomtest(only_model, only_model + only_last).pvalue if only_model + only_last else None
        rows.append(
            {
                "series_id": series,
                "n": part.height,
                "accuracy": float(right.mean()),
                "always_hold": came.count("hold") / part.height,
                "repeat_last": float(repeated.mean()),
                "turns": int((~repeated).sum()),
                "turns_right": float(right[~repeated].mean()) if (~repeated).any() else None,
                "p_value": sign_test,
                "brier": _brier(part.select(f"p_{c}" for c in CLASSES).to_numpy(), came),
                "brier_rates": _brier(_base_rates(outcomes, part), came),
            }
        )
    return pl.DataFrame(rows, infer_schema_length=None)


def _brier(probabilities: Vector, came: Sequence[str]) -> float:
    truth = np.array([[c == name for name in CLASSES] for c in came], dtype=np.float64)
    return float(((probabilities - truth) ** 2).sum(axis=1).mean())


def _base_rates(outcomes: pl.DataFrame, part: pl.DataFrame) -> Vector:
    """Shares of cut, hold and hike among the series' decisions at meetings before each document's own."""
    table = []
    for series, meeting in part.select("series_id", "event_date").rows():
        before = outcomes.filter((pl.col("series_id") == series) & (pl.col("event_date") < meeting))[
            "last"
        ].drop_nulls()
        table.append([(before == c).mean() if before.len() else 1 / len(CLASSES) for c in CLASSES])
    return np.array(table, dtype=np.float64)
