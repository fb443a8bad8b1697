"""What holds for a study whatever happened to its processes, read from the raw rows of its store.

One checker for all tests that break things; it uses nothing of the code that wrote the rows. The
numbers are those of docs/why/faults.md. I9 and I10 (the same command resumes; the tuner outlives
its trials) are what such a test itself does and asserts.
"""

import json
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import psutil
import psycopg

OPENING = ("started", "continued")
FINAL = ("finished", "stopped", "failed")
CLOSING = (*FINAL, "paused", "lost")
WITHIN = ("reported", "saved", "observed")  # only between a launch and its closing event


class Row(NamedTuple):
    """A row of the tables of events and reports."""

    seq: int
    kind: str
    trial: int | None
    epoch: int
    data: Mapping[str, Any]


def assert_sound(
    folder: Path,
    study: str,
    reported: Iterable[tuple[int, int]] = (),
    *,
    over: bool = True,
    workers: int = 1,
    address: str = "",
) -> None:
    """Assert that nothing is broken; see `broken`."""
    found = list(broken(folder, study, reported, over=over, workers=workers, address=address))
    assert not found, "\n".join(found)


def broken(
    folder: Path,
    study: str,
    reported: Iterable[tuple[int, int]] = (),
    *,
    over: bool = True,
    workers: int = 1,
    address: str = "",
) -> Iterator[str]:
    """Every invariant that does not hold, with where.

    Args:
        folder: Of the store, and of the trials' files beside it.
        study: Its name.
        reported: (trial, epoch) of reports that are known to have been accepted.
        over: Whether nobody runs the study now.
        workers: How many trials may train at once.
        address: Of the PostgreSQL database, if it is one.
    """
    if address:
        with psycopg.connect(address) as server:
            rows = _rows(server.execute, study, "%(study)s")
    else:
        with closing(sqlite3.connect(folder / "danlu.db")) as database:
            if damage := list(_database(database)):
                yield from damage
                return
            rows = _rows(database.execute, study, ":study")
    seqs = [row.seq for row in rows]
    if seqs != list(range(1, len(rows) + 1)):
        yield f"I2: the sequence has gaps or doubles: {_odd(seqs)}"
    yield from _reports(rows, set(reported))
    yield from _trials(rows, workers)
    if over:
        yield from _left_open(rows)
        yield from _processes(folder / "trials" / study)


def _database(database: sqlite3.Connection) -> Iterator[str]:
    for check in ("integrity_check", "foreign_key_check"):
        try:
            found = [row for row in database.execute(f"PRAGMA {check}") if row != ("ok",)]
        except sqlite3.DatabaseError as error:
            found = [(str(error),)]
        if found:
            yield f"I8: {check} says {found}"


def _rows(execute: Callable[..., Any], study: str, named: str) -> list[Row]:
    """All rows of a study; ``named`` is how the driver writes a parameter."""
    (number,) = execute(
        f"SELECT id FROM study WHERE name = {named}", {"study": study}
    ).fetchone()  # fmt: skip
    found = execute(
        f"SELECT seq, kind, trial, 0, data FROM event WHERE study_id = {named} UNION ALL "
        f"SELECT seq, 'reported', trial, epoch, metrics FROM report WHERE study_id = {named} "
        "ORDER BY seq",
        {"study": number},
    )
    return [
        Row(seq, kind, trial, epoch, json.loads(data)) for seq, kind, trial, epoch, data in found
    ]


def _odd(seqs: Sequence[int]) -> list[int]:
    return [s for i, s in enumerate(seqs, 1) if s != i][:5]


def _reports(rows: Sequence[Row], reported: set[tuple[int, int]]) -> Iterator[str]:
    kept = Counter((r.trial, r.epoch) for r in rows if r.kind == "reported")
    if lost := reported - set(kept):
        yield f"I1: accepted reports are not there: {sorted(lost)[:5]}"
    if twice := [place for place, count in kept.items() if count > 1]:
        yield f"I2: reports are there twice: {twice[:5]}"


def _trials(rows: Sequence[Row], workers: int) -> Iterator[str]:
    """Walk through what happened: numbers, launches and ends in a possible order."""
    state: dict[int | None, str] = {}
    for row in rows:
        before = state.get(row.trial, "")
        where = f"trial {row.trial}, event {row.seq} ({row.kind})"
        if row.kind == "started":
            if row.trial != len(state) + 1:
                yield f"I3: {where} comes after {len(state)} trials"
        elif row.trial is not None and not before:
            yield f"I3: {where} comes before its trial has started"
        if row.kind in OPENING:
            if row.kind == "continued" and before not in ("paused", "lost"):
                yield f"I4: {where} comes while the trial is {before}"
            state[row.trial] = "open"
            if (count := list(state.values()).count("open")) > workers:
                yield f"I7: {where}: {count} trials train, but there are {workers} workers"
        elif row.kind in WITHIN and before != "open":
            yield f"I4: {where} comes while the trial is {before}"
        elif row.kind in CLOSING:
            if before in FINAL or (
                row.kind in ("paused", "finished", "lost") and before != "open"
            ):
                yield f"I5: {where} comes while the trial is {before}"
            if row.kind == "failed" and not (row.data.get("cause") and row.data.get("message")):
                yield f"I5: {where} says no cause"
            state[row.trial] = row.kind


def _left_open(rows: Sequence[Row]) -> Iterator[str]:
    last = {r.trial: r.kind for r in rows if r.kind in (*OPENING, *CLOSING)}
    if left := [trial for trial, kind in last.items() if kind in OPENING]:
        yield f"I7: nobody runs the study, but trials {left} count as training"
    if rows and rows[-1].kind != "ended":
        yield f"I5: the run is over, but its last event is {rows[-1].kind!r}"


def _processes(trials: Path) -> Iterator[str]:
    """I6: no command of a trial outlives the run; each carries its folder in its environment.

    A function is no program of its own, and the kernel shows the environment of programs only:
    tests of functions look for processes below their own.
    """
    for process in psutil.process_iter():
        try:
            folder = process.environ().get("DANLU_FOLDER", "")
            alive = process.status() != psutil.STATUS_ZOMBIE
        except psutil.Error:
            continue
        if alive and Path(folder).parent == trials:
            yield f"I6: process {process.pid} still trains in {folder}"
