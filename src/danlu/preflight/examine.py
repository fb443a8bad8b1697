"""All checks of a problem, in layers: data, model, one step, some steps, short runs."""

import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from importlib.util import find_spec

from danlu.core.finding import Finding
from danlu.core.task import UNKNOWN, Task
from danlu.errors import CheckError
from danlu.preflight import baselines, inputs, leaks, targets
from danlu.preflight.arrays import arrays_of
from danlu.preflight.checklist import Checklist, Line, line_of
from danlu.preflight.findings import Check, Named, Skipped, look_at, wrong
from danlu.preflight.problem import Problem
from danlu.preflight.thresholds import LIMIT_S

Layer = tuple[str, Sequence[Named]]

VALUES = (
    Named("D01", "values that are not finite", inputs.finite),
    Named("D02", "class numbers", targets.label_range),
    Named("D03", "samples of each class", targets.samples_per_class),
)
DATA = (
    Named("D04", "balance of the classes", targets.imbalance),
    Named("D05", "validation rows seen in training", leaks.shared_rows),
    Named("D06", "groups and times across the split", leaks.groups_and_times),
    Named("D07", "a column that gives the label away", leaks.giveaway),
    Named("D08", "constant columns", inputs.constant_columns),
    Named("D09", "scale of the inputs", inputs.scale),
    Named("D10", "order of the samples", targets.order),
    Named("D11", "classes in the batches", targets.batch_balance),
    Named("D12", "validation like training", leaks.shift),
    Named("D13", "size of validation", targets.validation_size),
    Named("D14", "labels that look wrong", leaks.label_noise),
    Named("D15", "tokens and padding", inputs.sequences),
    Named("BL1", "best constant answer", baselines.prior),
    Named("BL2", "linear model", baselines.linear),
    Named("BL3", "nearest neighbours", baselines.neighbours),
)


DATA_LAYERS: Sequence[Layer] = (("the data's values", VALUES), ("the data", DATA))


def _no_torch(_: Problem) -> Iterator[Finding]:
    text = 'checks of a model need PyTorch: pip install "danlu[torch]".'
    yield wrong("M00", "warning", text, "not installed")


NO_TORCH = Named("M00", "PyTorch", _no_torch)


def model_layers() -> list[Layer]:
    """The checks of model and loop; importing them imports torch."""
    from danlu.preflight import beginning, controls, few_steps, fitting, one_step, shapes

    return [
        ("the first batch", (Named("M01", "a batch passes through", shapes.dry_run),)),
        (
            "the model",
            (
                Named("M02", "layers", shapes.lint),
                Named("M03", "loss before training", beginning.first_loss),
                Named("M04", "activations", beginning.activation_scale),
                Named("M05", "equal initial rows", beginning.symmetry),
                Named("M10", "outputs depend on inputs", beginning.depends_on_input),
                Named("M11", "samples are independent", beginning.batch_independence),
                Named("M12", "the model is not linear", shapes.non_linear),
            ),
        ),
        (
            "one step",
            (
                Named("M06", "every parameter gets a gradient", one_step.gradient_reaches_all),
                Named("M07", "gradients from last to first", one_step.gradient_profile),
                Named("M08", "every parameter changes", one_step.parameters_change),
                Named("M19", "gradients are cleared", one_step.gradients_are_cleared),
            ),
        ),
        (
            "some steps",
            (
                Named("M09", "size of an update", few_steps.update_size),
                Named("M18", "equal seeds, equal runs", few_steps.determinism),
                Named("M20", "size of gradients, clipping", few_steps.clipping),
            ),
        ),
        (
            "short runs",
            (
                Named("M13", "one batch learned by heart", fitting.one_batch),
                Named("M14", "strength of regularisation", fitting.regulariser),
                Named("M15", "a small set is fitted", fitting.small_set),
                Named("M16", "learning rates that work", controls.rate_range),
                Named("M17", "training and evaluation mode", fitting.trained_mode_gap),
                Named("BL4", "better than without inputs", controls.uses_input),
                Named("M21", "labels carry a signal", controls.permuted_labels),
            ),
        ),
    ]


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
        finding = wrong("D00", "error", str(error), "cannot be read", "", look_at("data"))
        return Checklist((line_of("D00", "the data", (finding,)),))
    with _kept_randomness(problem):
        for name, checks in _layers(problem):
            if (ended := _reason_to_end(lines, name, end, go_on=go_on)) is not None:
                return Checklist(tuple(lines), _task(problem, lines), ended)
            lines += _layer(problem, checks, end)
        return Checklist(tuple(lines), _task(problem, lines))


def _layers(problem: Problem) -> Iterator[Layer]:
    yield from DATA_LAYERS
    if problem.build is not None:
        yield from model_layers() if find_spec("torch") else (("PyTorch", (NO_TORCH,)),)


def _kept_randomness(problem: Problem) -> AbstractContextManager[None]:
    if problem.build is None or find_spec("torch") is None:
        return nullcontext()  # the data checks draw from generators of their own
    from danlu.preflight.rig import kept_randomness

    return kept_randomness()


def _reason_to_end(lines: Sequence[Line], name: str, end: float, *, go_on: bool) -> str | None:
    if not go_on and any(line.state == "error" for line in lines):
        return f"The checks of {name} and what follows wait until the errors are mended."
    if time.monotonic() > end:
        return f"The checks of {name} and what follows were left out: the time is used up."
    return None


def _layer(problem: Problem, checks: Sequence[Named], end: float) -> Iterator[Line]:
    for named in checks:
        if time.monotonic() > end:
            yield Line(named.code, named.title, "skipped", "the time is used up")
        else:
            yield _line(problem, named)


def _line(problem: Problem, named: Named) -> Line:
    """Do one check; whatever it raises becomes its line."""
    begin = time.monotonic()
    try:
        found = _done(named.check, problem)
    except Skipped as skipped:
        return Line(named.code, named.title, "skipped", skipped.why)
    except CheckError as error:
        found = [wrong(named.code, "error", str(error), "not possible", "", look_at("", "code"))]
    except Exception as error:  # noqa: BLE001 - code of the user runs in it
        text = str(error).strip().partition("\n")[0]
        return Line(named.code, named.title, "skipped", f"{type(error).__name__}: {text}"[:200])
    return line_of(named.code, named.title, found, time.monotonic() - begin)


def _done(check: Check, problem: Problem) -> list[Finding]:
    return list(check(problem))


def _task(problem: Problem, lines: Sequence[Line]) -> Task:
    """What is known now; data that cannot be judged leaves it unknown."""
    if any(line.state == "error" and line.code in ("D01", "D02") for line in lines):
        return UNKNOWN
    task = baselines.task_of(problem)
    if not any(line.code == "M03" and line.state != "skipped" for line in lines):
        return task
    from danlu.preflight.beginning import initial_loss

    return replace(task, initial_loss=initial_loss(problem))
