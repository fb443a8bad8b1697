"""Whether anything answers at the address of a cluster."""

import socket

from danlu.core.sentence import say
from danlu.errors import LaunchError

REACH_S = 5.0


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
