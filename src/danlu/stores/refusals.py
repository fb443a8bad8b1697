"""What all stores say when a study is missing, taken or run by somebody else."""

import json
import os
import shlex
import socket
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from time import time

from danlu.core.sentence import say
from danlu.core.space import nearest
from danlu.errors import StudyError

SOMEBODY = say("another process")


@dataclass(frozen=True, slots=True)
class Holder:
    """Who runs a study.

    Attributes:
        pid: Its process.
        host: The machine of that process.
        since: When it began, seconds since 1970.
    """

    pid: int
    host: str
    since: float

    @classmethod
    def here(cls) -> "Holder":
        """This process, from now on."""
        return cls(os.getpid(), socket.gethostname(), time())

    @classmethod
    def parse(cls, note: str) -> "Holder | None":
        """The holder that `note` gave; None if it is not whole."""
        try:
            table = json.loads(note)
            return cls(int(table["pid"]), str(table["host"]), float(table["since"]))
        except (ValueError, TypeError, KeyError):
            return None

    def note(self) -> str:
        return json.dumps(asdict(self))

    def __str__(self) -> str:
        since = datetime.fromtimestamp(self.since)
        today = since.date() == datetime.now().date()
        return say(
            "pid {pid} on host {host} since {since}",
            pid=self.pid, host=self.host, since=f"{since:{'%H:%M' if today else '%F %H:%M'}}",
        )  # fmt: skip


def held(study: str, holder: Holder | None) -> StudyError:
    """The refusal to run a study twice."""
    who = str(holder or SOMEBODY)
    return StudyError(say(
        'study "{study}" is run by {who}; stop it first with: danlu stop {quoted}',
        study=study, who=who, quoted=shlex.quote(study),
    ))  # fmt: skip


def fenced(study: str, holder: str) -> StudyError:
    """The refusal to go on with a study that somebody else has taken over."""
    return StudyError(say(
        'study "{study}" was taken over by {holder}: this process has lost it, and has written '
        "nothing since.",
        study=study, holder=holder,
    ))  # fmt: skip


def no_study(study: str, known: Sequence[str], where: str) -> StudyError:
    """The refusal to use a study that is not there."""
    if not known:
        return StudyError(say(
            'there is no study "{study}" in {where}: no study was created there.',
            study=study, where=where,
        ))  # fmt: skip
    hint = nearest(study, known) or say(" Its newest studies: {names}.", names=known[-10:])
    return StudyError(say(
        'there is no study "{study}" in {where}.{hint}', study=study, where=where, hint=hint,
    ))  # fmt: skip


def name_taken(study: str, where: str) -> StudyError:
    """The refusal to create a study twice."""
    return StudyError(say(
        'there is a study "{study}" in {where} already: '
        "choose another name, or remove it with: danlu rm {quoted}",
        study=study, where=where, quoted=shlex.quote(study),
    ))  # fmt: skip
