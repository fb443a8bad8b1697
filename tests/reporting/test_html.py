import gzip
import json
import re
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.reporting import histories

from danlu.core.event import Event, Finished, Reported, Started
from danlu.core.history import History, empty
from danlu.errors import DanluError
from danlu.reporting.html import render_report, script_json, write_report
from danlu.reporting.payload import page_data, state_of


def data_of(page: str) -> Any:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    assert found is not None
    return json.loads(found[1])


@pytest.mark.parametrize(
    "history",
    [
        empty(histories.spec()),
        histories.single(),
        histories.only_failures(),
        histories.running(),
        histories.hostile(),
        histories.extreme(),
        histories.staged(),
    ],
    ids=["empty", "single", "failures", "running", "hostile", "extreme", "staged"],
)
def test_any_study_has_a_report(history: History, tmp_path: Path) -> None:
    path = write_report(history, tmp_path / "new" / "report.html")
    data = data_of(path.read_text("utf-8"))
    assert len(data["trials"]) == len(history.trials)


def test_a_folder_gets_a_file_named_after_the_study(tmp_path: Path) -> None:
    assert write_report(histories.single(), tmp_path) == tmp_path / "digits.html"


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DanluError, match=r"file.*report\.html"):
        write_report(histories.single(), tmp_path / "file" / "report.html")


def test_hostile_text_stays_inside_the_data() -> None:
    page = render_report(histories.hostile())
    assert page.count("<script") == page.count("</script>") == 2
    assert "<img" not in page
    assert data_of(page)["trials"][0]["why"] == histories.HOSTILE


def test_the_page_refers_to_nothing_outside() -> None:
    page = render_report(histories.staged())
    markup = re.sub(r"<script>.*?</script>", "", page, flags=re.DOTALL)
    assert not re.search(r"""(src|href)\s*=\s*["'](?!data:)|url\(|@import|https?://""", markup)
    assert not re.search(r"(?<![.\w])eval\(", page)  # model.eval() is told in a sentence
    assert "default-src &#x27;none&#x27;" in page


def test_json_for_a_script_element_cannot_end_it() -> None:
    text = script_json({"</script>": "<!--&\u2028\ud800"})
    assert text.isascii()
    assert not set("<>&") & set(text)
    assert json.loads(text) == {"</script>": "<!--&\u2028\ud800"}


def test_curves_keep_what_is_not_finite_and_what_is_missing() -> None:
    data = page_data(histories.staged(objective="min val_loss"))
    diverged = [t for t in data["trials"] if t["diverged"]]
    assert diverged
    assert all(t["m"]["val_loss"][-1] == "NaN" for t in diverged)
    alone = page_data(histories.single())
    assert alone["trials"][0]["m"] == {
        "val_accuracy": [alone["trials"][0]["m"]["val_accuracy"][0]]
    }


def test_a_very_long_curve_is_thinned_to_its_extremes() -> None:
    history = histories.large(2, 5000)
    trial = next(t for t in history.trials.values() if len(t.reports) == 5000)
    data = page_data(history)["trials"][trial.number - 1]
    assert len(data["e"]) < 2000
    assert data["e"][0] == 1
    assert data["e"][-1] == 5000
    assert min(data["m"]["val_loss"]) == pytest.approx(trial.value, rel=1e-4)


def test_the_state_of_a_study_is_one_word() -> None:
    assert state_of(empty(histories.spec())) == "not begun"
    assert state_of(histories.running()) == "running"
    assert state_of(histories.staged()) == "done"
    assert state_of(histories.only_failures()) == "failed"


def test_a_large_study_stays_below_four_megabytes() -> None:
    page = render_report(histories.large(1000, 100))
    assert len(page) < 4_000_000


@given(st.lists(st.floats(), min_size=1, max_size=6), st.sampled_from(["min loss", "max f1"]))
def test_any_numbers_make_a_page(values: list[float], objective: str) -> None:
    spec = histories.spec(objective, epochs=1)
    name, config = spec.objective.metric, spec.space.default()
    events: list[Event] = []
    for n, value in enumerate(values, 1):
        events += [
            Started(n, n, config, 1, seed=n, stage="confirm"),
            Reported(n, n, 1, {name: value}),
            Finished(n, n),
        ]
    data = data_of(render_report(empty(spec, events)))
    for metric in data["metrics"]:
        assert metric["range"]["low"] < metric["range"]["high"]


def test_script_and_styles_stay_within_what_a_page_may_load() -> None:
    page = files("danlu.reporting") / "page"
    names = ("dashboard.js", "dashboard.css")
    sizes = [len(gzip.compress((page / name).read_bytes(), 9)) for name in names]
    assert sum(sizes) <= 120_000
