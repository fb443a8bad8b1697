"""`Problem`: what pre-flight looks at, given as plain values and functions.

Making one costs nothing: data is loaded, torch imported and the model built when checks run.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from danlu.core.parameter import Value
from danlu.core.task import Kind

Params: TypeAlias = Mapping[str, Value]


@dataclass(frozen=True, eq=False, kw_only=True)
class Data:
    """Training and validation data, as NumPy arrays, torch tensors or nested lists.

    Attributes:
        x_train: Inputs, (n, …); a tuple of arrays, each (n, …), is given to the model as several
            arguments.
        y_train: Targets: class numbers from 0, (n,) or a class for each position, (n, …); or real
            numbers, (n,) or (n, outputs).
        x_val: Validation inputs, as they reach the model.
        y_val: Validation targets.
        groups_train: What must not be split between training and validation, such as a patient's
            number, (n,).
        groups_val: The same of the validation samples.
        times_train: When each training sample was taken, as numbers or ISO dates, (n,).
        times_val: The same of the validation samples.
        shuffle: Whether training visits its samples in random order.
        loader: Gives an iterable over one epoch's batches (inputs, targets), as training sees
            them; None takes batches of ``x_train``, shuffled or not.
        names: Of the inputs' columns, for messages.
        ids: Whether inputs of integers are identifiers (tokens, categories) and not quantities.
            By default they are in a tuple, or when ``padding`` or ``unknown`` is given.
        padding: The token that fills short sequences up.
        unknown: The token that stands for words outside the vocabulary.
    """

    x_train: Any
    y_train: Any
    x_val: Any
    y_val: Any
    groups_train: Any = None
    groups_val: Any = None
    times_train: Any = None
    times_val: Any = None
    shuffle: bool = True
    loader: Callable[[], Iterable[tuple[Any, Any]]] | None = None
    names: Sequence[str] = ()
    ids: bool | None = None
    padding: int | None = None
    unknown: int | None = None


Given: TypeAlias = Data | Mapping[str, Any] | Sequence[Any]
"""`Data`, a mapping with its names, or the four arrays x_train, y_train, x_val, y_val."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Problem:
    """Data, model and loss, so that they can be checked before the first trial.

    Checks build models of their own and train copies: nothing of what is given here is changed,
    nor any random state.

    Example:
        >>> problem = Problem(
        ...     data=load,  # returns x_train, y_train, x_val, y_val
        ...     build=lambda params: MLP(params["units"]),
        ...     loss=torch.nn.functional.cross_entropy,
        ... )

    Attributes:
        data: The data, or a function without arguments that loads it.
        build: Config → ``torch.nn.Module``. Without it only the data is checked.
        loss: (outputs, targets) → mean loss. By default cross-entropy for class numbers (of one
            output: binary, with logits), the mean squared error for real targets.
        optimizer: (parameters, config) → ``torch.optim.Optimizer``. By default Adam with the
            config's ``lr`` and ``weight_decay``.
        step: (model, optimizer, inputs, targets) → loss: one step of the training loop, from
            ``zero_grad`` to ``step``, if it is more than the usual one. Inputs are as in `Data`.
        evaluate: (model, inputs, targets) → anything: the loop's own validation pass.
        params: The config to check; a study's default config where a study is checked.
        kind: ``"classification"`` or ``"regression"``; found from targets and loss if not given.
    """

    data: Given | Callable[[], Given]
    build: Callable[[Params], Any] | None = None
    loss: Callable[[Any, Any], Any] | None = None
    optimizer: Callable[[Iterable[Any], Params], Any] | None = None
    step: Callable[[Any, Any, Any, Any], Any] | None = None
    evaluate: Callable[[Any, Any, Any], Any] | None = None
    params: Params = field(default_factory=dict)
    kind: Kind | None = None
