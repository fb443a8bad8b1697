"""Real processes for tests: started by a fork, watched, killed, and never left behind."""

import os
import signal
import time
import traceback
from collections.abc import Callable, Iterable
from pathlib import Path

import psutil

PATIENCE_S = 20.0  # on a slow and busy machine; nothing waits so long when all is well


def wait_for(condition: Callable[[], object], what: str, timeout_s: float = PATIENCE_S) -> None:
    """Wait until a condition holds."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain: {what}"
        time.sleep(0.005)


def alive(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def wait_until_gone(pids: Iterable[int], timeout_s: float = PATIENCE_S) -> None:
    wait_for(lambda: not [p for p in pids if alive(p)], f"the end of {pids}", timeout_s)


def below(pid: int | None = None) -> set[int]:
    """Pids of all living processes below one, or below this one."""
    children = psutil.Process(pid).children(recursive=True)
    return {child.pid for child in children if alive(child.pid)}


def numbers(path: Path) -> list[int]:
    """What training wrote into a file, one number a line."""
    return [int(line) for line in path.read_text().split()] if path.exists() else []


class Running:
    """A forked process that runs a function; in a ``with`` statement, killed at its end."""

    def __init__(self, function: Callable[[], object]) -> None:
        self.pid = os.fork()
        if self.pid == 0:
            self._run(function)
        self._status: int | None = None

    def _run(self, function: Callable[[], object]) -> None:
        status = 1
        try:
            function()
            status = 0
        except KeyboardInterrupt:
            status = 130
        except BaseException:  # noqa: BLE001 - it must not fall back into the tests
            traceback.print_exc()
        finally:
            os._exit(status)

    def __enter__(self) -> "Running":
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def send(self, number: int) -> None:
        os.kill(self.pid, number)

    def over(self) -> bool:
        if self._status is None:
            done, status = os.waitpid(self.pid, os.WNOHANG)
            self._status = os.waitstatus_to_exitcode(status) if done else None
        return self._status is not None

    def wait(self, timeout_s: float = PATIENCE_S) -> int:
        """Its exit status, once it has ended."""
        wait_for(self.over, "the end of a process", timeout_s)
        assert self._status is not None
        return self._status

    def kill(self) -> None:
        """Kill it, whatever it does; waits until it is reaped."""
        if not self.over():
            self.send(signal.SIGKILL)
            self.wait()
