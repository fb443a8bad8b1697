"""The process in which trials train together: takes launches in, and tells how each one ends.

It gets ``{"launch": job, "reports": path, "log": path}`` and ``{"drop": trial}``; it tells
``{"told": [trial, …]}`` after an epoch, and for each launch once ``{"ends": trial}``, or
``{"alone": trial, "why": …}`` for one that is not to be trained together, or fails, and must go on
elsewhere, from its checkpoint if it has one.
"""

import contextlib
import fcntl
import time
import traceback
from collections.abc import Hashable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Protocol, TextIO

from danlu.core.job import Job
from danlu.kit.fused.canary import Verdict, slow, tried
from danlu.kit.fused.memory import keep_freed
from danlu.kit.fused.row import Row, Trains
from danlu.kit.fused.signature import hooked, signature
from danlu.kit.fused.stack import Stack
from danlu.worker.spool import write_line
from danlu.worker.trial import CHECKPOINT_EVERY_S, Trial

QUIET_S = 0.01  # without a message before new trials begin: they come in batches
LONE_S = 0.3  # that a trial without another of its shape waits for one: a search takes time, too
LEAST = 2  # rows of a stack
HELD_NUMBERS = 1 << 27  # of paused trials that stay in memory: half a GiB of float32
STATES = 3  # numbers for each that is learnt: itself, and what an optimiser keeps


class Link(Protocol):
    """The way to the tuner."""

    def messages(self, timeout_s: float | None) -> Sequence[Mapping[str, Any]] | None:
        """What has come; waits up to a time for something, and gives None when nobody is there."""
        ...

    def tell(self, message: Mapping[str, Any]) -> None: ...


class Spool:
    """A channel to a report file, and the log, locked for as long as the launch goes on."""

    def __init__(self, reports: str, log: str) -> None:
        self.send: Any = partial(write_line, reports)
        self._log: TextIO = Path(log).open("a", encoding="utf-8")  # noqa: SIM115 - see close
        with contextlib.suppress(OSError):  # a file system without locks
            fcntl.flock(self._log, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def wait(self, epoch: int) -> int:  # noqa: ARG002 - rows end at their until
        return 0

    def tell(self, line: str) -> None:
        """Write a line to the log."""
        with contextlib.suppress(OSError):  # a full disk: training goes on without
            self._log.write(f"{line}\n")
            self._log.flush()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._log.close()


class Crew:
    """Trains what comes, in stacks of equal signature.

    Args:
        trains: The training.
        link: To the tuner.
        most: Rows of a stack.
    """

    def __init__(self, trains: Trains, link: Link, most: int) -> None:
        self._trains = trains
        self._link = link
        self._most = most
        self._new: list[Row] = []
        self._stacks: list[tuple[Hashable, Stack]] = []
        self._verdicts: dict[Hashable, tuple[int, Verdict]] = {}
        self._spools: dict[int, Spool] = {}
        self._held: dict[int, Row] = {}
        self._dropped: set[int] = set()

    def serve(self) -> None:
        """Work until the tuner is gone."""
        keep_freed()
        while self._listen():
            self._form()
            for of, stack in list(self._stacks):
                self._train(of, stack)

    # ---- listening

    def _listen(self) -> bool:
        """Take in all messages, and wait for some if there is nothing to do; False at the end."""
        timeout = 0.0 if self._stacks else (QUIET_S if self._new else None)
        while True:
            messages = self._link.messages(timeout)
            if messages is None:
                return False
            for message in messages:
                if "launch" in message:
                    self._launch(message)
                elif "drop" in message:
                    self._drop(int(message["drop"]))
            if not messages:
                return True
            timeout = QUIET_S

    def _launch(self, message: Mapping[str, Any]) -> None:
        job = Job.decode(message["launch"])
        spool = self._spools[job.trial] = Spool(message["reports"], message["log"])
        trial = Trial(job, spool)
        row = self._held.pop(job.trial, None)
        if row is not None:
            row.trial, row.came_at = trial, time.monotonic()
        else:
            try:
                row = Row.of(self._trains, trial)
            except Exception as error:  # noqa: BLE001 - a process of its own tells it with its log
                self._alone(job.trial, f"its network cannot be made here: {_reason(error)}")
                return
        row.tell = spool.tell
        if row.over:
            self._end(row)
        elif where := hooked(row.begun.model):
            self._alone(job.trial, f"its module {where!r} has hooks.")
        else:
            self._new.append(row)

    def _drop(self, trial: int) -> None:
        if trial in self._spools:
            self._dropped.add(trial)
        self._held.pop(trial, None)

    # ---- stacks

    def _form(self) -> None:
        """Put new rows with others of their signature."""
        for row in [r for r in self._new if r.trial.number in self._dropped]:
            self._new.remove(row)
            self._end(row)
        groups: dict[Hashable, list[Row]] = {}
        for row in self._new:
            groups.setdefault(signature(row), []).append(row)
        self._new = []
        for of, rows in groups.items():
            if not self._patient(of, rows):
                self._place(of, rows)

    def _patient(self, of: Hashable, rows: list[Row]) -> bool:
        """Let a lone row wait a little for others; whether it waits."""
        waits = (
            len(rows) < LEAST
            and time.monotonic() - rows[0].came_at < LONE_S
            and not any(known == of for known, _ in self._stacks)
        )
        self._new += rows if waits else []
        return waits

    def _place(self, of: Hashable, rows: list[Row]) -> None:
        """Begin a stack with rows of a signature, or let them join one that has room."""
        for known, stack in self._stacks:
            room = self._most - len(stack.rows)
            if known == of and room > 0 and rows:
                joining, rows = rows[:room], rows[room:]
                self._try(joining, partial(stack.join, joining))
        while rows:
            some, rows = rows[: self._most], rows[self._most :]
            self._begin(of, some)

    def _begin(self, of: Hashable, rows: list[Row]) -> None:
        if len(rows) < LEAST:
            self._leave(rows, "no other trial has a network of its shape now.")
            return
        n, verdict = self._verdicts.get(of, (0, None))
        if verdict is None or (len(rows) > n if verdict.why else len(rows) < n):
            made = self._try(rows, lambda: tried(Stack(rows)))
            if made is None:
                return
            verdict = made
            self._verdicts[of] = (len(rows), verdict)
        if verdict.why:
            self._leave(rows, verdict.why)
            return
        if (stack := self._try(rows, lambda: Stack(rows))) is not None:
            self._stacks.append((of, stack))

    def _try(self, rows: Sequence[Row], do: Any) -> Any:
        """Do something for some rows; if it cannot be done for them together, they go on alone."""
        try:
            return do()
        except Exception as error:  # noqa: BLE001 - what cannot be batched may raise anything
            traceback.print_exc()
            self._leave(rows, f"their network cannot be batched: {_reason(error)}")
            return None

    def _train(self, of: Hashable, stack: Stack) -> None:
        """An epoch of a stack, and what follows for its rows."""
        began = time.monotonic()
        if self._try(stack.rows, stack.epoch) is None:
            self._stacks = [(s, k) for s, k in self._stacks if k is not stack]
            return
        self._link.tell({"told": [row.trial.number for row in stack.rows]})
        staying = [r for r in stack.rows if not (r.over or r.trial.number in self._dropped)]
        for row in stack.rows:
            if not any(row is s for s in staying):
                self._go_home(stack, row)
                self._end(row)
        if staying and (time.monotonic() - stack.saved_at > CHECKPOINT_EVERY_S):
            stack.saved_at = began
            for row in staying:
                self._go_home(stack, row)
        if len(staying) < len(stack.rows):
            self._shrink(of, stack, staying)

    def _go_home(self, stack: Stack, row: Row) -> None:
        if row.broken:
            return
        stack.bring_home(row)
        if row.trial.number not in self._dropped:
            row.save()

    def _shrink(self, of: Hashable, stack: Stack, staying: list[Row]) -> None:
        """Go on with fewer rows, or let them go if they are too few to gain from it."""
        if staying:
            stack.keep(staying)
            expected_s = stack.expected_s()
            alone_s = self._verdicts[of][1].alone_s
            if why := slow(alone_s, expected_s, 1.0):
                for row in staying:
                    stack.bring_home(row)
                    row.save(now=True)
                self._leave(staying, f"with {len(staying)} rows left {why}")
                staying = []
        if not staying:
            self._stacks = [(s, k) for s, k in self._stacks if k is not stack]

    # ---- ends of launches

    def _end(self, row: Row) -> None:
        """A row has come to the end of its slice, or was dropped."""
        number = row.trial.number
        self._close(number)
        going_on = row.epoch < row.trial.horizon and not row.broken
        if number not in self._dropped and going_on:
            self._hold(row)
        self._dropped.discard(number)
        self._link.tell({"ends": number})

    def _hold(self, row: Row) -> None:
        """Keep a paused row in memory, if need be in place of the oldest ones."""
        self._held[row.trial.number] = row
        while sum(map(_numbers, self._held.values())) > HELD_NUMBERS:
            self._held.pop(next(iter(self._held)))

    def _leave(self, rows: Sequence[Row], why: str) -> None:
        for row in rows:
            self._alone(row.trial.number, why)

    def _alone(self, number: int, why: str) -> None:
        self._close(number)
        if number in self._dropped:
            self._dropped.discard(number)
            self._link.tell({"ends": number})
        else:
            print(f"trial {number} goes on alone: {why}", flush=True)  # noqa: T201 - to the log
            self._link.tell({"alone": number, "why": why})

    def _close(self, trial: int) -> None:
        self._spools.pop(trial).close()


def _reason(error: Exception) -> str:
    """The first line of what an error says."""
    return f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0]}"


def _numbers(row: Row) -> int:
    return STATES * sum(p.numel() for p in row.begun.model.parameters())
