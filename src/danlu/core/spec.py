"""What a study is set out to do: space, objective, length of a trial, budget, seed and plan."""

import math
import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from danlu.core.codec import decode_space, encode_space
from danlu.core.sentence import say
from danlu.core.space import Space
from danlu.errors import StudyError

Direction: TypeAlias = Literal["min", "max"]

GROWS = ("accuracy", "acc", "f1", "auc", "auroc", "score", "r2", "bleu", "rouge", "precision",
         "recall", "iou", "map", "dice", "reward", "kappa", "mcc")  # fmt: skip
SHRINKS = ("loss", "error", "err", "perplexity", "ppl", "mse", "rmse", "mae", "nll", "wer", "cer",
           "time", "regret", "brier", "crossentropy")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Objective:
    """The metric that is tuned and its direction.

    Attributes:
        metric: Name of a reported metric, such as ``"val_accuracy"``.
        direction: ``"max"`` or ``"min"``.
        inferred: Whether the direction was found from the name.
    """

    metric: str
    direction: Direction
    inferred: bool = False

    @classmethod
    def parse(cls, text: str) -> "Objective":
        """Read ``"max val_accuracy"``, ``"min val_loss"`` or a name whose direction is known.

        Raises:
            StudyError: If the direction is neither given nor known from the name.
        """
        words = text.split()
        if len(words) == 2 and words[0] in ("min", "max"):
            return cls(words[1], "min" if words[0] == "min" else "max")
        if len(words) != 1:
            raise StudyError(say(
                'the objective must read "min METRIC" or "max METRIC", but got {text}.',
                text=repr(text),
            ))  # fmt: skip
        parts = re.split(r"[^a-z0-9]+", words[0].lower())
        if any(p in SHRINKS for p in parts):
            return cls(words[0], "min", inferred=True)
        if any(p in GROWS for p in parts):
            return cls(words[0], "max", inferred=True)
        raise StudyError(say(
            "whether {words} should grow or shrink is not clear from its name: write "
            '"min {metric}" or "max {metric}".',
            words=repr(words[0]), metric=words[0],
        ))  # fmt: skip

    def __str__(self) -> str:
        return f"{self.direction} {self.metric}"

    def loss(self, value: float) -> float:
        """The value as a loss: lower is better."""
        return value if self.direction == "min" else -value

    def better(self, a: float, b: float) -> bool:
        """Whether ``a`` is strictly better than ``b``; NaN is never better."""
        return self.loss(a) < self.loss(b)


RELATIONS: Mapping[str, Callable[[float, float], bool]] = {
    "<=": operator.le, ">=": operator.ge, "<": operator.lt, ">": operator.gt,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Constraint:
    """What a metric must keep to for a trial to be of use.

    Attributes:
        metric: Name of a reported metric, such as ``"latency_ms"``.
        relation: ``"<="``, ``">="``, ``"<"`` or ``">"``.
        bound: What the metric is compared with, in its own units.
    """

    metric: str
    relation: str
    bound: float

    @classmethod
    def parse(cls, text: str) -> "Constraint":
        """Read ``"params <= 1e6"``, ``"latency_ms < 20"`` or ``"recall >= 0.9"``.

        Raises:
            StudyError: If it is no comparison of a metric with a finite number.
        """
        match = re.fullmatch(r"\s*([^\s<>=]+)\s*(<=|>=|<|>)\s*([^\s<>=]+)\s*", text)
        bound = _number(match[3]) if match else None
        if match is None or bound is None or _number(match[1]) is not None:
            raise StudyError(say(
                'a constraint must read "METRIC <= NUMBER", or with >=, < or >, but got '
                "{text}.",
                text=repr(text),
            ))  # fmt: skip
        return cls(match[1], match[2], bound)

    def __str__(self) -> str:
        short = f"{self.bound:g}"
        exact = short if float(short) == self.bound else repr(self.bound)
        return f"{self.metric} {self.relation} {exact}"

    def holds(self, value: float) -> bool:
        """Whether a value of the metric keeps to the bound; NaN never does."""
        return RELATIONS[self.relation](value, self.bound)


def _number(text: str) -> float | None:
    """The finite number that a text says, None if it says none."""
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


SECONDS = {"s": 1, "sec": 1, "second": 1, "m": 60, "min": 60, "minute": 60, "h": 3600, "hr": 3600,
           "hour": 3600, "d": 86400, "day": 86400}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Budget:
    """What a study may spend in all; what is not given is not limited.

    Attributes:
        trainings: Full-training equivalents: trials × epochs × data fraction, over the epochs of
            a full trial.
        trials: Number of trials.
        seconds: Time during which the study runs, summed over its runs.
    """

    trainings: float | None = None
    trials: int | None = None
    seconds: float | None = None

    @classmethod
    def parse(cls, given: "str | int | float | Budget | None") -> "Budget":
        """Read ``"20x"``, ``"30 trials"``, ``"2h"``, ``"90 min"``, or several with commas.

        A bare number counts full trainings.

        Raises:
            StudyError: If a part cannot be read, stands twice, or is not positive.
        """
        if given is None or isinstance(given, Budget):
            return given or cls()
        parts: dict[str, float] = {}
        for part in re.split(r"[,;]|\band\b", str(given)):
            kind, amount = _budget_part(part.strip(), str(given))
            if kind in parts:
                raise StudyError(
                    say("the budget '{given}' limits {kind} twice.", given=given, kind=kind)
                )
            parts[kind] = amount
        trials = parts.get("trials")
        return cls(
            parts.get("trainings"), None if trials is None else int(trials), parts.get("seconds")
        )

    def __str__(self) -> str:
        parts = [] if self.trainings is None else [f"{self.trainings:g}x"]
        parts += [] if self.trials is None else [f"{self.trials} trials"]
        parts += [] if self.seconds is None else [f"{self.seconds:g}s"]
        return ", ".join(parts) or say("no limit")


def _budget_part(part: str, whole: str) -> tuple[str, float]:
    match = re.fullmatch(r"(\d+(?:\.\d*)?|\.\d+)\s*([a-zA-Z×]*)", part)
    unit = match[2].lower() if match else "?"
    kind, scale = "", 1.0
    if unit in ("x", "×", ""):
        kind = "trainings"
    elif unit in ("trial", "trials"):
        kind = "trials"
    elif (single := unit if unit in SECONDS else unit.removesuffix("s")) in SECONDS:
        kind, scale = "seconds", float(SECONDS[single])
    if match is None or not kind:
        raise StudyError(say(
            "the budget '{given}' cannot be read: write full trainings as '20x', "
            "'30 trials', a time such as '2h' or '90 min', or several with commas.",
            given=whole,
        ))  # fmt: skip
    amount = float(match[1]) * scale
    if amount <= 0 or (kind == "trials" and amount != int(amount)):
        raise StudyError(say(
            "the budget '{given}' must be positive, and trials a whole number.", given=whole,
        ))  # fmt: skip
    return kind, amount


@dataclass(frozen=True, slots=True)
class Spec:
    """A study as set out before its first trial.

    Attributes:
        name: Its name, unique in its store.
        space: What may vary.
        objective: What is tuned; the first one if there are several.
        epochs: The full length of a trial, at least 1.
        seed: From which all randomness of the search and each trial's seed derive.
        budget: What may be spent in all.
        strategy: Name of the strategy.
        options: The strategy's own keys.
        command: Template of the command, if trials are commands; kept so that the best config
            can be shown as one.
        further: The other objectives, if there are several.
        constraints: What a trial must keep to.
        training: Settings of the training kit, if that trains; kept so that the best config can
            be trained again on all data.
    """

    name: str
    space: Space
    objective: Objective
    epochs: int
    seed: int = 0
    budget: Budget = field(default_factory=Budget)
    strategy: str = "auto"
    options: Mapping[str, Any] = field(default_factory=dict)
    command: tuple[str, ...] = ()
    further: tuple[Objective, ...] = ()
    constraints: tuple[Constraint, ...] = ()
    training: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not re.fullmatch(r"\w[\w.\- ]{0,99}", self.name):
            raise StudyError(say(
                "{name} is no good name for a study: it must begin with a letter or digit "
                "and hold letters, digits, spaces, '_', '.' and '-' only (100 at most).",
                name=repr(self.name),
            ))  # fmt: skip
        if isinstance(self.epochs, bool) or int(self.epochs) != self.epochs or self.epochs < 1:
            raise StudyError(say(
                "epochs must be a whole number of at least 1, but got {epochs}.",
                epochs=repr(self.epochs),
            ))  # fmt: skip
        metrics = [o.metric for o in self.objectives]
        if twice := next((m for m in metrics if metrics.count(m) > 1), None):
            raise StudyError(say(
                "{twice} is an objective twice: each metric can be one once.",
                twice=repr(twice),
            ))  # fmt: skip

    @property
    def objectives(self) -> tuple[Objective, ...]:
        """All that is tuned, at least one."""
        return (self.objective, *self.further)

    def trial_seed(self, number: int) -> int:
        """The seed of a trial, below 2³¹: a hash of the study's seed and the trial's number."""
        import hashlib  # loads OpenSSL, which no training script needs

        digest = hashlib.blake2b(f"{self.seed}:{number}".encode(), digest_size=8).digest()
        return int.from_bytes(digest, "big") % 2**31


def encode_spec(spec: Spec) -> dict[str, Any]:
    """The spec as plain JSON."""
    budget = spec.budget
    table: dict[str, Any] = {
        "name": spec.name,
        "space": encode_space(spec.space),
        "objective": str(spec.objective),
        "epochs": spec.epochs,
        "seed": spec.seed,
        "budget": [budget.trainings, budget.trials, budget.seconds],
        "strategy": spec.strategy,
        "options": dict(spec.options),
        "command": list(spec.command),
    }
    if spec.further:  # written only where needed: texts of older specs stay equal
        table["further"] = [str(o) for o in spec.further]
    if spec.constraints:
        table["constraints"] = [str(c) for c in spec.constraints]
    if spec.training:
        table["training"] = dict(spec.training)
    return table


def decode_spec(table: Mapping[str, Any]) -> Spec:
    return Spec(
        name=table["name"],
        space=decode_space(table["space"]),
        objective=Objective.parse(table["objective"]),
        epochs=table["epochs"],
        seed=table["seed"],
        budget=Budget(*table["budget"]),
        strategy=table["strategy"],
        options=table["options"],
        command=tuple(table["command"]),
        further=tuple(map(Objective.parse, table.get("further", ()))),
        constraints=tuple(map(Constraint.parse, table.get("constraints", ()))),
        training=table.get("training", {}),
    )
