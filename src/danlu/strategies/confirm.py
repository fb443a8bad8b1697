"""The last stage: the best configs and the default once more, all with the same fresh seeds.

Each gets two or three seeds, as the budget allows; with more budget, those that may still be the
best get further ones, until one of them is (sequential halving: Karnin, Koren and Somekh 2013).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from danlu.core.confirmation import (
    SEPARABLE,
    SHARED,
    Comparison,
    Confirmation,
    Finalist,
    confirmation,
)
from danlu.core.decision import Start
from danlu.core.history import History
from danlu.core.logbook import Entry
from danlu.core.record import TrialRecord
from danlu.core.sentence import say
from danlu.strategies.budgeting import TOLERANCE, fits
from danlu.strategies.fresh import Key, config_key
from danlu.strategies.plan import FINALISTS, FRESH_SEEDS, MOST_SEEDS
from danlu.strategies.rungs import ranked_at

DROPPED = 0.1  # probability of being the best below which a finalist gets no further seed
CERTAIN = 0.95  # probability of the winner at which no further seed is needed


@dataclass(frozen=True)
class Candidate:
    """A config that is trained again.

    Attributes:
        trial: The trial of the search that stands for it.
        known: Its repetitions by their seeds, also those that run or failed.
    """

    trial: TrialRecord
    known: dict[int, TrialRecord]

    @property
    def key(self) -> Key:
        return config_key(self.trial.config)


def confirm(history: History, budget: float) -> Start | None:
    """The next repetition, all candidates with one seed before the next; None when done.

    The candidates are chosen once all other trials have ended.
    """
    others = [t for t in history.trials.values() if t.stage != "confirm"]
    if any(t.state in ("running", "lost") for t in others) or not fits(history, 1.0, budget):
        return None
    room = _room(history, others, budget)
    candidates = _candidates(history, room)
    if room < SHARED or len(candidates) < 2:
        return None
    first_seeds = min(FRESH_SEEDS, room // len(candidates))
    # Negative numbers are no trial's, so these seeds are fresh.
    seeds = [history.spec.trial_seed(-s) for s in range(1, MOST_SEEDS + 1)]
    begun = sum(len(c.known) for c in candidates)
    for s, seed in enumerate(seeds):
        wanted = candidates if s < first_seeds else _in_play(history, candidates, seeds[:s])
        missing = [c for c in wanted if seed not in c.known]
        if s >= first_seeds and (first_seeds < FRESH_SEEDS or begun + len(missing) > room):
            return None
        if missing:
            return _again(
                history,
                missing[0],
                seed,
                say("{place} of {seeds}", place=s + 1, seeds=max(s + 1, first_seeds)),
            )
    return None


def _again(history: History, c: Candidate, seed: int, which: str) -> Start:
    default = history.default
    what = f"#{c.trial.number}"
    if default is not None and config_key(default.config) == c.key:
        what += say(", the default config,")
    why = say(
        "confirm: {what} again with fresh seed {which}{mean}",
        what=what,
        which=which,
        mean=_mean(c),
    )
    return Start(c.trial.config, history.spec.epochs, stage="confirm", seed=seed, why=why)


def _mean(c: Candidate) -> str:
    done = [c.trial, *c.known.values()]
    values = [t.value for t in done if t.value is not None and not t.open]
    return say(", mean so far {values:.4g}", values=sum(values) / len(values)) if values else ""


def _room(history: History, others: Sequence[TrialRecord], budget: float) -> int:
    """How many repetitions the budget pays for, those begun included."""
    spent = sum(history.cost(len(t.reports), t.proxy) for t in others)
    room = int(budget - spent + TOLERANCE)
    trials = history.spec.budget.trials
    return room if trials is None else min(room, trials - len(others))


def _candidates(history: History, room: int) -> list[Candidate]:
    """The best configs of the search, and the default where two seeds of all are paid for."""
    again: dict[Key, dict[int, TrialRecord]] = {}
    for t in history.trials.values():
        if t.stage == "confirm":
            again.setdefault(config_key(t.config), {})[t.seed] = t
    best = _finalists(history)
    count = FINALISTS if room >= SHARED * (FINALISTS + 1) else 2
    default = history.default
    chosen = best[:count]
    if default is not None and len(best) > 1 and room >= SHARED * (count + 1):
        if all(config_key(t.config) != config_key(default.config) for t in chosen):
            chosen.append(default)
        else:
            chosen = best[: count + 1]
    return [Candidate(t, again.get(config_key(t.config), {})) for t in chosen]


def _finalists(history: History) -> list[TrialRecord]:
    """The trials with the best distinct configs among those trained in full."""
    best: dict[Key, TrialRecord] = {}
    for _, number in ranked_at(history, history.spec.epochs):
        t = history.trials[number]
        fit = t.value is not None and t.state != "failed" and history.feasible(t)
        if fit and t.stage != "confirm":
            best.setdefault(config_key(t.config), t)
    return list(best.values())


def _in_play(
    history: History, candidates: Sequence[Candidate], seeds: Sequence[int]
) -> list[Candidate]:
    """Those that may be the best by their repetitions with some seeds, and so get one more.

    None while such a repetition runs, or when the winner is certain.
    """
    if any(c.known[s].open for c in candidates for s in seeds if s in c.known):
        return []
    spec = history.spec
    known = [t for t in history.trials.values() if t.stage != "confirm" or t.seed in seeds]
    seen = confirmation(known, spec.objective, spec.epochs, spec.constraints)
    if seen is None or (seen.chance or 0.0) >= CERTAIN:
        return []
    pairs = zip(seen.finalists, seen.comparisons, strict=True)
    alive = [config_key(f.best.config) for f, c in pairs if _may_win(f, c)]
    # What was dropped stays dropped: it has no repetition with the last seed.
    kept = [c for c in candidates if c.key in alive and seeds[-1] in c.known]
    return kept if len(kept) > 1 else []


def _may_win(f: Finalist, c: Comparison) -> bool:
    if not f.sound:
        return False
    return c.chance is None or c.chance >= DROPPED


def verdict(history: History) -> Entry | None:
    """The log-book's last line: what the confirmation says; None without one, or if it stands.

    A verdict is said again when further repetitions have come.
    """
    seen = history.confirmation
    if seen is None:
        return None
    repeats = sum(len(f.repeats) for f in seen.finalists)
    if any(e.code == "verdict" and e.data.get("repeats") == repeats for e in history.logbook):
        return None
    f, loss = seen.chosen, history.objective.loss
    first = seen.finalists[0]
    done = say("use the config of #{number}", number=f.best.number)
    if f is not first:
        done += say(
            ": cheaper than #{number}, and no worse beyond the noise",
            number=first.best.number,
        )
    data = {
        "repeats": repeats,
        "winner": f.best.number,
        "chance": seen.chance,
        "means": {str(g.best.number): loss(g.mean) for g in seen.finalists},
    }
    return Entry("verdict", "confirm", _means(history, seen), done, _how_sure(seen), data)


def _means(history: History, seen: Confirmation) -> str:
    loss, metric = history.objective.loss, history.objective.metric
    parts = []
    for f in seen.finalists:
        default = history.default
        named = default is not None and config_key(default.config) == config_key(f.best.config)
        what = say("the default") if named else f"#{f.best.number}"
        parts.append(
            say(
                "{what} {loss:.4g} ({counted} runs)",
                what=what,
                loss=loss(f.mean),
                counted=f.counted,
            )
        )
    return say("mean {metric}: {parts}", metric=metric, parts=parts)


def _how_sure(seen: Confirmation) -> str:
    if seen.runner_up is None:
        return say("nothing else was confirmed")
    other = f"#{seen.finalists[seen.runner_up].best.number}"
    if seen.unseeded:
        return say("all repetitions of a config are equal: the seed does not reach the training")
    if seen.chance is None:
        return say("not enough evidence to say how much better it is than {other}", other=other)
    words = say(
        "better than {other} with probability {chance:.2f}", other=other, chance=seen.chance
    )
    if not seen.separable:
        words += say(": not separable (below {separable:g})", separable=SEPARABLE)
    return words
