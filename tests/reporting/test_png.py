import sys
from pathlib import Path

import pytest
from tests.reporting import histories

from danlu.core.history import History, empty
from danlu.errors import DanluError


def test_three_charts_are_written(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    from danlu.reporting.png import write_pngs

    written = write_pngs(histories.staged(), tmp_path / "plots")
    assert [p.name for p in written] == ["curves.png", "history.png", "slices.png"]
    assert all(p.read_bytes().startswith(b"\x89PNG") for p in written)


@pytest.mark.parametrize(
    ("history", "count"),
    [
        (histories.hostile(), 3),
        (histories.single(), 3),
        (histories.running(), 3),
        (histories.extreme(), 3),
        (histories.only_failures(), 0),
        (empty(histories.spec()), 0),
    ],
    ids=["hostile", "single", "running", "extreme", "failures", "empty"],
)
def test_any_study_can_be_drawn(history: History, count: int, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    from danlu.reporting.png import write_pngs

    assert len(write_pngs(history, tmp_path)) == count


def test_both_curves_are_drawn_dashed_and_solid() -> None:
    pytest.importorskip("matplotlib")
    from danlu.reporting.png import curves_figure

    figure = curves_figure(histories.single(30, ("train_accuracy", "val_accuracy")))
    assert figure is not None
    dashes = [line.is_dashed() for line in figure.axes[0].lines]
    assert sorted(dashes) == [False, True]


def test_missing_matplotlib_is_told_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "danlu.reporting.png", raising=False)
    for name in [m for m in sys.modules if m.split(".")[0] == "matplotlib"]:
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(DanluError, match=r"danlu\[plots\]"):
        import danlu.reporting.png  # noqa: F401
