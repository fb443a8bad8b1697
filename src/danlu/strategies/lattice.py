"""The distinct configs of a grid, counted and reached by their index without listing them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from danlu.core.parameter import Value, same
from danlu.core.space import Config, Space


@dataclass(frozen=True)
class Lattice:
    """All combinations of some values; those that differ in inactive parameters only are one.

    The first parameter changes slowest. The combinations are a tree in which each parameter
    branches where it is active; the sizes of subtrees depend only on the parameters that later
    conditions name, so that counting them is cheap.

    Attributes:
        space: Whose conditions decide what is active.
        levels: Name → values of every parameter.
    """

    space: Space
    levels: Mapping[str, tuple[Value, ...]]
    _sizes: dict[tuple[object, ...], int] = field(default_factory=dict, repr=False, compare=False)

    @property
    def size(self) -> int:
        """How many distinct configs there are."""
        return self._below(0, {})

    @cached_property
    def _parents(self) -> frozenset[str]:
        """Names of the parameters on which conditions depend."""
        return frozenset(parent for p in self.space.parameters.values() for parent in p.when)

    def __getitem__(self, index: int) -> dict[str, Value]:
        """The config at an index from 0 to ``size`` - 1."""
        config: dict[str, Value] = {}
        for i, name in enumerate(self.space):
            if not self.space.active(name, config):
                continue
            if name not in self._parents:  # all its branches are of one size
                place, index = divmod(index, self._below(i + 1, config))
                config[name] = self.levels[name][place]
                continue
            for value in self.levels[name]:
                below = self._below(i + 1, {**config, name: value})
                if index < below:
                    config[name] = value
                    break
                index -= below
        return config

    def find(self, config: Config) -> int | None:
        """The index of a config, or None if it is not on the grid."""
        index = 0
        for i, name in enumerate(self.space):
            if name not in config:
                continue
            before = {n: v for n, v in config.items() if n in list(self.space)[:i]}
            for value in self.levels[name]:
                if same(value, config[name]):
                    break
                index += self._below(i + 1, {**before, name: value})
            else:
                return None
        return index

    def _below(self, i: int, config: Config) -> int:
        """How many ways there are to choose the parameters from the i-th on."""
        names = list(self.space)[i:]
        if not names:
            return 1
        later = sorted({parent for n in names for parent in self.space[n].when})
        key = (i, *(repr(config[n]) if n in config else None for n in later))
        if key not in self._sizes:
            self._sizes[key] = self._count(i, names[0], config)
        return self._sizes[key]

    def _count(self, i: int, name: str, config: Config) -> int:
        if not self.space.active(name, config):
            return self._below(i + 1, config)
        if name in self._parents:
            return sum(self._below(i + 1, {**config, name: v}) for v in self.levels[name])
        return len(self.levels[name]) * self._below(i + 1, config)
