"""The same torture on Optuna: kills of a process that runs trials, and a queue for eight of them.

Optuna has no tuner that outlives its trials: a process that is killed takes its trial with it.
What is asked is what danlu is asked, where it applies: reports that had returned are there, once;
no trial stays open for good; each queued config is run once.
"""

import os
import random
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tortures.queueing import PROCESSES
from tortures.verdict import Verdict

STEPS = 9
STEP_S = 0.02
HUNG_S = 60.0  # without a report after a kill: stuck


def storage(kind: str, folder: Path) -> Any:
    import optuna
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    if kind == "journal":
        return JournalStorage(JournalFileBackend(str(folder / "journal.log")))
    return f"sqlite:///{folder}/optuna.db"


def noting(folder: Path) -> Callable[[Any], float]:
    """An objective that notes each report that returned, and each trial that it runs."""

    def objective(trial: Any) -> float:
        x = trial.suggest_float("x", 0.0, 1.0)
        _note(folder / "run", f"{trial.number} {x!r}")
        for step in range(STEPS if (folder / "steps").exists() else 1):
            time.sleep(STEP_S)
            trial.report(x / (step + 1), step)
            _note(folder / "reported", f"{trial.number} {step}")
        return float(x)

    return objective


def _note(path: Path, text: str) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(fd, f"{text}\n".encode())
    os.close(fd)


def lines(path: Path) -> list[tuple[int, float]]:
    if not path.exists():
        return []
    return [(int(a), float(b)) for a, b in (x.split() for x in path.read_text().splitlines())]


def optimize(kind: str, folder: Path, trials: int | None) -> None:
    import optuna

    study = optuna.create_study(
        study_name="peer", storage=storage(kind, folder), load_if_exists=True
    )
    for _ in range(trials) if trials is not None else iter(int, 1):
        try:
            study.optimize(noting(folder), n_trials=1)
        except Exception as error:
            _note(folder / "errors", f"0 {len(str(error))}")
            if trials is None:
                raise


def forked(kind: str, folder: Path, trials: int | None) -> int:
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            optimize(kind, folder, trials)
            status = 0
        except BaseException as error:  # noqa: BLE001 - it must not fall back into the driver
            print(type(error).__name__, error, file=sys.stderr, flush=True)
        finally:
            os._exit(status)
    return pid


def kills(kind: str, folder: Path, times: int, seed: int) -> Verdict:
    """Kill the process at random moments, and begin it again."""
    import optuna

    verdict = Verdict(f"Optuna, {kind}: kill -9 of its process")
    rng = random.Random(seed)
    (folder / "steps").touch()
    pid, stuck = forked(kind, folder, None), 0
    for _ in range(times):
        seen = len(lines(folder / "reported"))
        begun = time.monotonic()
        while len(lines(folder / "reported")) <= seen:
            if time.monotonic() > begun + HUNG_S or os.waitpid(pid, os.WNOHANG)[0]:
                stuck += 1
                break
            time.sleep(0.005)
        verdict.resumed.append(time.monotonic() - begun)
        time.sleep(rng.expovariate(1 / 0.15))
        try:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
        except (ProcessLookupError, ChildProcessError):
            pass
        verdict.faults += 1
        pid = forked(kind, folder, None)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    study = optuna.load_study(study_name="peer", storage=storage(kind, folder))
    kept = {(t.number, float(s)) for t in study.trials for s in t.intermediate_values}
    running = sum(t.state.name == "RUNNING" for t in study.trials)
    verdict.add(
        {"lost": len({*lines(folder / "reported")} - kept), "doubled": 0, "failed": running}
    )
    verdict.notes = "failed: trials that stay RUNNING for good" + (
        f"; {stuck} times it did not go on by itself" if stuck else ""
    )
    return verdict


def queue(kind: str, folder: Path, trials: int) -> Verdict:
    """Eight processes run queued trials, each its share of calls."""
    import optuna

    verdict = Verdict(f"Optuna, {kind}: {trials} queued trials, {PROCESSES} processes")
    study = optuna.create_study(study_name="peer", storage=storage(kind, folder))
    wanted = [i / (1 << 20) for i in range(trials)]
    for x in wanted:
        study.enqueue_trial({"x": x})
    pids = [forked(kind, folder, trials // PROCESSES) for _ in range(PROCESSES)]
    for pid in pids:
        os.waitpid(pid, 0)
    times = Counter(x for _, x in lines(folder / "run"))
    verdict.add(
        {"lost": sum(times[x] == 0 for x in wanted), "doubled": sum(n > 1 for n in times.values())}
    )
    errors = len(lines(folder / "errors"))
    verdict.notes = f"{errors} calls raised an error" if errors else ""
    return verdict


def peers(folder: Path, times: int, trials: int, seed: int, results: Path) -> None:
    """All of it, with SQLite and with the journal."""
    for kind in ("SQLite", "journal"):
        for name in ("kills", "queue"):
            (mine := folder / f"{kind}-{name}").mkdir()
            if name == "kills":
                kills(kind, mine, times, seed).write(results)
            else:
                queue(kind, mine, trials).write(results)
