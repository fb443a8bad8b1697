"""Checks of the strategies' own keys; each mistake is a `StudyError` in a sentence."""

from danlu.core.sentence import say
from danlu.errors import StudyError


def check_whole(owner: str, key: str, value: object, low: int) -> None:
    """Raise unless ``value`` is a whole number of at least ``low``."""
    if not isinstance(value, int) or isinstance(value, bool) or value < low:
        raise StudyError(say(
            "strategy {owner}: {key} must be a whole number of at least {low}, but got "
            "{value}.",
            owner=repr(owner), key=key, low=low, value=repr(value),
        ))  # fmt: skip


def check_number(owner: str, key: str, value: object, low: float, high: float) -> None:
    """Raise unless ``value`` is a number in [low, high]."""
    if not isinstance(value, int | float) or isinstance(value, bool) or not low <= value <= high:
        raise StudyError(say(
            "strategy {owner}: {key} must be a number in [{low:g}, {high:g}], but got "
            "{value}.",
            owner=repr(owner), key=key, low=low, high=high, value=repr(value),
        ))  # fmt: skip


def check_flag(owner: str, key: str, value: object) -> None:
    """Raise unless ``value`` is true or false."""
    if not isinstance(value, bool):
        raise StudyError(say(
            "strategy {owner}: {key} must be true or false, but got {value}.",
            owner=repr(owner), key=key, value=repr(value),
        ))  # fmt: skip


def check_one_of(owner: str, key: str, value: object, known: tuple[str, ...]) -> None:
    """Raise unless ``value`` is one of the known words."""
    if value not in known:
        words = " or ".join(map(repr, known))
        raise StudyError(say(
            "strategy {owner}: {key} must be {words}, but got {value}.",
            owner=repr(owner), key=key, words=words, value=repr(value),
        ))  # fmt: skip
