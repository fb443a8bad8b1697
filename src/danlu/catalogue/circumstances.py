"""Rules about what a space is searched with: data, loss and budget."""

from collections.abc import Iterator
from typing import Any

from danlu.catalogue import thresholds as t
from danlu.catalogue.roles import known
from danlu.catalogue.subject import Subject
from danlu.catalogue.verdict import verdict
from danlu.core.finding import Advice, Finding
from danlu.core.parameter import Choice, Float, Int, Parameter
from danlu.core.sentence import say

MEAN_L2 = ("weight decay", "l2")


def convention(subject: Subject) -> Iterator[Finding]:
    """L2 in the convention of another library."""
    of_space = next((p for _, p in subject.having("l2 convention")), None)
    if of_space is not None and not of_space.constant:
        (name,) = (n for n, p in subject.having("l2 convention") if p is of_space)
        yield from verdict(
            "convention_searched", "warning", name,
            say("one number means different things in each convention: choose one."),
            Advice("freeze", name),
        )  # fmt: skip
    summed = isinstance(of_space, Choice) and of_space.values == ("sum",)
    for role in MEAN_L2:
        for name, p in subject.having(role):
            if isinstance(p, Float | Int):
                yield from _convention(subject, name, p, summed=summed and role == "l2")


def _convention(subject: Subject, name: str, p: Float | Int, *, summed: bool) -> Iterator[Finding]:
    n = subject.task.n_train
    if summed:
        if p.high < t.SMALLEST_SUM_L2:
            yield from verdict(
                "l2_convention", "warning", name,
                say(
                    "up to {high:g} of the summed loss is next to nothing; the usual is 0.1 to "
                    "10. It looks like the convention of the mean loss: l2_convention = \"mean\".",
                    high=p.high,
                ),
                Advice("check", name), better=Float(0.1, 10.0, True, when=p.when, role=p.role),
            )  # fmt: skip
        return
    if p.high <= t.LARGEST_L2:
        return
    size = (
        say(" With {n} samples {high:g} is {high2:.1g} here.", n=n, high=p.high, high2=p.high / n)
        if n
        else ""
    )
    yield from verdict(
        "l2_convention", "warning", name,
        say(
            "{high:g} is far too strong for the mean loss, where it is added to the gradient of "
            "one average sample. L2 = 1 of textbooks and older libraries belongs to the summed "
            "loss: divide by the number of training samples.{size} Or the kit takes l2 with "
            "l2_convention = \"sum\".",
            high=p.high, size=size,
        ),
        Advice("lower high", name, t.LARGEST_L2), better=_without_sum(p), high=p.high,
    )  # fmt: skip


def _without_sum(p: Float | Int) -> Float:
    low = p.low if 0 < p.low < t.LARGEST_L2 / 10 else 1e-6
    default = p.default if p.default is not None and low <= p.default <= t.LARGEST_L2 else None
    return Float(low, t.LARGEST_L2, True, default, p.when, None, p.role)


def batch(subject: Subject) -> Iterator[Finding]:
    """Batches too large for the data."""
    n = subject.task.n_train
    for name, p in subject.having("batch size") if n else ():
        assert n
        values: Any = p.values if isinstance(p, Choice) else (p.low, p.high)
        most = max((v for v in values if isinstance(v, int | float)), default=0)
        limit = max(1, int(n * t.LARGEST_BATCH_SHARE))
        if most > limit:
            fewer: Parameter | None = None
            if not isinstance(p, Choice) and p.low < limit:
                fewer = p.between(p.low, limit)
            yield from verdict(
                "large_batch", "error" if most > n else "warning", name,
                say(
                    "up to {most:g} of {n} samples leaves {n2} steps in an epoch: at most a "
                    "tenth of the data, {limit}.",
                    most=most, n=n, n2=max(1, round(n / most)), limit=limit,
                ),
                Advice("lower high", name, limit), better=fewer, n_train=n,
            )  # fmt: skip


def embedding(subject: Subject) -> Iterator[Finding]:
    """Embeddings too long for their vocabulary."""
    sizes = [p.values[0] for _, p in subject.having("vocabulary") if isinstance(p, Choice)]
    words = next((v for v in sizes if isinstance(v, int) and v > 0), None)
    for name, p in subject.having("embedding size") if words else ():
        assert words
        usual = min(t.EMBEDDING_MOST, round(t.EMBEDDING_FACTOR * words**t.EMBEDDING_POWER))
        if isinstance(p, Int) and p.high > t.EMBEDDING_SLACK * usual:
            yield from verdict(
                "long_embedding", "info", name,
                say(
                    "up to {high} is long for {words} words; the rule of thumb gives {usual}.",
                    high=p.high, words=words, usual=usual,
                ),
                Advice("lower high", name, usual), usual=usual,
            )  # fmt: skip


def not_searched(subject: Subject) -> Iterator[Finding]:
    """Seeds and lengths as parameters."""
    for name in subject.space.free:
        role = subject.roles.get(name)
        if role in ("seed", "epochs"):
            yield from verdict(
                f"{role}_searched", "warning", name,
                say("it is no parameter to tune. {note}", note=known(role).note),
                Advice("freeze", name),
            )  # fmt: skip


def no_rate(subject: Subject) -> Iterator[Finding]:
    """Spaces for networks in which the learning rate does not vary."""
    rates = list(subject.having("lr"))
    if rates and all(p.constant for _, p in rates) and subject.space.free:
        yield from verdict(
            "fixed_rate", "info", rates[0][0],
            say(
                "the learning rate matters most of all and is fixed: what is found of the others "
                "holds for this value only."
            ),
            Advice("check", rates[0][0]),
        )  # fmt: skip


def too_many(subject: Subject) -> Iterator[Finding]:
    """More parameters than the budget can tell apart."""
    trials = subject.trials
    if trials is None:
        return
    most = (
        1 if trials <= t.TRIALS_FOR_ONE
        else 3 if trials <= t.TRIALS_FOR_THREE
        else int(trials // t.TRIALS_EACH)
    )  # fmt: skip
    ranked = sorted(subject.space.free, key=lambda name: _rank(subject, name))
    count = active_count(subject)
    if count > most:
        keep = ", ".join(ranked[:most])
        yield from verdict(
            "too_many", "warning" if count > t.FAR_TOO_MANY * most else "info", "",
            say(
                "{count} parameters at once for {trials:g} full trainings: a practitioner would "
                "tune {most} ({keep}) first and fix the rest.",
                count=count, trials=trials, most=most, keep=keep,
            ),
            *(Advice("freeze", name) for name in ranked[most:]),
            count=count, trials=trials,
        )  # fmt: skip


def _rank(subject: Subject, name: str) -> tuple[bool, int]:
    """Importance as it is expected: what is tuned first comes first."""
    role = known(subject.roles.get(name, "other"))
    return not role.searched, role.order


def active_count(subject: Subject) -> int:
    """The most parameters that vary in one config, as far as single parents tell."""
    free = [(name, subject.space[name].when) for name in subject.space.free]
    count = sum(not when for _, when in free)
    children: dict[str, dict[str, int]] = {}
    for _, when in free:
        for parent, values in list(when.items())[:1]:
            for value in values:
                by_value = children.setdefault(parent, {})
                by_value[repr(value)] = by_value.get(repr(value), 0) + 1
    return count + sum(max(by_value.values()) for by_value in children.values())


def adam_depth(subject: Subject) -> Iterator[Finding]:
    """Adam's other numbers, tuned with too few trainings."""
    trials = subject.trials
    for name in subject.space.free if trials is not None else ():
        needed = t.ADAM_TRIALS.get(subject.roles.get(name, ""))
        if needed is not None and trials is not None and trials < needed:
            yield from verdict(
                "adam_depth", "warning", name,
                say(
                    "it pays from about {needed} full trainings on, but there are {trials:g}: "
                    "leave it at {default}.",
                    needed=needed, trials=trials, default=known(subject.roles[name]).default,
                ),
                Advice("freeze", name, known(subject.roles[name]).default), needed=needed,
            )  # fmt: skip


RULES = (convention, batch, embedding, not_searched, no_rate, too_many, adam_depth)
