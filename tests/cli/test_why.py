"""``danlu why``: the story of a study, and of one trial."""

from pathlib import Path

from tests.cli.conftest import SPEC, Call

from danlu.core.event import Diagnosed, Noted
from danlu.core.finding import Finding
from danlu.core.logbook import Entry
from danlu.stores import open_store


def told(where: Path) -> None:
    """Two lines of the log-book and a finding about the study."""
    store = open_store(where)
    entry = Entry("stage", "coarse", "nothing yet", "8 short trials", "they are cheap",
                  {"trials": 0, "spent": 0.0})  # fmt: skip
    finding = Finding("boundary", "warning", 0.9, "The best lr lies at its end.")
    store.append(SPEC.name, [Noted(1.0, entry), Diagnosed(1.0, None, finding)])
    store.close()


def test_why_tells_verdict_stages_logbook_and_findings(call: Call, where: Path) -> None:
    told(where)
    result = call("why", "digits", "--store", where)
    assert result.exit_code == 0
    text = result.output
    assert "Use the config of trial 2." in text
    assert "1. The best lr lies at its end." in text
    assert "[coarse] nothing yet: 8 short trials – they are cheap." in text
    assert "warning (90% sure): The best lr lies at its end." in text


def test_why_of_a_trial_tells_each_decision_and_what_came_of_it(call: Call, where: Path) -> None:
    text = call("why", "digits", 2, "--store", where).output
    assert "Trial 2 of digits: finished" in text
    assert "epoch 0 to 3" in text
    assert "came: val_loss 0.4 by epoch 3" in text
    assert "overfitting" in text


def test_why_of_a_trial_tells_its_share_of_the_data_and_where_else_its_config_was_trained(
    call: Call, where: Path
) -> None:
    part = call("why", "digits", 4, "--store", where).output
    assert "Trial 4 of digits: paused on 25% of the data" in part
    assert "The same config on all of the data: #1, val_loss 0.7" in part
    whole = call("why", "digits", 1, "--store", where).output
    assert "Trial 1 of digits: finished, coarse\n" in whole
    assert "The same config on 25% of the data: #4, val_loss 0.3" in whole


def test_a_number_alone_is_a_trial_of_the_newest_study(call: Call, where: Path) -> None:
    assert "Trial 3 of digits: failed" in call("why", 3, "--store", where).output


def test_a_trial_that_is_not_there_is_refused(call: Call, where: Path) -> None:
    result = call("why", "digits", 99, "--store", where)
    assert result.exit_code == 1
    assert "there is no trial 99 in 'digits': it has 4 trials." in result.output


def test_show_begins_with_the_gravest_finding(call: Call, where: Path) -> None:
    told(where)
    lines = call("show", "--store", where).output.splitlines()
    assert lines.index("Warning: The best lr lies at its end.") < 5
