"""What commands that leave a wish share."""

import getpass
from typing import Any

import click

from danlu.cli.options import find, opened, said
from danlu.core.request import WORDS, check_request
from danlu.core.sentence import say


def ask(where: str, name: str | None, verb: str, trial: int | None = None, **data: Any) -> None:
    """Leave a wish in the store, and say so.

    Raises:
        StudyError: If nobody could fulfil it.
        ConfigError: If a config does not belong to the space.
    """
    with opened(where) as store:
        study = find(store, name)
        history = store.load(study)
        check_request(history, verb, trial, data, store.holder(study))
        store.request(study, verb, trial, data=data, by=_user())
    wanted = say("{verb} {trial}", verb=WORDS[verb], trial=trial) if trial else WORDS[verb]
    click.echo(said(say("Asked '{study}': {wanted}.", study=study, wanted=wanted)))


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a user number without a name
        return say("a person")
