"""Every system call that changes a study's folder, in turn: killed before, after, or refused.

The calls of the tuner, of SQLite in it, of supervisors and of training are counted by a small
library that is loaded into them (`failing.c`); danlu itself has no hook for it. For n = 1, 2, 3 …
the n-th call is hit, until a whole study runs with fewer; after each hit the same study is run
again until it is done, and everything that training was told to be accepted must be there, once.
"""

import argparse
import errno
import json
import mmap
import os
import shutil
import signal
import struct
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

import psutil

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
ACTIONS = {"kill before": 1, "kill after": 2, "ENOSPC": errno.ENOSPC, "EIO": errno.EIO}
EPOCHS = 2
TRIALS = 2
PATIENCE_S = 120.0
AGAIN = 5  # runs that a study may need after one fault


def failing(folder: Path, every: int, actions: list[str]) -> dict[str, object]:
    """Hit every n-th call with each action; the verdict as plain JSON."""
    library = folder / "failing.so"
    state = folder / "state"
    subprocess.run(
        ["cc", "-O2", "-shared", "-fPIC", "-o", library, HERE / "failing.c", "-ldl"], check=True
    )
    state.write_bytes(struct.pack("QQQ", 0, 0, 0))
    (folder / "studies").mkdir()
    paths = [str(HERE.parent), str(ROOT), os.environ.get("PYTHONPATH", "")]
    environment = os.environ | {
        "LD_PRELOAD": str(library), "FAILING_STATE": str(state),
        "FAILING_FOLDER": str(folder / "studies"), "PYTHONPATH": ":".join(paths),
    }  # fmt: skip
    command = [sys.executable, "-m", "tortures.failing", str(folder), str(every), *actions]
    done = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True)
    verdict: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return verdict


# ---- what follows runs with the library loaded


class State:
    """The numbers that the library reads; see `failing.c`."""

    def __init__(self, path: Path) -> None:
        with path.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), 24)

    @property
    def count(self) -> int:
        found: int = struct.unpack_from("Q", self._map, 0)[0]
        return found

    def arm(self, at: int, action: int) -> None:
        struct.pack_into("QQQ", self._map, 0, 0, at, action)


def beside(folder: Path, kind: str) -> Path:
    """A file of a study's where no call is hit."""
    return folder.parents[1] / f"{folder.name}.{kind}"


def tune(folder: Path) -> None:
    """The study; each accepted report is noted outside of its folder."""
    import danlu

    accepted = beside(folder, "accepted")

    class Weight:
        def __init__(self) -> None:
            self.epochs = 0

        def state_dict(self) -> dict[str, int]:
            return {"epochs": self.epochs}

        def load_state_dict(self, state: dict[str, int]) -> None:
            self.epochs = state["epochs"]

    def train(trial: danlu.Trial) -> None:
        weight = Weight()
        for epoch in trial.epochs(trial.restore(weight)):
            weight.epochs += 1
            trial.report(epoch, val_loss=trial.number + 1 / weight.epochs)
            fd = os.open(accepted, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            os.write(fd, f"{trial.number} {epoch}\n".encode())
            os.close(fd)
            trial.save(weight, now=True)

    danlu.Study(
        "failing", space=danlu.Space(lr=danlu.Float(0.1, 1.0)), objective="min val_loss",
        epochs=EPOCHS, budget=f"{TRIALS} trials", strategy="random", store=folder,
    ).run(train, workers=2, check=False)  # fmt: skip


def forked(folder: Path) -> int | None:
    """Run the study in a fork; its exit status, None if it hangs."""
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            sink = os.open(beside(folder, "log"), os.O_WRONLY | os.O_APPEND | os.O_CREAT)
            os.dup2(sink, 1)
            os.dup2(sink, 2)
            tune(folder)
            status = 0
        except BaseException:  # noqa: BLE001 - it must not fall back into the driver
            import traceback

            traceback.print_exc()
        finally:
            os._exit(status)
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.005)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return None


def hit(state: State, folder: Path, at: int, action: int) -> tuple[bool, float, dict[str, int]]:
    """Run a study, hit its n-th call, and run it to its end.

    Returns:
        Whether there was such a call, seconds that it took to go on to the end, and how often
        each promise was broken.
    """
    from tests.invariants import broken

    state.arm(at, action)
    forked(folder)
    was_hit = state.count >= at
    state.arm(0, 0)
    begun, runs = time.monotonic(), 0
    while (status := forked(folder)) != 0 and runs < AGAIN:
        runs += 1
        if status is None:
            break
    took = time.monotonic() - begun
    left = _left()
    accepted = _accepted(beside(folder, "accepted"))
    found = list(broken(folder, "failing", accepted, workers=2)) if status == 0 else []
    counts = {
        "lost": sum("I1" in f for f in found),
        "doubled": sum("twice" in f for f in found),
        "wrong": _wrong(folder) if status == 0 else 0,
        "failed": int(status != 0),
        "orphans": left,
        "unsound": len(found),
    }
    if any(counts.values()):
        print(f"call {at}, action {action}: {counts} {found}", file=sys.stderr, flush=True)
    else:
        shutil.rmtree(folder)
        beside(folder, "accepted").unlink(missing_ok=True)
        beside(folder, "log").unlink(missing_ok=True)
    return was_hit, took, counts


def _accepted(path: Path) -> set[tuple[int, int]]:
    if not path.exists():
        return set()
    pairs = (line.split() for line in path.read_text().splitlines())
    return {(int(trial), int(epoch)) for trial, epoch in pairs}


def _left() -> int:
    """Processes that outlived their study, given the time that they may take."""
    deadline = time.monotonic() + 15.0
    while left := [p for p in psutil.Process().children(recursive=True) if _alive(p)]:
        if time.monotonic() > deadline:
            break
        time.sleep(0.01)
    for process in left:
        process.kill()
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    return len(left)


def _alive(process: psutil.Process) -> bool:
    with suppress(psutil.NoSuchProcess):
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    return False


def _wrong(folder: Path) -> int:
    """Reports of another value than an undisturbed training gives, and trials that lack some.

    A trial whose own file could not be written has failed, which is not wrong.
    """
    import danlu

    trials = danlu.Study.open("failing", store=folder).trials
    wrong = sum(r.metrics["val_loss"] != t.number + 1 / r.epoch for t in trials for r in t.reports)
    short = sum(t.state == "finished" and t.epoch < EPOCHS for t in trials)
    return wrong + short + abs(len(trials) - TRIALS)


def main(folder: Path, every: int, actions: list[str]) -> None:
    import danlu.stores.sql
    import danlu.stores.waiting
    import danlu.worker.spool
    from danlu.executors.linux import adopt_orphans
    from tortures.verdict import Verdict

    danlu.stores.waiting.ROOM_S = danlu.worker.spool.ROOM_S = 0.02
    adopt_orphans()
    state = State(folder / "state")
    verdict = Verdict("every call that changes the folder: " + ", ".join(actions))
    calls = []
    for name in actions:
        at = 1
        while True:
            there, took, counts = hit(
                state, folder / "studies" / f"{ACTIONS[name]}-{at}", at, ACTIONS[name]
            )
            if not there:
                break
            verdict.faults += 1
            verdict.add(counts)
            verdict.resumed.append(took)
            at += every
        calls.append(at)
    verdict.notes = f"up to call {max(calls)}" + (f", every {every}th" if every > 1 else "")
    print(json.dumps(asdict(verdict)))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("every", type=int)
    parser.add_argument("actions", nargs="+")
    given = parser.parse_args()
    main(given.folder, given.every, given.actions)
