"""Wishes from the command line."""

from pathlib import Path

import pytest
from tests.cli.conftest import Call
from tests.conformance.stores import one_trial, spec_of

from danlu.stores import open_store


@pytest.fixture
def where(tmp_path: Path) -> str:
    """A store with a study that somebody runs."""
    path = tmp_path / "studies"
    store = open_store(path)
    store.create(spec_of())
    store.append("digits", one_trial())
    return str(path)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["pause"], ("pause", None, {})),
        (["resume"], ("resume", None, {})),
        (["extend", "5x"], ("add budget", None, {"budget": "5x"})),
        (["stop", "--trial", "1"], ("stop trial", 1, {})),
        (["stop", "--now"], ("stop now", None, {})),
        (["pin", "1"], ("pin", 1, {})),
        (["pin", "1", "--remove"], ("unpin", 1, {})),
        (["note", "odd", "--trial", "1"], ("note", 1, {"text": "odd"})),
        (
            ["enqueue", "lr=1e-3", "units=64", "optimizer=adam"],
            ("enqueue", None, {"config": {"lr": 1e-3, "units": 64, "optimizer": "adam"}}),
        ),
    ],
)
def test_each_wish_reaches_the_store(
    call: Call, where: str, words: list[str], expected: tuple[str, int | None, dict[str, object]]
) -> None:
    store = open_store(where)
    with store.lock("digits"):
        result = call(*words, "--store", where)
    assert result.exit_code == 0, result.stderr
    (request,) = store.requests("digits")
    assert (request.verb, request.trial, dict(request.data)) == expected
    assert request.by


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["pause"], "nobody runs 'digits'"),
        (["extend", "5x"], "nobody runs 'digits'"),
        (["enqueue", "lr"], "NAME=VALUE"),
        (["enqueue", "lr=9"], "lr:"),
        (["enqueue", "unit=64"], "Did you mean 'units'"),
        (["pin", "7"], "no trial 7"),
        (["note", ""], "some text"),
    ],
)
def test_a_wish_that_cannot_be_is_refused(
    call: Call, where: str, words: list[str], reason: str
) -> None:
    result = call(*words, "--store", where)
    assert result.exit_code in (1, 2)
    assert reason in result.stderr
    assert not open_store(where).requests("digits")
