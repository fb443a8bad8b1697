"""Findings about parameters: those that do not matter, and those that say the same."""

from collections.abc import Iterator, Sequence
from itertools import combinations

import numpy as np

from danlu.core.finding import Advice, Finding
from danlu.core.sentence import say
from danlu.diagnosis.study_thresholds import (
    FLAT_EXPLAINED,
    FLAT_REACH,
    FLAT_SHARE,
    TIED,
    TIED_ALL,
    TIED_TRIED,
)
from danlu.diagnosis.survey import Survey
from danlu.surrogates.linalg import Array


def flat(survey: Survey) -> Iterator[Finding]:
    """A parameter does not matter for the objective, alone or with others.

    It is said only where the whole interval of its share lies below the threshold, where all it
    changes is less than the noise, and where the model explains enough to be trusted.
    """
    found, best, noise = survey.importance, survey.incumbent, survey.noise.sd
    if found is None or best is None or noise is None or found.explained < FLAT_EXPLAINED:
        return
    for name, share in found.single.items():
        total, reach = found.total(name), FLAT_REACH * found.effect(name)
        if share.high >= FLAT_SHARE or total >= FLAT_SHARE or reach >= noise:
            continue
        if name in survey.learning_rates or name not in best.config:
            continue  # a learning rate is never frozen before the end (E1)
        value = best.config[name]
        yield Finding(
            "flat", "info", 0.7,
            say(
                "{name} explains {total:.1%} of the differences between {rows} trials, less than "
                "the noise: it does not matter here. Keep it at {value} and search the others.",
                name=name, total=total, rows=found.rows, value=value,
            ),
            {"parameter": name, "share": round(share.value, 4), "high": round(share.high, 4),
             "total": round(total, 4), "reach": reach, "noise": noise, "rows": found.rows},
            (Advice("freeze", name, value),),
        )  # fmt: skip


def redundant(survey: Survey) -> Iterator[Finding]:
    """Two parameters move together among the best, though not among all that were tried."""
    top = survey.tried[: len(survey.tried) // 4]
    if len(top) < TIED_TRIED:
        return
    places = {
        name: [survey.place(name, c.config) for c in survey.tried] for name, _ in survey.numeric()
    }
    for a, b in combinations(places, 2):
        rows = [
            (x, y) for x, y in zip(places[a], places[b], strict=True)
            if x is not None and y is not None
        ]  # fmt: skip
        if len(rows) < len(survey.tried):
            continue
        among_best = spearman(rows[: len(top)])
        if abs(among_best) > TIED and abs(spearman(rows)) < TIED_ALL:
            way = say("together") if among_best > 0 else say("against each other")
            ratio = f"{b}/{a}" if among_best > 0 else f"{a}·{b}"
            yield Finding(
                "redundant", "info", 0.5,
                say(
                    "Among the best {top} configs {a} and {b} move {way} (rank correlation "
                    "{among_best:.2f}): what counts is {ratio}. Search {a} and {ratio}, or fix "
                    "one.",
                    top=len(top), a=a, b=b, way=way, among_best=among_best, ratio=ratio,
                ),
                {"parameter": a, "other": b, "correlation": round(among_best, 3),
                 "trials": len(top)},
                (Advice("check", b, why=f"search {ratio} in its place"),),
            )  # fmt: skip


def spearman(rows: Sequence[tuple[float, float]]) -> float:
    """Rank correlation of pairs, equal values at their mean rank; 0 if one never varies."""
    a, b = (_ranks(np.array(column, float)) for column in zip(*rows, strict=True))
    if np.ptp(a) == 0 or np.ptp(b) == 0:
        return 0.0
    return float(np.corrcoef(a, b)[0, 1])


def _ranks(x: Array) -> Array:
    _, place, counts = np.unique(x, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    return np.asarray((ends - (counts - 1) / 2.0)[place])
