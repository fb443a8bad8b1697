"""Many queued configs, many processes that want to run the study: each is trained once.

Eight processes put configs into the queue and each keeps trying to run the study, with a worker or
more, until the queue is empty; one of them is killed now and then, and begins again.
"""

import os
import random
import signal
import time
from collections import Counter
from contextlib import closing, suppress
from pathlib import Path

import danlu
from danlu.errors import DanluError, StudyError
from danlu.stores import open_store
from tortures.verdict import Verdict

PROCESSES = 8
KILLS = 100  # at most so many trials are trained between two kills
SPACE = danlu.Space(x=danlu.Float(0.0, 1.0))


def study(folder: Path, trials: int) -> danlu.Study:
    return danlu.Study(
        "queue", space=SPACE, objective="min val_loss", epochs=1, strategy="random",
        budget=f"{trials} trials", store=folder / "store",
    )  # fmt: skip


def train(trial: danlu.Trial) -> None:
    fd = os.open(Path(trial.folder).parents[3] / "trained", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(fd, f"{trial.params['x']!r} {trial.attempt}\n".encode())
    os.close(fd)
    trial.report(1, val_loss=1.0)


def work(folder: Path, trials: int, mine: int) -> None:
    """Queue this process's share, then run the study or wait for who does."""
    share = range(mine, trials, PROCESSES)
    with closing(open_store(folder / "store")) as store:
        for i in share:  # a process that was killed may have queued some: the key tells
            store.request("queue", "enqueue", data={"config": {"x": x_of(i)}}, key=str(i))
        while not store.requests("queue", after=trials - 1):
            time.sleep(0.2)
    while (folder / "store").exists():
        with closing(open_store(folder / "store")) as store:
            if store.holder("queue"):
                time.sleep(0.5)
                continue
        one = study(folder, trials)
        if one.history.outcome == "done":
            return
        with suppress(StudyError):  # another one was quicker
            one.run(train, workers=4, check="warn")  # its values never change: nothing learns
            return


def x_of(i: int) -> float:
    return i / (1 << 20)


def queueing(folder: Path, rounds: int, trials: int, seed: int, results: Path) -> None:
    """Rounds of queued trials over eight processes; what was found is written after each."""
    verdict = Verdict(f"{trials:,} queued trials, {PROCESSES} processes")
    rng = random.Random(seed)
    begun = time.monotonic()
    for n in range(1, rounds + 1):
        verdict.add(_round(folder / str(n), trials, rng, verdict))
        rate = n * trials / (time.monotonic() - begun)
        verdict.notes = f"{n} rounds; faults are kills of these processes; {rate:.0f} trials/s"
        verdict.write(results)
        print(verdict.row(), flush=True)


def _round(folder: Path, trials: int, rng: random.Random, verdict: Verdict) -> dict[str, int]:
    folder.mkdir()
    study(folder, trials)
    (folder / "trained").touch()
    pids = {_fork(folder, trials, i): i for i in range(PROCESSES)}
    kill_at = rng.randrange(KILLS)  # trials
    while pids:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid in pids:
            mine = pids.pop(pid)
            if status:
                pids[_fork(folder, trials, mine)] = mine
        trained = (folder / "trained").read_text().count("\n") if pids else 0
        if trained > kill_at:
            os.kill(rng.choice(list(pids)), signal.SIGKILL)
            verdict.faults += 1
            kill_at = trained + rng.randrange(KILLS)
        time.sleep(0.02)
    return _check(folder, trials)


def _fork(folder: Path, trials: int, mine: int) -> int:
    pid = os.fork()
    if pid:
        return pid
    status = 1
    try:
        work(folder, trials, mine)
        status = 0
    except DanluError as error:
        print(error, flush=True)
    finally:
        os._exit(status)


def _check(folder: Path, trials: int) -> dict[str, int]:
    from tests.invariants import broken

    wanted = {x_of(i) for i in range(trials)}
    given = Counter(t.config["x"] for t in study(folder, trials).trials)
    trained = [line.split() for line in (folder / "trained").read_text().splitlines()]
    times = Counter(float(x) for x, _ in trained)
    again = {float(x) for x, attempt in trained if int(attempt) > 1}
    unsound = list(broken(folder / "store", "queue", workers=4))
    for problem in unsound:
        print("UNSOUND", problem, flush=True)
    return {
        "lost": len(wanted - set(given)),
        # A kill may leave a training whose report came too late: that one is trained again.
        "doubled": sum(n - 1 for n in given.values()),
        "wrong": len(set(given) - wanted) + len(wanted - set(times) - again),
        "unsound": len(unsound),
    }
