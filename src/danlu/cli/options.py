"""What the commands share: their options, and the way from names to studies."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import click

from danlu.cli.screen import clean
from danlu.cli.speech import language
from danlu.core.history import History
from danlu.core.sentence import say
from danlu.core.space import nearest
from danlu.errors import StudyError
from danlu.language import in_language
from danlu.stores import Store, open_store

F = TypeVar("F", bound=Callable[..., Any])

STORE = ".danlu"

store_option = click.option(
    "--store",
    "where",
    envvar="DANLU_STORE",
    default=STORE,
    show_default=True,
    show_envvar=True,
    metavar="WHERE",
    help=say("Where studies are kept: a folder, or postgresql://user@host/database."),
)
study_argument = click.argument("name", metavar="[STUDY]", required=False)


def said(text: str) -> str:
    """A text in the language that the command was asked for, on one line."""
    return clean(in_language(text, language()).replace("\n", " "))


@contextmanager
def opened(where: str) -> Iterator[Store]:
    """The store, for reading.

    Raises:
        StudyError: If nothing was ever kept there.
    """
    if "://" not in where and not Path(where).exists():
        raise StudyError(say(
            "there is no study in '{where}' yet: begin one with `danlu run`.", where=where,
        ))  # fmt: skip
    store = open_store(where, create=False)
    try:
        yield store
    finally:
        store.close()


def find(store: Store, name: str | None) -> str:
    """The name itself, or the newest study's without one.

    Raises:
        StudyError: If there is no such study.
    """
    known = store.studies()
    if not known:
        raise StudyError(say("there is no study yet: begin one with `danlu run`."))
    if name is None:
        return known[-1]
    if name not in known:
        hint = nearest(name, known) or say(" There are: {names}.", names=known[-10:])
        raise StudyError(say("there is no study '{name}'.{hint}", name=name, hint=hint))
    return name


def load(where: str, name: str | None) -> History:
    """The history of a study, by default of the newest."""
    with opened(where) as store:
        return store.load(find(store, name))


def is_running(store: Store, name: str) -> bool:
    """Whether a process runs the study now (a killed one leaves no lock behind)."""
    return store.holder(name) is not None
