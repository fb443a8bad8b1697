"""Confidences are what was measured, with the specification's guess where little was."""

import pytest
from tests.diagnosis.trials import TASK, healthy, said

from danlu.diagnosis.confidence import PRIOR_WEIGHT, confidence, table

RULES = [(code, rule) for code, rules in table().items() for rule in rules]


@pytest.mark.parametrize(("code", "rule"), RULES)
def test_a_confidence_lies_between_the_guess_and_the_share_of_right_verdicts(
    code: str, rule: str
) -> None:
    known = table()[code][rule]
    n, right = known.get("said", 0), known.get("right", 0)
    assert 0 <= right <= n
    ends = sorted([known["prior"], right / n if n else known["prior"]])
    assert ends[0] - 1e-9 <= confidence(code, rule) <= ends[1] + 1e-9
    assert 0.0 < confidence(code, rule) < 1.0


def test_the_guess_counts_as_few_runs() -> None:
    measured = [known for rules in table().values() for known in rules.values() if "said" in known]
    assert sum(known["said"] for known in measured) > 20 * PRIOR_WEIGHT


def test_a_verdict_says_by_which_rule_it_came_and_is_less_sure_of_a_short_curve() -> None:
    long, short = (said(healthy(n=n) | {"val_loss": [9.0] * n}, TASK) for n in (30, 5))
    for found, share in ((long, 1.0), (short, 0.5)):
        for f in found:
            expected = share * confidence(f.code, f.evidence["rule"])
            assert f.confidence == pytest.approx(expected, abs=1e-3)
