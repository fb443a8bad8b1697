"""All checks of a problem, in layers: data, model, one step, some steps, short runs."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from importlib.util import find_spec

from danlu.core.finding import Finding
from danlu.core.sentence import say
from danlu.core.task import UNKNOWN, Task
from danlu.errors import CheckError
from danlu.preflight import baselines, inputs, leaks, targets
from danlu.preflight.arrays import arrays_of
from danlu.preflight.checklist import Checklist, Line, line_of
from danlu.preflight.findings import Check, Skipped, look_at, wrong
from danlu.preflight.problem import Problem
from danlu.preflight.thresholds import LIMIT_S
from danlu.preflight.titles import TITLES

Layer = tuple[str, Mapping[str, Check]]
"""Its name, and its checks by their codes."""

VALUES: Mapping[str, Check] = {
    "D01": inputs.finite,
    "D02": targets.label_range,
    "D03": targets.samples_per_class,
}
DATA: Mapping[str, Check] = {
    "D04": targets.imbalance,
    "D05": leaks.shared_rows,
    "D06": leaks.groups_and_times,
    "D07": leaks.giveaway,
    "D08": inputs.constant_columns,
    "D09": inputs.scale,
    "D10": targets.order,
    "D11": targets.batch_balance,
    "D12": leaks.shift,
    "D13": targets.validation_size,
    "D14": leaks.label_noise,
    "D15": inputs.sequences,
    "BL1": baselines.prior,
    "BL2": baselines.linear,
    "BL3": baselines.neighbours,
}
DATA_LAYERS: Sequence[Layer] = ((say("the data's values"), VALUES), (say("the data"), DATA))


def _no_torch(_: Problem) -> Iterator[Finding]:
    text = say('checks of a model need PyTorch: pip install "danlu[torch]".')
    yield wrong("M00", "warning", text, say("not installed"))


def model_layers() -> list[Layer]:
    """The checks of model and loop; importing them imports torch."""
    from danlu.preflight import beginning, controls, few_steps, fitting, one_step, shapes

    return [
        (say("the first batch"), {
            "M01": shapes.dry_run,
        }),
        (say("the model"), {
            "M02": shapes.lint,
            "M03": beginning.first_loss,
            "M04": beginning.activation_scale,
            "M05": beginning.symmetry,
            "M10": beginning.depends_on_input,
            "M11": beginning.batch_independence,
            "M12": shapes.non_linear,
        }),
        (say("one step"), {
            "M06": one_step.gradient_reaches_all,
            "M07": one_step.gradient_profile,
            "M08": one_step.parameters_change,
            "M19": one_step.gradients_are_cleared,
        }),
        (say("some steps"), {
            "M09": few_steps.update_size,
            "M18": few_steps.determinism,
            "M20": few_steps.clipping,
        }),
        (say("short runs"), {
            "M13": fitting.one_batch,
            "M14": fitting.regulariser,
            "M15": fitting.small_set,
            "M16": controls.rate_range,
            "M17": fitting.trained_mode_gap,
            "BL4": controls.uses_input,
            "M21": controls.permuted_labels,
        }),
    ]  # fmt: skip


def examine(problem: Problem, *, go_on: bool = False, limit_s: float = LIMIT_S) -> Checklist:
    """Do all checks that a problem allows.

    A layer is done to its end, so that every mistake in it shows; after one with an error no
    further layer is begun, because its verdicts would only echo the error.

    Args:
        problem: Data, model and loss.
        go_on: Begin further layers after an error too.
        limit_s: When this time is used up, what is left is skipped.
    """
    end = time.monotonic() + limit_s
    lines: list[Line] = []
    try:
        arrays_of(problem)
    except CheckError as error:
        finding = wrong("D00", "error", str(error), say("cannot be read"), "", look_at("data"))
        return Checklist((line_of("D00", (finding,)),))
    with _kept_randomness(problem):
        for name, checks in _layers(problem):
            if (ended := _reason_to_end(lines, name, end, go_on=go_on)) is not None:
                return Checklist(tuple(lines), _task(problem, lines), ended)
            lines += _layer(problem, checks, end)
        return Checklist(tuple(lines), _task(problem, lines))


def _layers(problem: Problem) -> Iterator[Layer]:
    yield from DATA_LAYERS
    if problem.build is not None:
        yield from model_layers() if find_spec("torch") else (("PyTorch", {"M00": _no_torch}),)


def _kept_randomness(problem: Problem) -> AbstractContextManager[None]:
    if problem.build is None or find_spec("torch") is None:
        return nullcontext()  # the data checks draw from generators of their own
    from danlu.preflight.rig import kept_randomness

    return kept_randomness()


def _reason_to_end(lines: Sequence[Line], name: str, end: float, *, go_on: bool) -> str | None:
    if not go_on and any(line.state == "error" for line in lines):
        return say(
            "The checks of {name} and what follows wait until the errors are mended.",
            name=name,
        )
    if time.monotonic() > end:
        return say(
            "The checks of {name} and what follows were left out: the time is used up.",
            name=name,
        )
    return None


def _layer(problem: Problem, checks: Mapping[str, Check], end: float) -> Iterator[Line]:
    for code, check in checks.items():
        if time.monotonic() > end:
            yield Line(code, TITLES[code], "skipped", say("the time is used up"))
        else:
            yield _line(problem, code, check)


def _line(problem: Problem, code: str, check: Check) -> Line:
    """Do one check; whatever it raises becomes its line."""
    begin = time.monotonic()
    try:
        found = list(check(problem))
    except Skipped as skipped:
        return Line(code, TITLES[code], "skipped", skipped.why)
    except CheckError as error:
        found = [wrong(code, "error", str(error), say("not possible"), "", look_at("", "code"))]
    except Exception as error:  # noqa: BLE001 - code of the user runs in it
        text = str(error).strip().partition("\n")[0]
        return Line(code, TITLES[code], "skipped", f"{type(error).__name__}: {text}"[:200])
    return line_of(code, found, time.monotonic() - begin)


def _task(problem: Problem, lines: Sequence[Line]) -> Task:
    """What is known now; data that cannot be judged leaves it unknown."""
    if any(line.state == "error" and line.code in ("D01", "D02") for line in lines):
        return UNKNOWN
    task = baselines.task_of(problem)
    if not any(line.code == "M03" and line.state != "skipped" for line in lines):
        return task
    from danlu.preflight.beginning import initial_loss

    return replace(task, initial_loss=initial_loss(problem))
