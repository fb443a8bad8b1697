"""A trial's params as the kit takes them: every name with its default, the values checked.

What a space leaves out has the default of the table below, which is the field's common one; the
ranges to search are in the catalogue (`danlu.space`).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any, ClassVar

from danlu.core.parameter import Choice, Float, Parameter
from danlu.core.sentence import say
from danlu.core.space import nearest
from danlu.errors import ConfigError

OPTIMIZERS = ("sgd", "adam", "adamw", "nadam", "rmsprop", "adadelta", "adagrad")

# Learning rates and weight decays where a config says nothing of them; the latter as torch takes
# them. Sources: the optimisers' papers and torch's documentation; RMSprop at torch's 0.01 is high.
DEFAULT_LR: Mapping[str, float] = {
    "sgd": 0.05, "adam": 1e-3, "adamw": 1e-3, "nadam": 2e-3, "rmsprop": 1e-3, "adadelta": 1.0,
    "adagrad": 1e-2,
}  # fmt: skip
DEFAULT_DECAY: Mapping[str, float] = {"sgd": 5e-4, "adamw": 1e-2}


@dataclass(frozen=True)
class Params:
    """What the kit's models, optimisers and loop are set to.

    Numbers without a unit have none; where no range is given, any number from 0 on is taken.

    Attributes:
        optimizer: ``sgd``, ``adam``, ``adamw``, ``nadam``, ``rmsprop``, ``adadelta``, ``adagrad``;
            `danlu.kit.optimisers` names their papers.
        lr: Learning rate at its highest; in a space also ``lr_adamw`` and the like, one for each
            optimizer, which goes before ``lr``.
        momentum: Of ``sgd``, in [0, 1); above 0 with ``nesterov``.
        nesterov: Nesterov's momentum instead of the heavy ball.
        beta1: Decay of the gradient's average (Adam kinds), in [0, 1).
        beta2: Decay of the squared gradient's average, in [0, 1).
        eps: Added to the denominator (Adam kinds, RMSprop).
        alpha: Decay of RMSprop's average, in [0, 1).
        rho: Decay of Adadelta's averages, in [0, 1).
        weight_decay: L2 as torch takes it; left out, what is usual with the optimizer, 0 for most.
            Excludes ``l2``.
        l2: L2 in the convention below, λ, instead of ``weight_decay``.
        l2_convention: ``"sum"``: λ/2 ‖w‖² beside the loss summed over the training data, which is
            a weight decay of λ / n; ``"mean"``: beside the mean loss; ``"decoupled"``: each step
            shrinks the weights by lr · λ.
        batch_size: Samples of a step, from 1 on.
        clip: Largest norm of the gradient of all parameters together; 0 = none (Pascanu et al.
            2013).
        schedule: ``none``, ``plateau``, ``step``, ``cosine``, ``linear``, planned over the horizon
            (`danlu.kit.schedules`).
        decay_factor: By which ``plateau`` and ``step`` multiply the rate, in [0, 1].
        decay_every: Epochs between the steps of ``step``; 0 = a fifth of the horizon.
        warmup: Share of all steps over which the rate rises linearly from a thousandth, in [0, 1].
        label_smoothing: Share of a class's probability that goes to all classes, in [0, 1)
            (Szegedy et al. 2016).
        layers: Hidden layers, convolutions, or recurrent layers, 0 to 64.
        units: Of each hidden or recurrent layer, from 1 on.
        activation: ``relu``, ``gelu`` (Hendrycks & Gimpel 2016), ``tanh``, ``silu``.
        dropout: Share of units that are dropped, in [0, 1) (Srivastava et al. 2014).
        norm: ``none``, ``batch`` (Ioffe & Szegedy 2015), ``layer`` (Ba et al. 2016).
        init: ``he`` (He et al. 2015), ``glorot`` (Glorot & Bengio 2010), ``orthogonal`` (Saxe et
            al. 2014); ``auto`` takes He's before ReLU and its like, else Glorot's.
        filters: Of the first convolution, from 1 on; doubled with each further one.
        kernel: Side of the convolutions in pixels, 1 to 99.
        cell: ``gru`` (Cho et al. 2014), ``lstm`` (Hochreiter & Schmidhuber 1997); for texts also
            ``none``.
        bidirectional: Whether sequences are read backwards, too.
        pooling: How a sequence becomes one vector: by its ``last`` state, the ``mean`` or ``max``
            over its steps, or their mean weighted by ``attention``.
        embedding_dim: Numbers that stand for a word, from 1 on.
        oversample: 0 = classes as they are, 1 = all equally often (`danlu.kit.imbalance`).
        balanced_batches: Whether each mini-batch holds all classes equally.
        class_weights: Whether the loss weighs classes by their rarity; excludes the other two.
    """

    optimizer: str = "adamw"
    lr: float = 1e-3
    momentum: float = 0.9
    nesterov: bool = False
    beta1: float = 0.9
    beta2: float = 0.999
    eps: float = 1e-8
    alpha: float = 0.99
    rho: float = 0.9
    weight_decay: float = 0.0
    l2: float | None = None
    l2_convention: str = "sum"
    batch_size: int = 128
    clip: float = 0.0
    schedule: str = "cosine"
    decay_factor: float = 0.5
    decay_every: int = 0
    warmup: float = 0.0
    label_smoothing: float = 0.0
    layers: int = 1
    units: int = 128
    activation: str = "relu"
    dropout: float = 0.0
    norm: str = "none"
    init: str = "auto"
    filters: int = 32
    kernel: int = 3
    cell: str = "gru"
    bidirectional: bool = False
    pooling: str = "mean"
    embedding_dim: int = 128
    oversample: float = 0.0
    balanced_batches: bool = False
    class_weights: bool = False

    CHOICES: ClassVar[Mapping[str, tuple[Any, ...]]] = {
        "optimizer": OPTIMIZERS,
        "l2_convention": ("sum", "mean", "decoupled"),
        "schedule": ("none", "plateau", "step", "cosine", "linear"),
        "activation": ("relu", "gelu", "tanh", "silu"),
        "norm": ("none", "batch", "layer"),
        "init": ("auto", "he", "glorot", "orthogonal"),
        "cell": ("none", "gru", "lstm"),
        "pooling": ("last", "mean", "max", "attention"),
    }

    @classmethod
    def of(
        cls,
        config: Mapping[str, Any],
        defaults: Mapping[str, Any] | None = None,
        *,
        own_network: bool = False,
    ) -> "Params":
        """The params of a config.

        Args:
            config: Name → value; names that the kit does not know are the business of a user's
                own builder, and left out.
            defaults: In place of the class's own, for what the config does not say.
            own_network: Whether a builder of the user's makes the network: then ``units`` and
                the like mean what they mean to that, and are left out, too.

        Raises:
            ConfigError: For a value that cannot be.
        """
        known = {f.name for f in fields(cls)} - (NETWORK if own_network else set())
        values = {n: v for n, v in {**(defaults or {}), **config}.items() if n in known}
        optimizer = values.get("optimizer", cls.optimizer)
        values.setdefault("lr", DEFAULT_LR.get(optimizer, cls.lr))
        values["lr"] = config.get(f"lr_{optimizer}", values["lr"])
        if "l2" not in values:
            values.setdefault("weight_decay", DEFAULT_DECAY.get(optimizer, 0.0))
        params = cls(**values)
        if problem := params.problem():
            raise ConfigError(problem)
        return params

    def problem(self) -> str | None:
        """The first value that cannot be, as a sentence."""
        for name in _KINDS:
            if problem := value_problem(name, getattr(self, name)):
                return problem
        if self.class_weights and (self.oversample > 0 or self.balanced_batches):
            return say(
                "class_weights with oversample or balanced_batches would count rare "
                "classes twice: use one of them."
            )
        if self.l2 is not None and self.weight_decay:
            return say(
                "l2 and weight_decay are the same thing in two conventions: give one of them."
            )
        if self.nesterov and self.momentum == 0:
            return say("nesterov needs momentum above 0.")
        return None


_MOST = float("inf")
_RANGES: Mapping[str, tuple[float, float]] = {
    "lr": (0.0, _MOST), "momentum": (0.0, 0.9999), "beta1": (0.0, 0.9999), "beta2": (0.0, 0.99999),
    "eps": (0.0, _MOST), "alpha": (0.0, 0.99999), "rho": (0.0, 0.99999), "l2": (0.0, _MOST),
    "batch_size": (1, _MOST), "clip": (0.0, _MOST), "decay_factor": (0.0, 1.0),
    "decay_every": (0, _MOST), "warmup": (0.0, 1.0), "label_smoothing": (0.0, 0.999),
    "layers": (0, 64), "units": (1, _MOST), "dropout": (0.0, 0.999), "filters": (1, _MOST),
    "kernel": (1, 99), "embedding_dim": (1, _MOST), "oversample": (0.0, 1.0),
    "weight_decay": (0.0, _MOST),
}  # fmt: skip
_KINDS: Mapping[str, Any] = {f.name: f.type for f in fields(Params)}

NAMES = (*_KINDS, *(f"lr_{o}" for o in OPTIMIZERS))
NETWORK = {
    "layers", "units", "activation", "dropout", "norm", "init", "filters", "kernel", "cell",
    "bidirectional", "pooling", "embedding_dim",
}  # fmt: skip


def name_problem(name: str) -> str | None:
    """Why the kit has no use for a name, as a sentence; None if it has."""
    if name in NAMES:
        return None
    hint = nearest(name, NAMES)
    return say(
        "the training kit has no parameter {name}.{hint} It has {known}.",
        name=repr(name),
        hint=hint,
        known=list(NAMES),
    )


def value_problem(name: str, value: Any) -> str | None:
    """Why a parameter of the kit cannot have a value, as a sentence; None if it can."""
    of = "lr" if name.startswith("lr_") else name
    kind = _KINDS[of]
    if kind == float | None:
        if value is None:
            return None
        kind = float
    if choices := Params.CHOICES.get(of):
        fits, wanted = value in choices, say("one of {choices}", choices=list(choices))
    elif kind is bool:
        fits, wanted = isinstance(value, bool), say("true or false")
    else:
        known = (int,) if kind is int else (int, float)
        fits = isinstance(value, known) and not isinstance(value, bool)
        wanted = say("a whole number") if kind is int else say("a number")
    if not fits:
        return say(
            "{name} must be {wanted}, but is {value}.", name=name, wanted=wanted, value=repr(value)
        )
    low, high = _RANGES.get(of, (-_MOST, _MOST))
    if of in _RANGES and not low <= value <= high:
        return say(
            "{name} must lie in [{low}, {high}], but is {value}.",
            name=name,
            low=low,
            high=high,
            value=repr(value),
        )
    return None


def space_problems(
    parameters: Mapping[str, Parameter], *, own_network: bool = False
) -> Iterator[tuple[str, str]]:
    """What the kit cannot take in a space: names, values and ends of ranges, as sentences.

    Args:
        parameters: Of the space.
        own_network: Whether a builder of the user's takes further names, and those of networks.

    Yields:
        Name and sentence.
    """
    for name, parameter in parameters.items():
        if own_network and (name in NETWORK or name not in NAMES):
            continue
        if problem := name_problem(name):
            yield name, problem
        elif isinstance(parameter, Float) and _KINDS.get(name) is int:
            yield name, say("{name} takes whole numbers only: say int = true.", name=name)
        else:
            found = (value_problem(name, value) for value in _extremes(parameter))
            if problem := next(filter(None, found), None):
                yield name, problem


def _extremes(parameter: Parameter) -> tuple[Any, ...]:
    """All values of a choice, or the ends of a range."""
    if isinstance(parameter, Choice):
        return parameter.values
    return (parameter.low, parameter.high)
