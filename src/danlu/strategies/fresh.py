"""Configs that were not tried yet."""

from collections.abc import Sequence
from typing import TypeAlias

from danlu.core.history import History
from danlu.core.parameter import Value
from danlu.core.space import Config, Space
from danlu.strategies.sampling import quasi_random_config, random_config

ATTEMPTS = 64  # draws before a space counts as used up
Key: TypeAlias = tuple[tuple[str, str], ...]


def config_key(config: Config) -> Key:
    """What is equal for equal configs only; ``1`` and ``True`` differ."""
    return tuple(sorted((name, repr(value)) for name, value in config.items()))


def fresh_config(spaces: Sequence[Space], history: History) -> dict[str, Value] | None:
    """A draw for the next trial that no trial had: from the first space that still has one."""
    seed, number = history.spec.seed, history.next_number
    known = {config_key(t.config) for t in history.trials.values()}
    for space in spaces:
        config = quasi_random_config(space, seed, number)
        for attempt in range(ATTEMPTS):
            if config_key(config) not in known:
                return config
            config = random_config(space, seed, number * ATTEMPTS + attempt)
    return None
