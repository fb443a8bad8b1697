"""All checks of a problem, in layers: data, model, one step, some steps, short runs."""

import time
from collections.abc import Iterator, Sequence
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
from danlu.preflight.findings import Check, Named, Skipped, look_at, wrong
from danlu.preflight.problem import Problem
from danlu.preflight.thresholds import LIMIT_S

Layer = tuple[str, Sequence[Named]]

VALUES = (
    Named("D01", say("values that are not finite"), inputs.finite),
    Named("D02", say("class numbers"), targets.label_range),
    Named("D03", say("samples of each class"), targets.samples_per_class),
)
DATA = (
    Named("D04", say("balance of the classes"), targets.imbalance),
    Named("D05", say("validation rows seen in training"), leaks.shared_rows),
    Named("D06", say("groups and times across the split"), leaks.groups_and_times),
    Named("D07", say("a column that gives the label away"), leaks.giveaway),
    Named("D08", say("constant columns"), inputs.constant_columns),
    Named("D09", say("scale of the inputs"), inputs.scale),
    Named("D10", say("order of the samples"), targets.order),
    Named("D11", say("classes in the batches"), targets.batch_balance),
    Named("D12", say("validation like training"), leaks.shift),
    Named("D13", say("size of validation"), targets.validation_size),
    Named("D14", say("labels that look wrong"), leaks.label_noise),
    Named("D15", say("tokens and padding"), inputs.sequences),
    Named("BL1", say("best constant answer"), baselines.prior),
    Named("BL2", say("linear model"), baselines.linear),
    Named("BL3", say("nearest neighbours"), baselines.neighbours),
)


DATA_LAYERS: Sequence[Layer] = ((say("the data's values"), VALUES), (say("the data"), DATA))


def _no_torch(_: Problem) -> Iterator[Finding]:
    text = say('checks of a model need PyTorch: pip install "danlu[torch]".')
    yield wrong("M00", "warning", text, say("not installed"))


NO_TORCH = Named("M00", say("PyTorch"), _no_torch)


def model_layers() -> list[Layer]:
    """The checks of model and loop; importing them imports torch."""
    from danlu.preflight import beginning, controls, few_steps, fitting, one_step, shapes

    return [
        (say("the first batch"), (Named("M01", say("a batch passes through"), shapes.dry_run),)),
        (
            say("the model"),
            (
                Named("M02", say("layers"), shapes.lint),
                Named("M03", say("loss before training"), beginning.first_loss),
                Named("M04", say("activations"), beginning.activation_scale),
                Named("M05", say("equal initial rows"), beginning.symmetry),
                Named("M10", say("outputs depend on inputs"), beginning.depends_on_input),
                Named("M11", say("samples are independent"), beginning.batch_independence),
                Named("M12", say("the model is not linear"), shapes.non_linear),
            ),
        ),
        (
            say("one step"),
            (
                Named(
                    "M06", say("every parameter gets a gradient"), one_step.gradient_reaches_all
                ),
                Named("M07", say("gradients from last to first"), one_step.gradient_profile),
                Named("M08", say("every parameter changes"), one_step.parameters_change),
                Named("M19", say("gradients are cleared"), one_step.gradients_are_cleared),
            ),
        ),
        (
            say("some steps"),
            (
                Named("M09", say("size of an update"), few_steps.update_size),
                Named("M18", say("equal seeds, equal runs"), few_steps.determinism),
                Named("M20", say("size of gradients, clipping"), few_steps.clipping),
            ),
        ),
        (
            say("short runs"),
            (
                Named("M13", say("one batch learned by heart"), fitting.one_batch),
                Named("M14", say("strength of regularisation"), fitting.regulariser),
                Named("M15", say("a small set is fitted"), fitting.small_set),
                Named("M16", say("learning rates that work"), controls.rate_range),
                Named("M17", say("training and evaluation mode"), fitting.trained_mode_gap),
                Named("BL4", say("better than without inputs"), controls.uses_input),
                Named("M21", say("labels carry a signal"), controls.permuted_labels),
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
        finding = wrong("D00", "error", str(error), say("cannot be read"), "", look_at("data"))
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


def _layer(problem: Problem, checks: Sequence[Named], end: float) -> Iterator[Line]:
    for named in checks:
        if time.monotonic() > end:
            yield Line(named.code, named.title, "skipped", say("the time is used up"))
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
        found = [
            wrong(named.code, "error", str(error), say("not possible"), "", look_at("", "code"))
        ]
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
