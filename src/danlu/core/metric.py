"""What the name of a metric tells: on which data it is taken, and of which quantity."""

import re

TRAINING = ("train", "training", "tr")
VALIDATION = ("val", "valid", "validation", "dev", "eval", "test")  # the first found is preferred
_SPLITS = "|".join((*TRAINING, *VALIDATION))
_FIRST = re.compile(rf"({_SPLITS})[_/.:\- ]+(.+)", re.IGNORECASE)
_LAST = re.compile(rf"(.+?)[_/.:\- ]+({_SPLITS})", re.IGNORECASE)


def split_of(name: str) -> tuple[str | None, str]:
    """The split that a metric's name tells, in lower case, and the name of its quantity."""
    if match := _FIRST.fullmatch(name):
        return match[1].lower(), match[2]
    if match := _LAST.fullmatch(name):
        return match[2].lower(), match[1]
    return None, name


def words(name: str) -> list[str]:
    """The words of a metric's name, in lower case."""
    return re.split(r"[^a-z0-9]+", name.lower())
