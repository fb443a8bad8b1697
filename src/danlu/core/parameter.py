"""What may vary: `Float`, `Int` and `Choice`, each with its range, scale, default and condition.

Every parameter maps to and from the unit interval, on its own scale: ``to_unit`` gives the
position of a value (for integers and choices the centre of its cell), ``from_unit`` the value
at a position, so that a uniform draw of u is a draw from the parameter's scale.
"""

import math
import operator
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import compress
from typing import Any, TypeAlias

from danlu.core.sentence import say
from danlu.errors import SpaceError

Value: TypeAlias = str | int | float | bool | None
Condition: TypeAlias = Mapping[str, tuple[Value, ...]]


def same(a: Value, b: Value) -> bool:
    """Whether two values are one: ``1`` and ``True`` are not, ``1`` and ``1.0`` are."""
    return a == b and isinstance(a, bool) == isinstance(b, bool)


def is_number(value: object) -> bool:
    """Whether a value is a finite int or float (``True`` is not) that a float can hold."""
    try:
        finite = isinstance(value, int | float) and math.isfinite(value)
    except OverflowError:
        return False
    return finite and not isinstance(value, bool)


def _condition(when: Mapping[str, Any] | None) -> Condition:
    def values(wanted: Any) -> tuple[Value, ...]:
        return tuple(wanted) if isinstance(wanted, list | tuple | set) else (wanted,)

    return {name: values(wanted) for name, wanted in (when or {}).items()}


def _range_problems(p: "Float | Int") -> list[str]:
    """Every mistake in a numeric range, as sentences."""
    bad = [f"{k}={v!r}" for k, v in (("low", p.low), ("high", p.high)) if not is_number(v)]
    if bad:
        return [say("low and high must be finite numbers, but got {bad}.", bad=list(bad))]
    problems = []
    if p.low > p.high:
        problems.append(
            say(
                "low must not exceed high, but got low={low} > high={high}.",
                low=repr(p.low),
                high=repr(p.high),
            )
        )
    elif not is_number(p.high - p.low):
        problems.append(
            say(
                "the range [{low}, {high}] is too wide: its width is infinite.",
                low=repr(p.low),
                high=repr(p.high),
            )
        )
    if p.log and p.low <= 0:
        problems.append(
            say(
                "a log scale needs low > 0, but got low={low}. Use a small positive low "
                "such as 1e-6, or no log scale.",
                low=repr(p.low),
            )
        )
    if p.default is not None and not (is_number(p.default) and p.low <= p.default <= p.high):
        problems.append(
            say(
                "the default must lie in [{low}, {high}], but got default={default}.",
                low=repr(p.low),
                high=repr(p.high),
                default=repr(p.default),
            )
        )
    if p.limits is not None:
        problems += _limit_problems(p)
    return problems


def _limit_problems(p: "Float | Int") -> list[str]:
    limits = p.limits
    assert limits is not None
    if len(limits) != 2 or not all(is_number(v) for v in limits):
        return [
            say("limits must be a pair of finite numbers, but got {limits}.", limits=repr(limits))
        ]
    if not limits[0] <= p.low <= p.high <= limits[1]:
        return [
            say(
                "limits must enclose [{low}, {high}], but got {limits}. Widen them, or leave "
                "them out.",
                low=repr(p.low),
                high=repr(p.high),
                limits=repr(limits),
            )
        ]
    if p.log and limits[0] <= 0:
        return [say("a log scale needs limits > 0, but got {limits}.", limits=repr(limits))]
    return []


@dataclass(frozen=True, slots=True)
class Float:
    """A real parameter in [low, high], both inclusive.

    Attributes:
        low: Smallest value.
        high: Largest value; equal to ``low`` makes a constant.
        log: Whether the scale is logarithmic (needs ``low > 0``); not given, a study takes the
            scale that is usual for the role, without a role the linear one.
        default: The value of the default config; the middle of the scale if not given.
        when: Condition under which the parameter exists: name of another parameter → its value,
            or several of its values.
        limits: Hard limits (lowest, highest) to which a search may extend the range when the best
            lies at its boundary; not given, a study takes those known for the role, and without
            any the range itself is hard.
        role: What the parameter is, such as ``"lr"`` or ``"dropout"``; found from its name if
            not given.

    Raises:
        SpaceError: With every mistake, e.g. ``log`` with ``low <= 0``.
    """

    low: float
    high: float
    log: bool | None = None
    default: float | None = None
    when: Mapping[str, Any] = field(
        default_factory=dict
    )  # given as {"optimizer": "sgd"}, kept as name → tuple of values
    limits: tuple[float, float] | None = None
    role: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "when", _condition(self.when))
        if self.limits is not None:
            object.__setattr__(self, "limits", tuple(self.limits))
        if problems := _range_problems(self):
            raise SpaceError(*problems)
        for name in ("low", "high"):
            object.__setattr__(self, name, float(getattr(self, name)))
        if self.default is not None:
            object.__setattr__(self, "default", float(self.default))

    @property
    def constant(self) -> bool:
        return self.low == self.high

    @property
    def cells(self) -> float:
        """How many different values there are: infinitely many, or one."""
        return 1 if self.constant else math.inf

    def middle(self) -> float:
        """The default, or the middle of the scale."""
        return self.from_unit(0.5) if self.default is None else self.default

    def problem(self, value: object) -> str | None:
        """Why ``value`` cannot be taken, or None; a search may go as far as the ``limits``."""
        low, high = self.limits or (self.low, self.high)
        if is_number(value) and low <= value <= high:  # type: ignore[operator]
            return None
        return say(
            "must be a number in [{low}, {high}], but got {value}.",
            low=repr(low),
            high=repr(high),
            value=repr(value),
        )

    def clean(self, value: Any) -> float:
        return float(value)

    def to_unit(self, value: Any) -> float:
        if self.constant:
            return 0.5
        low, high, x = self._scaled(self.low), self._scaled(self.high), self._scaled(value)
        return min(1.0, max(0.0, (x - low) / (high - low)))

    def from_unit(self, u: float) -> float:
        if u <= 0.0 or u >= 1.0:  # the ends exactly, whatever rounding would make of them
            return self.low if u <= 0.0 else self.high
        low, high = self._scaled(self.low), self._scaled(self.high)
        x = low + u * (high - low)
        # As a person reads it: 0.3127, not 17 digits.
        short = float(f"{math.exp(x):.6g}") if self.log else round(x, self._decimals())
        return min(self.high, max(self.low, short))

    def between(self, low: float, high: float) -> "Float":
        """The same parameter with another range; its default is moved into it."""
        default = None if self.default is None else min(high, max(low, self.default))
        return replace(self, low=low, high=high, default=default, limits=None)

    def _decimals(self) -> int:
        """As many as tell a millionth of the range."""
        return 6 if self.constant else max(0, 6 - math.ceil(math.log10(self.high - self.low)))

    def _scaled(self, value: float) -> float:
        return math.log(value) if self.log else value


@dataclass(frozen=True, slots=True)
class Int:
    """A whole-number parameter in [low, high], both inclusive; attributes as of `Float`.

    On a log scale the cell of value k spans [k - ½, k + ½] of the logarithm, so that a uniform
    draw takes every value with the probability of its cell.
    """

    low: int
    high: int
    log: bool | None = None
    default: int | None = None
    when: Mapping[str, Any] = field(default_factory=dict)
    limits: tuple[int, int] | None = None
    role: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "when", _condition(self.when))
        if self.limits is not None:
            object.__setattr__(self, "limits", tuple(self.limits))
        given = {"low": self.low, "high": self.high, "default": self.default}
        given |= dict(zip(("limits[0]", "limits[1]"), self.limits or (), strict=False))
        broken = [f"{k}={v!r}" for k, v in given.items() if is_number(v) and v != int(v or 0)]
        problems = _range_problems(self)
        if broken:
            problems.append(
                say("whole numbers are needed, but got {broken}.", broken=list(broken))
            )
        if problems:
            raise SpaceError(*problems)
        for name in ("low", "high", "default"):
            if getattr(self, name) is not None:
                object.__setattr__(self, name, int(getattr(self, name)))

    @property
    def constant(self) -> bool:
        return self.low == self.high

    @property
    def cells(self) -> float:
        return self.high - self.low + 1

    def middle(self) -> int:
        return self.from_unit(0.5) if self.default is None else self.default

    def problem(self, value: object) -> str | None:
        low, high = self.limits or (self.low, self.high)
        if (
            is_number(value)
            and value == int(value)  # type: ignore[call-overload]
            and low <= value <= high  # type: ignore[operator]
        ):
            return None
        return say(
            "must be a whole number in [{low}, {high}], but got {value}.",
            low=low,
            high=high,
            value=repr(value),
        )

    def clean(self, value: Any) -> int:
        return int(value)

    def to_unit(self, value: Any) -> float:
        low, high = self._ends()
        x = math.log(value) if self.log else float(value)
        return 0.5 if self.constant else min(1.0, max(0.0, (x - low) / (high - low)))

    def from_unit(self, u: float) -> int:
        low, high = self._ends()
        x = low + min(1.0, max(0.0, u)) * (high - low)
        value = math.floor((math.exp(x) if self.log else x) + 0.5)
        return min(self.high, max(self.low, value))

    def between(self, low: float, high: float) -> "Int":
        """The same parameter with another range, rounded; its default is moved into it."""
        first, last = math.ceil(low - 1e-9), math.floor(high + 1e-9)
        first, last = min(first, last), max(first, last)
        default = None if self.default is None else min(last, max(first, self.default))
        return replace(self, low=first, high=last, default=default, limits=None)

    def _ends(self) -> tuple[float, float]:
        low, high = self.low - 0.5, self.high + 0.5
        return (math.log(low), math.log(high)) if self.log else (low, high)


@dataclass(frozen=True, slots=True, init=False)
class Choice:
    """One of several values: strings, numbers, booleans or None; a single one is a constant.

    Example:
        >>> Choice("sgd", "adam", default="adam").cells
        2
    """

    values: tuple[Value, ...]
    default: Value
    when: Condition
    role: str | None

    def __init__(
        self,
        *values: Value,
        default: Value = None,
        when: Mapping[str, Any] | None = None,
        role: str | None = None,
    ) -> None:
        object.__setattr__(self, "values", values)
        object.__setattr__(self, "default", default)
        object.__setattr__(self, "when", _condition(when))
        object.__setattr__(self, "role", role)
        if problems := _choice_problems(values, default):
            raise SpaceError(*problems)

    @property
    def constant(self) -> bool:
        return len(self.values) == 1

    @property
    def cells(self) -> float:
        return len(self.values)

    def middle(self) -> Value:
        """The default, or the first choice."""
        return self.values[0] if self.default is None else self.default

    def problem(self, value: object) -> str | None:
        if any(same(v, value) for v in self.values):  # type: ignore[arg-type]
            return None
        return say(
            "must be one of {values}, but got {value}.",
            values=[repr(v) for v in self.values],
            value=repr(value),
        )

    def clean(self, value: Any) -> Value:
        return self.values[self.index(value)]

    def index(self, value: Value) -> int:
        return next(i for i, v in enumerate(self.values) if same(v, value))

    def to_unit(self, value: Any) -> float:
        return (self.index(value) + 0.5) / len(self.values)

    def from_unit(self, u: float) -> Value:
        return self.values[min(len(self.values) - 1, max(0, int(u * len(self.values))))]


Parameter: TypeAlias = Float | Int | Choice


def _choice_problems(values: Sequence[Any], default: Any) -> list[str]:
    """Every mistake in a list of choices, as sentences."""
    if not values:
        return [say("at least one choice is needed, but the list is empty.")]
    fits = [v is None or isinstance(v, str | bool) or is_number(v) for v in values]
    problems = [
        say("choices must be text, numbers, true, false or none, but got {value}.", value=repr(v))
        for v in compress(values, map(operator.not_, fits))
    ]
    counted = Counter((isinstance(v, bool), v) for v in compress(values, fits))  # as `same` has it
    twice = {repr(v) for (_, v), count in counted.items() if count > 1}
    if twice:
        problems.append(
            say("each choice may stand once, but {twice} stands twice.", twice=sorted(twice))
        )
    if default is not None and not any(same(default, v) for v in values):
        problems.append(
            say(
                "the default must be one of {values}, but got {default}.",
                values=list(map(repr, values)),
                default=repr(default),
            )
        )
    return problems
