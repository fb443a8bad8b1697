"""What is shown of a study in the list of studies, and of a trial on its own page."""

from pathlib import Path

from danlu.core.history import History
from danlu.core.request import on_hold
from danlu.reporting.payload import state_of
from danlu.reporting.progress import progress_of, usual_epoch_s
from danlu.reporting.ranges import drawable
from danlu.reporting.snippets import as_command, as_python, as_toml
from danlu.web.files import files_of, log_tail
from danlu.web.live import LiveStudy
from danlu.web.messages import FileRow, StudySummary, TrialDetail

MOST_STEPS = 60  # of the course of a study that its row draws


def summary_of(live: LiveStudy) -> StudySummary:
    """A study in one row."""
    history = live.history
    best = history.best
    states = [t.state for t in history.trials.values()]
    return StudySummary(
        name=history.spec.name,
        state=live_state(history, alive=live.holder is not None),
        metric=history.objective.metric,
        direction=history.objective.direction,
        best=best.value if best is not None else None,
        trials=len(states),
        running=states.count("running"),
        failed=states.count("failed"),
        last=history.last_at,
        share=progress_of(history).share,
        epoch_s=round(usual_epoch_s(history), 3),
        course=_course(history),
    )


def unread(name: str) -> StudySummary:
    """The row of a study that is still being read."""
    return StudySummary(
        name=name, state="reading", metric="", direction="min", best=None, trials=0, running=0,
        failed=0, last=0.0, share=None, epoch_s=0.0, course=[],
    )  # fmt: skip


def live_state(history: History, *, alive: bool) -> str:
    """The state of a study that one may look at while it runs."""
    if not history.active:
        state = state_of(history)
        return "starting" if alive and state == "not begun" else state
    if not alive:
        return "killed"
    return "paused" if on_hold(history) else "running"


def _course(history: History) -> list[float]:
    """The best value so far, each time that a trial improved it."""
    course: list[float] = []
    for t in history.trials.values():
        if t.value is None or not drawable(t.value) or not t.proxy.full or t.state == "failed":
            continue
        if not course or history.objective.better(t.value, course[-1]):
            course.append(t.value)
    return course[-MOST_STEPS:]


def detail_of(history: History, number: int, folder: Path) -> TrialDetail:
    """What is shown of one trial alone.

    Args:
        history: Of its study.
        number: The trial.
        folder: Its folder.
    """
    trial = history.trials[number]
    return TrialDetail(
        number=number,
        toml=as_toml(trial.config),
        python=as_python(trial.config),
        command=as_command(history.spec, trial) if history.spec.command else "",
        log=log_tail(folder) or trial.log,
        files=[FileRow(id=f.id, path=f.path, bytes=f.bytes) for f in files_of(folder)],
    )
