"""The fork server: pays for imports once, then starts a trial in milliseconds.

It holds the training function with all that it imported (torch, and the lazily imported parts
that building an optimiser brings) and forks a supervisor for each launch. It runs one thread,
opens no database and touches no GPU, so that forking it is safe.

Two ways to get one: `fork_server` forks the calling process (any function will do, closures and
notebook cells too); ``python -m danlu.executors.server`` is a fresh interpreter that imports the
function by its name (the command line does this: user code never runs in the tuner).
"""

import importlib
import importlib.util
import os
import select
import signal
import socket
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from danlu.core.job import Job
from danlu.errors import DanluError, LaunchError
from danlu.executors.supervisor import Launch, PairChannel, Run, supervise
from danlu.executors.wire import Wire
from danlu.worker.trial import Trial

Train = Callable[[Trial], object]


def run_function(train: Train) -> Run:
    """What a child does to train by calling a function."""

    def run(launch: Launch, channel: PairChannel) -> None:
        limit_threads(launch["threads"])
        job = Job.decode(launch["job"])
        os.chdir(launch["cwd"])
        try:
            train(Trial(job, channel))
        except Exception as error:  # noqa: BLE001 - whatever training raises is its failure
            traceback.print_exc()
            channel.failed("exception", f"{type(error).__name__}: {error}")
            raise SystemExit(1) from None

    return run


def run_command(launch: Launch, channel: PairChannel) -> None:
    """What a child does to train by running a command."""
    argv: list[str] = launch["argv"]
    try:
        os.chdir(launch["cwd"])
        os.execvpe(argv[0], argv, os.environ)
    except OSError as error:
        channel.failed("launch", f"{argv[0]}: {error.strerror}. Is it installed and executable?")
        raise SystemExit(127) from None


def limit_threads(threads: int) -> None:
    """Have torch use so many threads; its pool in a forked process would hang otherwise."""
    if torch := sys.modules.get("torch"):
        torch.set_num_threads(threads)


def warm_up() -> None:
    """Build one optimiser if torch is there: its first step imports as much as torch itself."""
    torch = sys.modules.get("torch")
    if torch is None or not hasattr(torch, "optim"):
        return
    limit_threads(1)
    weight = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.Adam([weight])
    weight.sum().backward()
    optimizer.step()


def serve(sock: socket.socket, run: Run) -> None:
    """Fork a supervisor for each launch that comes, until the tuner is gone; never returns."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # supervisors report by themselves
    wire = Wire(sock)
    wire.send({"ready": os.getpid()})
    while wire.open:
        select.select([wire], [], [])
        for message in wire.receive():
            trial = socket.socket(fileno=wire.descriptor())
            if os.fork() == 0:
                sock.close()
                _supervise(trial, message, run)
            trial.close()
    os._exit(0)


def _supervise(trial: socket.socket, launch: Mapping[str, Any], run: Run) -> None:
    try:
        supervise(trial, launch, run)
    except BaseException:  # noqa: BLE001 - a supervisor must never fall back into serving
        traceback.print_exc()
    finally:
        os._exit(0)


def cuda_was_used() -> bool:
    """Whether this process has touched a GPU through torch, so that its forks cannot."""
    torch = sys.modules.get("torch")
    return torch is not None and bool(torch.cuda.is_initialized())


def name_of(train: Train) -> str:
    """A function's name for `load_function`.

    Raises:
        LaunchError: If another interpreter cannot import it.
    """
    module = getattr(train, "__module__", "__main__")
    name = getattr(train, "__qualname__", "<unnamed>")
    if module == "__main__" or getattr(sys.modules.get(module), name, None) is not train:
        raise LaunchError(
            "this process has used CUDA already, and its forks could not: call Study.run before "
            f"the first CUDA call, or move {name} to the top level of a module of its own."
        )
    return f"{module}:{name}"


def fork_server(sock: socket.socket, run: Run, inherited: Sequence[int]) -> int:
    """Fork this process into a server; returns its pid.

    Args:
        sock: The server's end of its socket; closed here.
        run: What a child does.
        inherited: Descriptors of this process that the server must not keep open.
    """
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    pid = os.fork()
    if pid:
        sock.close()
        return pid
    try:
        os.setsid()
        for descriptor in inherited:
            os.close(descriptor)
        warm_up()
        serve(sock, run)
    finally:
        os._exit(1)


def load_function(name: str) -> Train:
    """Import ``"module:function"`` or ``"path/to/file.py:function"``.

    Raises:
        LaunchError: If there is no such module or function; other errors of the module's own
            code come as they are.
    """
    module_name, _, attribute = name.rpartition(":")
    if not module_name or not attribute:
        raise LaunchError(f"the function must be given as 'module:function', but got {name!r}.")
    module = _load_module(module_name)
    train = getattr(module, attribute, None)
    if not callable(train):
        raise LaunchError(f"module {module_name!r} has no function {attribute!r}.")
    return train  # type: ignore[no-any-return]


def _load_module(name: str) -> Any:
    if not name.endswith(".py"):
        try:
            return importlib.import_module(name)
        except ModuleNotFoundError as error:
            if error.name != name.partition(".")[0]:
                raise
            raise LaunchError(
                f"there is no module {name!r} in {Path.cwd()} or installed."
            ) from None
    path = Path(name)
    if not path.is_file():
        raise LaunchError(f"there is no file {path.resolve()}.")
    sys.path.insert(0, str(path.resolve().parent))
    return importlib.import_module(path.stem)


def main(descriptor: int, function: str) -> None:
    """A fresh interpreter as server; ``function`` empty serves commands only."""
    sock = socket.socket(fileno=descriptor)
    run: Run = run_command
    if function:
        # Last, so that a stray file there cannot stand in for a module of ours.
        sys.path.append(str(Path.cwd()))
        try:
            run = run_function(load_function(function))
            warm_up()
        except (Exception, SystemExit) as error:  # noqa: BLE001 - any error of the user's module
            text = str(error) if isinstance(error, DanluError) else traceback.format_exc()
            Wire(sock).send({"broken": f"{function} cannot be loaded: {text}"})
            return
    serve(sock, run)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
