"""``danlu ls``: every study of a store, a line each."""

import json
from datetime import datetime

import click

from danlu.cli.options import is_running, opened, said, store_option
from danlu.cli.screen import ENDS, clean, console, grid
from danlu.core.history import History
from danlu.core.sentence import say
from danlu.reporting.progress import progress_of
from danlu.reporting.text import format_duration, format_value


@click.command()
@click.option("--json", "as_json", is_flag=True, help=say("One JSON object a line, for machines."))
@store_option
def command(as_json: bool, where: str) -> None:
    """List the studies of this folder, the newest last."""
    with opened(where) as store:
        rows = [
            (h, h.active and is_running(store, n))
            for n in store.studies()
            for h in [store.load(n)]
        ]
    if as_json:
        for history, running in rows:
            click.echo(json.dumps(_record(history, running)))
    else:
        _print(rows)


def state_of(history: History, running: bool) -> str:
    """``running``, ``killed``, ``not begun``, or how the last run ended."""
    if running:
        return "running"
    if history.active:
        return "killed"
    return history.outcome or "not begun"


def _record(history: History, running: bool) -> dict[str, object]:
    best = history.best
    return {
        "study": history.spec.name,
        "state": state_of(history, running),
        "objective": str(history.objective),
        "trials": len(history.trials),
        "trainings": round(history.trainings, 6),
        "seconds": round(history.seconds, 3),
        "best": best.value if best else None,
        "last_at": history.last_at,
    }


def _print(rows: list[tuple[History, bool]]) -> None:
    table = grid(
        said(say("study")), said(say("state")), f">{said(say('trials'))}", said(say("spent")),
        f">{said(say('time'))}", said(say("objective")), f">{said(say('best'))}",
        said(say("last event")),
    )  # fmt: skip
    for history, running in rows:
        best = history.best
        last = datetime.fromtimestamp(history.last_at).strftime("%Y-%m-%d %H:%M")  # local time
        table.add_row(
            clean(history.spec.name),
            said(ENDS[state_of(history, running)]),
            str(len(history.trials)),
            said(progress_of(history).text),
            format_duration(history.seconds),
            clean(str(history.objective)),
            format_value(best.value) if best else "–",
            last if history.last_at else "–",
        )
    console().print(table)
