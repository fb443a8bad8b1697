"""The fine stage: promising trials go on, new ones come from narrowed ranges."""

import math
from collections.abc import Iterator

from danlu.core.decision import FULL, Continue, Start, part
from danlu.core.history import History
from danlu.core.logbook import Entry
from danlu.core.sentence import say
from danlu.core.space import Space
from danlu.strategies.advised import Rung, advised, advising, answered
from danlu.strategies.budgeting import fits, trials_left
from danlu.strategies.draws import expected_config, modelled_config
from danlu.strategies.findings import answer
from danlu.strategies.fresh import config_key, fresh_config
from danlu.strategies.looks import Look, Move, due, lines, looked
from danlu.strategies.moves import narrow, widen
from danlu.strategies.plan import ETA, FINALISTS, Plan, coarse_epochs
from danlu.strategies.proxies import check_proxy, rung_name, verdict_of
from danlu.strategies.ranges import current
from danlu.strategies.reopening import reopen
from danlu.strategies.rungs import Ranking, ranked_at
from danlu.strategies.votes import shift

PROMISING = 6  # one of how many coarse trials goes on to half length
MODELLED = 2  # one of how many other draws comes from the model
STRATIFIED = 4  # other coarse trials that go on with them, to check what coarse results say
ENOUGH_WORSE = 3 * STRATIFIED  # of few trials, nearly all would go on
CHECK_PAYS = 10.0  # full trainings; with fewer the check would take more than it can save
CONTROL = 6  # one of how many draws comes from the whole space, lest the narrowing be wrong

REOPEN_SHARE = 0.15  # of a budget; less comes and goes with the estimate of the pace


def fine(space: Space, history: History, p: Plan) -> Start | Continue | Entry | None:
    """The next step of the fine stage, or a line that is due before it.

    None when the stage is over or must wait for coarse trials.
    """
    if not begun(history, p):
        return None
    limit = p.budget - p.confirm_runs + _confirmed(history)
    unreserved = limit - _finishing(history, p)
    halfway = ranked_at(history, p.half_epochs)
    promoted = _promoted(history, p, len(halfway))
    return (
        _promotion(history, halfway, promoted, limit)
        or _going_on(history, p, unreserved)
        or _advised(space, history, p, halfway, unreserved)
        or _draw(space, history, p, unreserved)
        or _promotion(history, halfway, FINALISTS, limit)
    )


def begun(history: History, p: Plan) -> bool:
    """Whether the stage goes on: enough coarse trials are known, and it is not over."""
    stages = [t.stage for t in history.trials.values()]
    limit = p.budget - p.confirm_runs + _confirmed(history)
    over = stages[-1:] == ["confirm"] and not _grown(history, p, limit)
    return not over and ("fine" in stages or not _too_early(history, p))


def looking(space: Space, history: History, p: Plan) -> list[Entry]:
    """What became of an advice, and the lines of a look at the ranges, if one is due."""
    halfway = ranked_at(history, p.half_epochs)
    rung = Rung("fine", p.half_epochs, FULL, halfway)
    if p.moves.findings and (said := answered(space, history, rung)) is not None:
        return [said]
    if not begun(history, p):
        return []
    now = due(_valued(halfway))
    if looked(history) < 0:
        rankings = [ranking for _, ranking in coarse_rankings(history, p)]
        first = Look(space, history, p, 0, max(rankings, key=_valued))
        if found := lines(first, _moves(p)):
            return found
    return lines(Look(space, history, p, now, halfway), _moves(p)) if now > looked(history) else []


def _moves(p: Plan) -> tuple[Move, ...]:
    """The moves of a look; the check of proxies costs nothing and is always made."""
    moves: tuple[Move, ...] = (check_proxy,)
    if p.moves.narrow or p.moves.findings:
        moves += (widen, narrow) if p.moves.narrow else (widen,)
    return (*moves, shift, answer, reopen) if p.moves.findings else moves


def _promoted(history: History, p: Plan, halfway: int) -> int:
    """How many of those at half length go on to the full one."""
    weak = verdict_of(history, rung_name(p.half_epochs, FULL)) == "proxy_weak"
    return (2 if weak else 1) * halfway // ETA


def _confirmed(history: History) -> float:
    """What the confirmation has taken so far, and will by what runs."""
    confirm = [t for t in history.trials.values() if t.stage == "confirm"]
    return sum(history.cost(t.until if t.open else t.epoch, t.proxy) for t in confirm)


def _grown(history: History, p: Plan, limit: float) -> bool:
    """Whether the budget was raised so much that the search goes on after a confirmation."""
    more = max(2.0, REOPEN_SHARE * p.budget)
    return fits(history, more, limit) and trials_left(history) >= 1 + p.confirm_runs


def _too_early(history: History, p: Plan) -> bool:
    """Whether coarse trials still run and less than half of them are known."""
    known = sum(len(ranking) for _, ranking in coarse_rankings(history, p))
    running = any(t.stage == "coarse" for t in history.running)
    return running and known < p.coarse_trials / 2


def coarse_rankings(history: History, p: Plan) -> list[tuple[int, Ranking]]:
    """(epoch, ranking) of trials at coarse length: on all data, and on a part where there are any.

    They are kept apart: a result on a part of the data says nothing beside one on all of it.
    """
    rankings = [(e := coarse_epochs(history.spec.epochs), ranked_at(history, e))]
    if not p.proxy.full:
        rankings.append((p.coarse_epochs, ranked_at(history, p.coarse_epochs, p.proxy)))
    return rankings


def _promotion(history: History, halfway: Ranking, top: int, limit: float) -> Continue | None:
    """The best paused trial among the top at half length goes on to the full one."""
    full = history.spec.epochs
    for place, (loss, number) in enumerate(halfway[:top], 1):
        t = history.trials[number]
        if not history.can_pause or t.state != "paused" or t.epoch >= full or math.isinf(loss):
            continue
        if fits(history, history.cost(full - t.epoch), limit):
            why = say(
                "fine: #{number} ranks {place} of {halfway} at half length",
                number=number,
                place=place,
                halfway=len(halfway),
            )
            return Continue(
                number, full, "fine", say("{why}, on to epoch {full}", why=why, full=full)
            )
    return None


def _going_on(history: History, p: Plan, limit: float) -> Start | Continue | None:
    """A promising coarse trial goes on; one on a part of the data begins again on all of it."""
    half = p.half_epochs
    tried = {config_key(t.config) for t in history.trials.values() if t.proxy.full}
    for epoch, number, what in _promising(history, p):
        t = history.trials[number]
        why = say(
            "fine: #{number} ranks {what} at epoch {epoch}",
            number=number,
            what=what,
            epoch=epoch,
        )
        if t.proxy.full and t.state == "paused" and t.epoch < half and history.can_pause:
            if fits(history, history.cost(half - t.epoch), limit):
                return Continue(
                    number, half, "fine", say("{why}, on to epoch {half}", why=why, half=half)
                )
        elif not t.proxy.full and config_key(t.config) not in tried and _room(history, p, limit):
            why = say("{why} on {part}, now on all of the data", why=why, part=part(t.proxy))
            return Start(t.config, _length(history, p), FULL, "fine", why=why)
    return None


def _promising(history: History, p: Plan) -> Iterator[tuple[int, int, str]]:
    """(epoch, trial, its place) of the coarse trials that go on."""
    for epoch, ranking in coarse_rankings(history, p):
        proxy = history.trials[ranking[0][1]].proxy if ranking else FULL
        trust = verdict_of(history, rung_name(epoch, proxy))
        if trust == "proxy_broken":
            continue
        count = math.ceil(len(ranking) / PROMISING) * (2 if trust == "proxy_weak" else 1)
        places = [*range(count), *_stratified(history, ranking, count, epoch, p)]
        for place in places:
            loss, number = ranking[place] if place < len(ranking) else (math.inf, 0)
            if math.isfinite(loss):
                check = "" if place < count else say(", to check what short trainings say,")
                yield (
                    epoch,
                    number,
                    say(
                        "{place} of {ranking}{check}",
                        place=place + 1,
                        ranking=len(ranking),
                        check=check,
                    ),
                )


def _stratified(history: History, ranking: Ranking, count: int, epoch: int, p: Plan) -> list[int]:
    """Places of trials that go on to check the short training, spread over the worse ones.

    Winners alone correlate far less than all do. None once enough of the worse ones went on,
    for whatever reason.
    """
    rest = _valued(ranking) - count
    if not p.moves.proxy_check or rest < ENOUGH_WORSE or p.budget < CHECK_PAYS:
        return []
    full = {config_key(t.config) for t in history.trials.values() if t.proxy.full}
    worse = [history.trials[n] for _, n in ranking[count : count + rest]]
    longer = [t.until > epoch if t.proxy.full else config_key(t.config) in full for t in worse]
    if sum(longer) >= STRATIFIED:
        return []
    return [count + (2 * i + 1) * rest // (2 * STRATIFIED) for i in range(STRATIFIED)]


def _advised(
    space: Space, history: History, p: Plan, halfway: Ranking, limit: float
) -> Start | Entry | None:
    """A config that follows what findings advise for one of the best, or the line before it."""
    if not p.moves.findings or not _room(history, p, limit):
        return None
    rung = Rung("fine", p.half_epochs, FULL, halfway)
    return advised(history, rung, _length(history, p)) or advising(space, history, rung)


def _draw(space: Space, history: History, p: Plan, limit: float) -> Start | None:
    """A new config from the ranges in force, or now and then from the whole space."""
    if not _room(history, p, limit):
        return None
    number, until = history.next_number, _length(history, p)
    box = current(space, history.logbook)
    config, reason = None, say("control, drawn from the whole space")
    if number % CONTROL == 0:
        config = fresh_config((space,), history)
    elif p.moves.model and number % MODELLED and (found := modelled_config(box, space, history)):
        config, reason = dict(found[0]), say("the model's choice, {found}", found=found[1])
    else:
        config, reason = (
            expected_config(box, space, history),
            say("drawn from the ranges in force"),
        )
    if config is None:
        return None
    why = say(
        "fine: {reason}, {until} of {epochs} epochs",
        reason=reason,
        until=until,
        epochs=history.spec.epochs,
    )
    return Start(config, until, FULL, "fine", why=why)


def _valued(ranking: Ranking) -> int:
    return sum(math.isfinite(loss) for loss, _ in ranking)


def _length(history: History, p: Plan) -> int:
    """How long a new fine trial is trained at first.

    What cannot pause trains on, and where half length tells nothing, all do.
    """
    broken = verdict_of(history, rung_name(p.half_epochs, FULL)) == "proxy_broken"
    return p.half_epochs if history.can_pause and not broken else history.spec.epochs


def _room(history: History, p: Plan, limit: float) -> bool:
    """Whether a new fine trial fits."""
    cost = history.cost(_length(history, p))
    return fits(history, cost, limit) and trials_left(history) >= 1 + p.confirm_runs


def _finishing(history: History, p: Plan) -> float:
    """What it takes to bring one trial to full length, two if there will be a confirmation."""
    full = history.spec.epochs
    if not history.can_pause:
        return 0.0
    there = sum(t.proxy.full and t.state != "failed" and t.until >= full
                for t in history.trials.values())  # fmt: skip
    wanted = 2 if p.confirm_runs else 1
    return max(0, wanted - there) * history.cost(full - p.half_epochs)
