"""A person's wishes, and how the tuner answers them: by a line in the study's log-book.

What is only for people (pins and notes) needs no tuner: readers fold the requests themselves.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from danlu.core.decision import Start
from danlu.core.event import Started
from danlu.core.history import History
from danlu.core.logbook import Entry
from danlu.core.sentence import say
from danlu.core.spec import Budget
from danlu.core.spending import started
from danlu.errors import ConfigError, StudyError

CODE = "request"  # of the log-book's entries that answer requests
ASKED = "asked"  # the stage of a trial that a person asked for

FOR_TUNER = {
    "pause": say(
        "begins no more trials until it is resumed; what runs goes to the end of its slice"
    ),
    "resume": say("goes on"),
    "stop": say("finishes what runs, then stops"),
    "stop now": say("ends what runs at once, then stops"),
    "stop trial": "ends one trial",
    "add budget": "may spend more",
    "enqueue": "trains a config that a person chose, before any other",
}
"""What the tuner acts on, and what it does then."""

FOR_PEOPLE = {
    "pin": "keeps a trial in sight",
    "unpin": "no longer does",
    "note": "writes down what a person thinks",
}
"""What only readers show."""

VERBS = (*FOR_TUNER, *FOR_PEOPLE)
WORDS = {
    "pause": say("pause"), "resume": say("resume"), "stop": say("stop"),
    "stop now": say("stop now"), "stop trial": say("stop trial"),
    "add budget": say("add budget"), "enqueue": say("enqueue"), "pin": say("pin"),
    "unpin": say("unpin"), "note": say("note"),
}  # fmt: skip
"""Each verb as a word that can be told in other languages."""


@dataclass(frozen=True, slots=True)
class Request:
    """A person's wish.

    Attributes:
        number: Counted from 1 within the study.
        verb: One of `VERBS`.
        trial: The trial it is about, if any.
        at: Seconds since 1970.
        data: What else it says: ``config`` of ``"enqueue"``, ``budget`` of ``"add budget"``,
            ``text`` of ``"note"``.
        by: Who asked, for the log-book.
    """

    number: int
    verb: str
    trial: int | None
    at: float
    data: Mapping[str, Any] = field(default_factory=dict)
    by: str = ""


NEEDS = {"enqueue": "config", "add budget": "budget", "note": "text"}
OF_TRIAL = ("stop trial", "pin", "unpin")
ANY_TIME = ("enqueue", *FOR_PEOPLE)
"""What need not wait for a tuner."""


def check_request(
    history: History,
    verb: str,
    trial: int | None,
    data: Mapping[str, Any],
    holder: str | None,
) -> None:
    """Refuse a wish that nobody could fulfil.

    Args:
        history: Of the study.
        verb: What is asked.
        trial: The trial it is about.
        data: What else it says.
        holder: Who runs the study, None if nobody does.

    Raises:
        StudyError: If it cannot be fulfilled; the message says why.
        ConfigError: If the config to try does not belong to the space.
    """
    name = history.spec.name
    if verb not in VERBS:
        raise StudyError(
            say("'{verb}' cannot be asked for; what can is: {verbs}.", verb=verb, verbs=VERBS)
        )
    if verb not in ANY_TIME and holder is None:
        raise StudyError(say(
            "nobody runs '{name}', so there is nothing to {verb}.", name=name, verb=WORDS[verb],
        ))  # fmt: skip
    if verb != "note" and (trial is None) == (verb in OF_TRIAL):
        missing = say("to {verb}, name a trial.", verb=WORDS[verb])
        raise StudyError(
            missing if trial is None else say("to {verb}, name no trial.", verb=WORDS[verb])
        )
    if trial is not None and trial not in history.trials:
        raise StudyError(say("'{name}' has no trial {trial}.", name=name, trial=trial))
    if set(data) != ({NEEDS[verb]} if verb in NEEDS else set()):
        wanted = NEEDS.get(verb)
        needed = say("'{name}' and nothing else", name=wanted) if wanted else say("nothing else")
        raise StudyError(say(
            "to {verb}, {needed} must be given, but got {given}.",
            verb=WORDS[verb], needed=needed, given=str(sorted(data)),
        ))  # fmt: skip
    if verb == "enqueue":
        if not isinstance(data["config"], Mapping):
            raise StudyError(say("the config must be a table of names and values."))
        history.spec.space.check(data["config"], complete=True)
    elif verb == "add budget":
        enlarged(history.spec.budget, str(data["budget"]))
    elif verb == "note" and not (isinstance(data["text"], str) and data["text"].strip()):
        raise StudyError(say("a note needs some text."))


def answer(request: Request, done: str, trial: int | None = None) -> Entry:
    """The log-book's entry that tells what became of a request."""
    who, verb = request.by or say("a person"), WORDS.get(request.verb, request.verb)
    asked = {"who": who, "verb": verb, "trial": request.trial}
    seen = (
        say("{who} asked to {verb}", **asked)
        if request.trial is None
        else say("{who} asked to {verb} {trial}", **asked)
    )
    data = {"request": request.number, "verb": request.verb}
    number = request.trial if trial is None else trial
    more = {} if number is None else {"trial": number}
    return Entry(CODE, "", seen, done, data=data | more)


def resumed_by_running() -> Entry:
    """The entry of a run that begins while the study is on hold."""
    data = {"request": 0, "verb": "resume"}
    return Entry(
        CODE, "", say("the study was on hold"), say("running it again resumes it"), data=data
    )


def answered(history: History) -> frozenset[int]:
    """Numbers of the requests that the tuner has answered."""
    return frozenset(e.data["request"] for e in history.logbook if e.code == CODE)


def on_hold(history: History) -> bool:
    """Whether a person paused the study and nobody resumed it."""
    verbs = [e.data["verb"] for e in history.logbook if e.code == CODE]
    return next((v for v in reversed(verbs) if v in ("pause", "resume")), "") == "pause"


def _start(request: Request, history: History) -> Start:
    """The trial that an ``"enqueue"`` asks for, trained in full on all data.

    Raises:
        ConfigError: If its config does not belong to the space.
    """
    config = history.spec.space.check(request.data.get("config") or {}, complete=True)
    why = say("asked for by {who}", who=request.by or say("a person"))
    return Start(config, history.spec.epochs, stage=ASKED, why=why)


def tried(request: Request, history: History, now: float) -> tuple[Started | None, Entry]:
    """The start of the trial that an ``"enqueue"`` asks for, None if it cannot be; the answer."""
    try:
        event = started(history, _start(request, history), now)
    except ConfigError as error:
        return None, answer(request, say("refused: {error}", error=error))
    if event is None:
        return None, answer(request, say("refused: the budget does not allow it"))
    return event, answer(request, say("trial {trial} tries it", trial=event.trial), event.trial)


def granted_budget(request: Request, history: History) -> tuple[History, str]:
    """The history with the budget that an ``"add budget"`` gives, and what was done."""
    try:
        budget = enlarged(history.spec.budget, str(request.data.get("budget", "")))
    except StudyError as error:
        return history, say("refused: {error}", error=error)
    spec = replace(history.spec, budget=budget)
    return replace(history, spec=spec), say("the budget is {budget} now", budget=budget)


def enlarged(budget: Budget, more: str) -> Budget:
    """A budget with more of what it limits.

    Args:
        budget: As it is.
        more: ``"10x"``, ``"30 trials"``, ``"2h"``, several with commas.

    Raises:
        StudyError: If the text cannot be read, or the budget has no such limit.
    """
    added, changed = Budget.parse(more), budget
    words = {"trainings": "full trainings", "trials": "trials", "seconds": "time"}
    for name, word in words.items():
        step, limit = getattr(added, name), getattr(budget, name)
        if step is None:
            continue
        if limit is None:
            raise StudyError(say(
                "the budget is {budget}: it does not limit {word}, so add another.",
                budget=budget, word=word,
            ))  # fmt: skip
        changed = replace(changed, **{name: limit + step})
    return changed


def pinned(requests: Iterable[Request]) -> list[int]:
    """The trials that are pinned, in the order of their pinning."""
    pins: dict[int, None] = {}
    for request in requests:
        if request.trial is not None and request.verb == "pin":
            pins[request.trial] = None
        elif request.trial is not None and request.verb == "unpin":
            pins.pop(request.trial, None)
    return list(pins)


def notes(requests: Iterable[Request]) -> list[Request]:
    """What people wrote down, oldest first."""
    return [r for r in requests if r.verb == "note" and r.data.get("text")]
