"""The commands that look at studies, on a store that holds a finished one."""

import json
import shlex
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest
from tests.cli.conftest import ADAM, SGD, SPEC, Call, json_lines, reports

from danlu.core.event import Began, Failed, Finished, Paused, Reported, Started
from danlu.core.parameter import Float
from danlu.core.space import Space
from danlu.core.spec import Budget, Constraint, Objective
from danlu.stores import open_store


def test_ls_tells_of_every_study_in_a_line(call: Call, where: Path) -> None:
    store = open_store(where)
    store.create(replace(SPEC, name="second", budget=Budget()))
    store.append("second", [Began(1.0), Started(2.0, 1, ADAM, 3, 1)])
    store.close()
    result = call("ls", "--store", where)
    assert result.exit_code == 0
    titles, first, second = result.output.splitlines()
    assert titles.split()[:3] == ["study", "state", "trials"]
    assert first.split()[:3] == ["digits", "done", "4"]
    assert "2.1 of 4x" in first
    assert "0.4" in first.split()
    assert second.split()[:3] == ["second", "killed", "1"]


def test_ls_for_machines_is_json(call: Call, where: Path) -> None:
    (row,) = json_lines(call("ls", "--json", "--store", where).output)
    assert (row["study"], row["state"], row["trials"], row["best"]) == ("digits", "done", 4, 0.4)


def test_show_tells_the_end_the_best_the_trials_findings_and_failures(
    call: Call, where: Path
) -> None:
    text = call("show", "--store", where).output
    assert "digits: min val_loss · 3 parameters · 3 epochs · auto · budget 4x · seed 7" in text
    assert "Done: the budget of 4 full trainings is spent." in text
    assert "Best: #2, val_loss 0.4 at epoch 2 of 3." in text
    rows = [line.split() for line in text.splitlines()]
    table = [row for row in rows if row[1:] and row[1] in ("finished", "paused", "failed")]
    assert [row[0] for row in table] == ["2", "1", "4", "3"], (
        "best first, proxies and failures last"
    )
    assert table[0][5:7] == ["▆▁▃", "█▃▆"]
    assert "25%" in table[2]
    assert "#2 warning: Validation loss rises: overfitting." in text
    assert "#3: ValueError: no data" in text
    assert "| Traceback" in text


def promise(where: Path) -> None:
    """Three more trials: two that are paused before their end, one that runs."""
    store = open_store(where)
    for n, value in ((5, 0.5), (6, 0.45), (7, 0.6)):
        store.append("digits", [Started(200.0, n, SGD, 2, n), *reports(n, [value + 0.2, value])])
        if n < 7:
            store.append("digits", [Paused(210.0, n)])
    store.close()


def test_show_predicts_what_open_trials_would_reach(call: Call, where: Path) -> None:
    assert "predicted" not in call("show", "--store", where).output
    promise(where)
    rows = [line.split() for line in call("show", "--store", where).output.splitlines()]
    titles = next(row for row in rows if row[:1] == ["#"])
    assert "predicted" in titles
    found = {row[0]: "±" in row for row in rows if row[1:] and row[0].isdigit()}
    assert found == {**dict.fromkeys("1234", False), **dict.fromkeys("567", True)}


def test_the_report_draws_where_open_trials_lead(call: Call, where: Path) -> None:
    call("report", "--store", where)
    assert '"fans":{}' in Path("digits.html").read_text()
    promise(where)
    assert call("report", "--store", where).exit_code == 0
    assert Path("digits.html").read_text().count(":[[3,") == 3


def test_show_leaves_out_parameters_for_which_there_is_no_room_and_says_so(
    call: Call, where: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "76")
    text = call("show", "--store", where).output
    assert all(len(line) <= 76 for line in text.splitlines() if "█" in line)
    assert "No room for" in text
    assert "momentum" in text


def test_show_names_only_the_best_twenty_unless_asked_for_all(call: Call, where: Path) -> None:
    store = open_store(where)
    store.append("digits", [Started(200.0, n, ADAM, 3, n) for n in range(5, 30)])
    store.close()
    assert "… and 9 more trials" in call("show", "--store", where).output
    assert "more trials" not in call("show", "--all", "--store", where).output


def test_hostile_text_cannot_write_on_the_terminal(call: Call, where: Path) -> None:
    store = open_store(where)
    store.append("digits", [Failed(300.0, 4, "exit", "\x1b[2J[bold]gone\x07", "\x1b]0;x\x07")])
    store.close()
    text = call("show", "--store", where).output
    assert "\x1b" not in text
    assert "\x07" not in text
    assert "[bold]gone" in text


def test_best_gives_the_config_in_every_form(call: Call, where: Path) -> None:
    assert "lr          0.02" in call("best", "--store", where).output
    record = json.loads(call("best", "--json", "--store", where).output)
    assert (record["trial"], record["value"], record["epoch"]) == (2, 0.4, 2)
    assert record["config"] == ADAM
    assert tomllib.loads(call("best", "--toml", "--store", where).output) == ADAM
    line = call("best", "digits", "--command", "--store", where).output
    words = shlex.split(line)
    assert words == ["python", "train me.py", "--lr=0.02", "--seed", "12"], "no inactive option"


def test_best_without_a_result_says_so(call: Call, tmp_path: Path) -> None:
    store = open_store(tmp_path / "s")
    store.create(SPEC)
    store.close()
    result = call("best", "--store", tmp_path / "s")
    assert result.exit_code == 1
    assert result.stderr == "Error: no trial of 'digits' has a result yet.\n"


def test_best_as_a_command_needs_a_command(call: Call, where: Path) -> None:
    store = open_store(where)
    store.respecify(replace(SPEC, command=()))
    store.close()
    result = call("best", "--command", "--store", where)
    assert result.exit_code == 1
    assert "trains a function" in result.stderr


@pytest.mark.parametrize("form", ["csv", "json"])
def test_export_writes_files_and_prints_their_paths(call: Call, where: Path, form: str) -> None:
    result = call("export", f"--{form}", "-o", "out", "--store", where)
    assert result.exit_code == 0, result.output
    paths = [Path(line) for line in result.output.splitlines()]
    assert paths
    assert all("0.4" in path.read_text() for path in paths)


def test_export_needs_a_form(call: Call, where: Path) -> None:
    result = call("export", "--store", where)
    assert result.exit_code == 2
    assert "one of --csv, --json and --parquet is needed" in result.stderr


def test_report_writes_a_page_and_prints_its_path(call: Call, where: Path) -> None:
    result = call("report", "--store", where)
    assert result.exit_code == 0, result.output
    assert result.output == "digits.html\n"
    assert Path("digits.html").read_text().lower().startswith("<!doctype html>")


def test_without_a_name_the_newest_study_is_taken(call: Call, where: Path) -> None:
    store = open_store(where)
    store.create(replace(SPEC, name="newer", space=Space(x=Float(0, 1))))
    store.close()
    assert call("show", "--store", where).output.startswith("newer: ")


def test_an_unknown_study_is_refused_with_the_nearest_name(call: Call, where: Path) -> None:
    result = call("show", "digit", "--store", where)
    assert result.exit_code == 1
    assert result.stderr == "Error: there is no study 'digit'. Did you mean 'digits'?\n"


@pytest.mark.parametrize(
    "command", ["ls", "show", "best", "report", "export --csv", "stop", "rm x"]
)
def test_a_folder_without_studies_stays_as_it_is(call: Call, tmp_path: Path, command: str) -> None:
    result = call(*command.split())
    assert result.exit_code == 1
    assert "there is no study in '.danlu' yet" in result.stderr
    assert not list(tmp_path.iterdir())


def test_the_environment_names_the_store(
    call: Call, where: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DANLU_STORE", str(where))
    assert call("best").exit_code == 0


def test_rm_asks_and_then_removes(call: Call, where: Path) -> None:
    result = call("rm", "digits", "--store", where, input="n\n")
    assert result.exit_code == 1
    assert "with 4 trials" in result.output
    assert call("show", "--store", where).exit_code == 0
    result = call("rm", "digits", "--yes", "--store", where)
    assert result.exit_code == 0, result.stderr
    assert call("show", "--store", where).exit_code == 1


def test_rm_and_stop_know_whether_the_study_runs(call: Call, where: Path) -> None:
    result = call("stop", "--store", where)
    assert result.exit_code == 1
    assert "nobody runs 'digits'" in result.stderr
    store = open_store(where)
    with store.lock("digits"):
        assert "stop it first" in call("rm", "digits", "--yes", "--store", where).stderr
        assert call("stop", "--store", where).exit_code == 0
        assert call("stop", "--now", "--store", where).exit_code == 0
        assert call("stop", "--trial", "4", "--store", where).exit_code == 0
        assert "has no trial 9" in call("stop", "--trial", "9", "--store", where).stderr
        assert call("stop", "--trial", "4", "--now", "--store", where).exit_code == 2
        wishes = [(r.verb, r.trial) for r in store.requests("digits")]
    assert wishes == [("stop", None), ("stop now", None), ("stop trial", 4)]
    store.close()


TWO = replace(
    SPEC, name="two", further=(Objective("params", "min"),),
    constraints=(Constraint("params", "<=", 1e6),),
)  # fmt: skip


def kept_two(where: Path, *results: tuple[float, float | None]) -> None:
    """A study of two objectives: val_loss and params of one trial each."""
    store = open_store(where)
    store.create(TWO)
    for number, (loss, params) in enumerate(results, 1):
        metrics = {"val_loss": loss} | ({} if params is None else {"params": params})
        store.append("two", [Started(2.0, number, ADAM, 3, 1), Reported(3.0, number, 1, metrics),
                             Finished(4.0, number)])  # fmt: skip
    store.close()


def test_show_lists_the_pareto_set_of_several_objectives(call: Call, where: Path) -> None:
    kept_two(where, (0.5, 200.0), (0.4, 90000.0), (0.6, 300.0), (0.1, 2e6))
    text = call("show", "two", "--store", where).output
    assert "two: min val_loss, min params, with params <= 1e+06" in text
    assert "Best: #2, val_loss 0.4" in text
    lines = text[text.index("Pareto set: 2 trials") :].splitlines()
    assert lines[1].split() == ["#", "epoch", "val_loss", "params", "config"]
    assert [line.split()[:4] for line in lines[2:4]] == [
        ["2", "1", "0.4", "90000"],
        ["1", "1", "0.5", "200"],
    ]


def test_show_says_what_is_missing_for_a_pareto_set(call: Call, where: Path) -> None:
    kept_two(where, (0.5, None))
    text = call("show", "two", "--store", where).output
    assert "No Pareto set yet: no trial to use reported all of val_loss, params." in text


def test_a_best_trial_that_breaks_a_constraint_is_told_as_such(call: Call, where: Path) -> None:
    kept_two(where, (0.5, 2e6))
    assert "no trial keeps to params <= 1e+06, but it has 2e6" in call(
        "best", "two", "--store", where
    ).output.replace("\n", " ")


def test_best_for_machines_holds_the_pareto_set(call: Call, where: Path) -> None:
    kept_two(where, (0.5, 200.0), (0.4, 90000.0))
    told = json.loads(call("best", "two", "--json", "--store", where).output)
    assert (told["trial"], told["value"], told["feasible"]) == (2, 0.4, True)
    assert [(t["trial"], t["values"]) for t in told["pareto"]] == [
        (2, {"val_loss": 0.4, "params": 90000.0}),
        (1, {"val_loss": 0.5, "params": 200.0}),
    ]


def test_a_report_of_several_objectives_is_written(
    call: Call, where: Path, tmp_path: Path
) -> None:
    kept_two(where, (0.5, 200.0), (0.4, 90000.0))
    result = call("report", "two", "--store", where, "--output", tmp_path / "two.html")
    assert result.exit_code == 0
    assert (tmp_path / "two.html").exists()
