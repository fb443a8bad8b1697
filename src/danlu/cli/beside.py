"""The dashboard beside a run: in a process of its own, whose end does not touch the run."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from danlu.cli.lines import tell
from danlu.cli.options import said
from danlu.cli.speech import language
from danlu.core.sentence import say
from danlu.errors import DanluError


@contextmanager
def dashboard(where: str, study: str, *, show: bool) -> Iterator[None]:
    """The dashboard of a study in the browser while the context lasts.

    At a terminal it stays open after the end until Ctrl-C, to look at the result.

    Args:
        where: The store.
        study: Its name.
        show: Whether to do anything at all.

    Raises:
        DanluError: If it cannot be started.
    """
    if not show:
        yield
        return
    words = [sys.executable, "-m", "danlu", "serve", study, "--open", "--with-parent"]
    # By the environment: the address may hold a password, and all may read arguments.
    around = {**os.environ, "DANLU_STORE": where, "DANLU_LANG": language()}
    with subprocess.Popen(  # a session of its own: Ctrl-C is for the run
        words, env=around, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True, start_new_session=True,
    ) as server:  # fmt: skip
        assert server.stdout is not None
        assert server.stderr is not None
        first = server.stdout.readline().strip()
        if not first:
            raise DanluError(
                say("the dashboard did not start: {reason}", reason=server.stderr.read().strip())
            )
        tell(first, sys.stdout)
        try:
            yield
            if sys.stdout.isatty():
                tell(said(say("The dashboard stays open until Ctrl-C.")), sys.stdout)
                with suppress(KeyboardInterrupt):
                    server.wait()
        finally:
            server.terminate()
