"""A training function and a script with the same ways to behave, chosen by ``does``."""

import faulthandler
import math
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import danlu

SCRIPT = (sys.executable, __file__, "{does}", "{epochs}", "{folder}")


def note(folder: Path, name: str) -> None:
    """Leave the pid of this process in a file of the trial's folder."""
    with (folder / name).open("a") as file:
        file.write(f"{os.getpid()}\n")


def daemon(folder: Path) -> None:
    """Leave a process behind in a session of its own that no polite signal ends."""
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            note(folder, "pids")
            time.sleep(600)
        os._exit(0)


def loss(epoch: int) -> float:
    return 1.0 / epoch


def behave(does: str, epochs: int, folder: Path, report: Callable[..., None]) -> None:
    """Everything but ``"train"``: what goes wrong, and what does not want to end."""
    note(folder, "pids")
    print(f"about to {does}")
    if does == "raise":
        raise ArithmeticError("the weights exploded")
    if does == "exit":
        sys.exit(3)
    if does == "say and exit":
        sys.exit("no such data set")
    if does == "crash":
        faulthandler.disable()  # the test runner's would write a page
        os.kill(os.getpid(), signal.SIGSEGV)
    elif does == "nothing":
        return
    elif does == "other metric":
        report(1, train_loss=0.5)
    elif does == "nan":
        report(1, val_loss=math.nan)
    elif does == "backwards":
        for epoch in (1, 2, 2):
            report(epoch, val_loss=loss(epoch))
    elif does == "ignore until":
        for epoch in range(1, epochs + 1):
            report(epoch, val_loss=loss(epoch))
            time.sleep(0.05)
    elif does == "too long":
        for epoch in range(1, 1000):
            report(epoch, val_loss=loss(epoch))
            time.sleep(0.001)
    elif does == "hang":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        if os.fork() == 0:
            note(folder, "pids")
            time.sleep(600)
        daemon(folder)
        report(1, val_loss=loss(1))
        time.sleep(600)


def train(trial: danlu.Trial) -> None:
    """A function."""
    does = str(trial.params["does"])
    if does == "train":
        note(trial.folder, "pids")
        for epoch in trial.epochs(trial.restore()):
            trial.report(epoch, val_loss=loss(epoch))
            trial.save()
    elif does == "train unsaved":
        note(trial.folder, "pids")
        for epoch in trial.epochs():
            trial.report(epoch, val_loss=loss(epoch))
    else:
        behave(does, trial.horizon, trial.folder, trial.report)


def main() -> None:
    """A script."""
    does, epochs, folder = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])
    if does.startswith("train"):
        note(folder, "pids")
        for epoch in range(1, epochs + 1):
            danlu.report(epoch, val_loss=loss(epoch))
            time.sleep(0.01)
    else:
        behave(does, epochs, folder, danlu.report)


if __name__ == "__main__":
    main()
