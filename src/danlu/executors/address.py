"""Whether anything answers at the address of a cluster, and what is told of its errors."""

import os
import socket
from pathlib import Path
from typing import Any

from danlu.core.sentence import say
from danlu.errors import DanluError, LaunchError

REACH_S = 5.0
TOKEN_FILE = Path.home() / ".ray" / "auth_token"
TOKEN = say(
    " If its log tells of a token: `ray start` asks for one where such a file lies; with "
    "RAY_AUTH_MODE=token in the environment it is shown."
)


def reach(where: str) -> None:
    """Make sure that something answers at an address, for which Ray would wait for minutes.

    Raises:
        LaunchError: If nothing does.
    """
    host, _, port = where.removeprefix("ray://").rpartition(":")
    if not host or not port.isdigit():
        return  # "auto", "local", this machine: Ray finds it by itself
    try:
        socket.create_connection((host.strip("[]"), int(port)), REACH_S).close()
    except (OSError, OverflowError) as error:
        raise LaunchError(say(
            "the Ray cluster at {where} cannot be joined: nothing answers there "
            "({error}). Expected is the address of its head, which `ray status` tells "
            "on a node.",
            where=where, error=error,
        )) from error  # fmt: skip


def refused(where: str, error: Exception) -> LaunchError:
    """Why a cluster cannot be joined, with what may help."""
    hint = TOKEN if TOKEN_FILE.exists() and "RAY_AUTH_MODE" not in os.environ else ""
    text = say("the Ray cluster at {where} cannot be joined: {error}", where=where, error=error)
    return LaunchError(text + hint)


def told(error: Any) -> DanluError:
    """What a worker raised."""
    cause = error.cause
    return cause if isinstance(cause, DanluError) else LaunchError(last_words(error))


def last_words(error: Exception) -> str:
    """The last line of what an error says, which tells most after a long trace."""
    lines = [line for line in str(error).splitlines() if line.strip()]
    return lines[-1].strip() if lines else type(error).__name__
