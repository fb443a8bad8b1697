"""Progress of a long benchmark, on standard error: how many are done, and the time left."""

import sys
from collections.abc import Iterator, Sequence
from typing import TypeVar

import click

T = TypeVar("T")


def shown(items: Sequence[T], label: str) -> Iterator[T]:
    """The items, with a bar that moves when the next one is asked for."""
    with click.progressbar(items, label=label, file=sys.stderr, show_pos=True) as bar:
        yield from bar
