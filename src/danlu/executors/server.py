"""The fork server: pays for imports once, then starts a trial in milliseconds.

It holds the training function with all that it imported (torch, and the lazily imported parts
that building an optimiser brings) and forks a supervisor for each launch. It runs one thread,
opens no database and touches no GPU, so that forking it is safe.

Two ways to get one: `fork_server` forks the calling process (any function will do, closures and
notebook cells too); ``python -m danlu.executors.server`` is a fresh interpreter that imports the
function by its name (the command line does this: user code never runs in the tuner).
"""

import contextlib
import importlib
import json
import os
import re
import signal
import socket
import sys
import time
import traceback
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from danlu.core.job import Job
from danlu.core.sentence import say
from danlu.core.system import reason_of
from danlu.errors import DanluError, LaunchError
from danlu.executors.linux import (
    adopt_orphans,
    children,
    death_watch,
    descendants,
    kill_below,
    send,
)
from danlu.executors.supervisor import Launch, PairChannel, Run, supervise
from danlu.executors.traces import trace_of
from danlu.executors.wire import Wire, readable
from danlu.worker.trial import Trial

CALL = re.compile(r"(?P<name>[\w.]+:\w+)\((?P<arguments>\{.*\})\)", re.DOTALL)
FORK_S = 10.0  # for a fork to become possible
LEAVE_S = 10.0  # for the supervisors to end, once the tuner is gone

Train = Callable[[Trial], object]


def run_function(train: Train) -> Run:
    """What a child does to train by calling a function."""

    def run(launch: Launch, channel: PairChannel) -> None:
        limit_threads(launch["threads"])
        os.chdir(launch["cwd"])
        if "rows" in launch:
            _train_together(train, channel, launch["rows"])
            return
        try:
            train(Trial(Job.decode(launch["job"]), channel))
        except Exception as error:  # noqa: BLE001 - whatever training raises is its failure
            sys.stderr.write(trace_of(error))
            channel.failed("exception", f"{type(error).__name__}: {error}")
            raise SystemExit(1) from None

    return run


def _train_together(train: Any, channel: PairChannel, rows: int) -> None:
    from danlu.kit.fused.crew import Crew  # torch is there already: a training of the kit is

    Crew(train, channel, rows).serve()


def run_command(launch: Launch, channel: PairChannel) -> None:
    """What a child does to train by running a command."""
    argv: list[str] = launch["argv"]
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # Python ignores it; other programs must not
    try:
        os.chdir(launch["cwd"])
        os.execvpe(argv[0], argv, os.environ)
    except OSError as error:
        channel.failed("launch", say(
            "{program}: {reason}. Is it installed and executable?",
            program=argv[0], reason=reason_of(error),
        ))  # fmt: skip
    except ValueError as error:
        channel.failed(
            "launch", say("{argv} cannot be a command: {error}.", argv=repr(argv), error=error)
        )
    raise SystemExit(127)


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


class Server:
    """Forks a supervisor for each launch that comes, until the tuner is gone.

    Args:
        sock: To the tuner.
        run: What a child does.
        tuner: Pid of the tuner.
    """

    def __init__(self, sock: socket.socket, run: Run, tuner: int) -> None:
        self._wire = Wire(sock)
        self._run = run
        self._tuner = death_watch(tuner)
        self._own = set(descendants(os.getpid()))  # what importing the function may have started
        self._supervisors: set[int] = set()
        self._bell, self._ring = socket.socketpair()

    def serve(self) -> None:
        """Serve until the tuner is gone and all supervisors with it; never returns."""
        self._prepare()
        self._wire.send({"ready": os.getpid()})
        watched = [self._wire.fileno(), self._bell.fileno()]
        if self._tuner is not None:
            watched.append(self._tuner)
        while self._wire.open:
            ready = readable(watched, None)
            if self._bell.fileno() in ready:
                self._reap()
            if self._wire.fileno() in ready:
                for message in self._wire.receive():
                    self._launch(socket.socket(fileno=self._wire.descriptor()), message)
            if self._tuner in ready:
                break
        self._leave()
        os._exit(0)

    def _prepare(self) -> None:
        adopt_orphans()  # those of a supervisor that is killed come here
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        self._ring.setblocking(False)
        signal.set_wakeup_fd(self._ring.fileno(), warn_on_full_buffer=False)

    def _launch(self, trial: socket.socket, launch: Mapping[str, Any]) -> None:
        """Fork a supervisor; if that is impossible, the closed socket tells the tuner."""
        with trial:
            try:
                pid = _forked()
            except OSError:
                traceback.print_exc()
                return
            if pid == 0:
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                for end in (self._wire, self._bell, self._ring):
                    end.close()
                _supervise(trial, launch, self._run)
        self._supervisors.add(pid)

    def _reap(self) -> None:
        """Forget supervisors that ended, and end what killed ones have left to us."""
        self._bell.recv(4096)
        orphans = False
        with contextlib.suppress(ChildProcessError):
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if not pid:
                    break
                orphans |= pid not in self._supervisors or status != 0
                self._supervisors.discard(pid)
        if orphans:
            for pid in children(os.getpid()) - self._supervisors - self._own:
                for orphan in (pid, *descendants(pid)):
                    send(orphan, signal.SIGKILL)

    def _leave(self) -> None:
        """Wait for the supervisors: who waits for the server's end knows that nothing is left."""
        deadline = time.monotonic() + LEAVE_S
        while self._supervisors and time.monotonic() < deadline:
            if readable([self._bell.fileno()], 0.1):
                self._reap()
        kill_below()


def _forked() -> int:
    """A fork, as soon as the system has a process to spare.

    Raises:
        OSError: If it has none for `FORK_S`.
    """
    deadline = time.monotonic() + FORK_S
    while True:
        try:
            return os.fork()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


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
    """A function's name for `load_function`; what was made from plain values may say its own.

    Raises:
        LaunchError: If another interpreter cannot import it.
    """
    name = reference_of(train)
    if name is None:
        raise LaunchError(say(
            "this process has used CUDA already, and its forks could not: call "
            "Study.run before the first CUDA call, or move {function} to the top level "
            "of a module of its own.",
            function=getattr(train, "__qualname__", "the function"),
        ))  # fmt: skip
    return name


def reference_of(train: Train) -> str | None:
    """A function's name for `load_function`; None if only this process has it."""
    if reference := getattr(train, "reference", None):
        return str(reference)
    module = getattr(train, "__module__", "__main__")
    name = getattr(train, "__qualname__", "")
    if module == "__main__" or getattr(sys.modules.get(module), name, None) is not train:
        return None
    return f"{module}:{name}"


def fork_server(sock: socket.socket, run: Run, inherited: Sequence[int]) -> int:
    """Fork this process into a server; returns its pid.

    Args:
        sock: The server's end of its socket; closed here.
        run: What a child does.
        inherited: Descriptors of this process that the server must not keep open.
    """
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError, AttributeError):  # closed, or none at all
            stream.flush()
    tuner = os.getpid()
    with warnings.catch_warnings():
        # That threads exist is known: the child runs only this one, and none of their locks.
        warnings.simplefilter("ignore", DeprecationWarning)
        pid = os.fork()
    if pid:
        sock.close()
        return pid
    try:
        os.setsid()
        signal.set_wakeup_fd(-1)  # a notebook's event loop must not hear of our signals
        for descriptor in inherited:
            os.close(descriptor)
        warm_up()
        Server(sock, run, tuner).serve()
    except BaseException:  # noqa: BLE001 - the server must never fall back into the tuner
        traceback.print_exc()
    finally:
        os._exit(1)


def load_function(name: str) -> Train:
    """Import ``"module:function"`` or ``"path/to/file.py:function"``.

    ``"module:make({…})"``, with a JSON object in the brackets, calls ``make`` with these keyword
    arguments; what it returns is the function.

    Raises:
        LaunchError: If there is no such module or function; other errors of the module's own
            code come as they are.
    """
    train = load_object(name)
    if not callable(train):
        raise LaunchError(say(
            "{name} is no function, but a {kind}.",
            name=repr(name), kind=type(train).__name__,
        ))  # fmt: skip
    return train  # type: ignore[no-any-return]


def load_object(name: str) -> Any:
    """Import what a name means; as `load_function`, but it need not be a function."""
    call = CALL.fullmatch(name)
    name, arguments = (call["name"], call["arguments"]) if call else (name, None)
    module_name, _, attribute = name.rpartition(":")
    if not module_name or not attribute:
        raise LaunchError(say(
            "the function must be given as 'module:function', but got {name}.", name=repr(name),
        ))  # fmt: skip
    module = _load_module(module_name)
    if not hasattr(module, attribute):
        raise LaunchError(say(
            "module {module} has no function {attribute}.",
            module=repr(module_name), attribute=repr(attribute),
        ))  # fmt: skip
    found = getattr(module, attribute)
    return found if arguments is None else found(**json.loads(arguments))


def _load_module(name: str) -> Any:
    if not name.endswith(".py"):
        try:
            return importlib.import_module(name)
        except ModuleNotFoundError as error:
            if error.name != name.partition(".")[0]:
                raise
            raise LaunchError(say(
                "there is no module {name} in {cwd} or installed.",
                name=repr(name), cwd=Path.cwd(),
            )) from None  # fmt: skip
    path = Path(name)
    if not path.is_file():
        raise LaunchError(say("there is no file {path}.", path=path.resolve()))
    sys.path.insert(0, str(path.resolve().parent))
    return importlib.import_module(path.stem)


def main(descriptor: int, tuner: int, function: str, *path: str) -> None:
    """A fresh interpreter as server; ``function`` empty serves commands only."""
    sock = socket.socket(fileno=descriptor)
    sock.set_inheritable(False)
    os.dup2(2, 1)  # what the user's module prints must not mix with the tuner's own output
    run: Run = run_command
    if function:
        # Last, so that a stray file there cannot stand in for a module of ours.
        sys.path += [str(Path.cwd()), *path]
        try:
            run = run_function(load_function(function))
            warm_up()
        except (Exception, SystemExit) as error:  # noqa: BLE001 - any error of the user's module
            text = str(error) if isinstance(error, DanluError) else trace_of(error)
            Wire(sock).send({"broken": f"{function} cannot be loaded: {text}"})
            return
    sys.stdout.flush()
    Server(sock, run, tuner).serve()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), *sys.argv[3:])
