"""The move that checks the proxies: short trainings, and those on a part of the data."""

from collections.abc import Iterator

from danlu.core.decision import FULL, Proxy, on_part
from danlu.core.history import History
from danlu.core.logbook import Entry
from danlu.core.sentence import say
from danlu.strategies.differences import noise, spread
from danlu.strategies.looks import Look
from danlu.strategies.plan import ETA, coarse_epochs
from danlu.strategies.proxy_check import Double, ProxyCheck, check
from danlu.strategies.ranges import range_of
from danlu.strategies.rungs import Ranking, ranked_at

SPREAD_SE = 0.05  # of the middle half of the losses: what counts as nothing where no noise is seen


def check_proxy(look: Look) -> Iterator[Entry]:
    """Whether the cheap trainings rank configs as the dear ones do."""
    p, full = look.plan, look.history.spec.epochs
    coarse = coarse_epochs(full)
    rungs = [((coarse, FULL), (p.half_epochs, FULL)), ((p.half_epochs, FULL), (full, FULL))]
    if not p.proxy.full:
        rungs.append(((p.coarse_epochs, p.proxy), (p.half_epochs, FULL)))
    for cheap, dear in rungs:
        if (cheap[0] < dear[0] or cheap[1] != dear[1]) and look.number:
            yield from _judged(look, cheap, dear)


def _judged(look: Look, cheap: tuple[int, Proxy], dear: tuple[int, Proxy]) -> Iterator[Entry]:
    ranking = ranked_at(look.history, *cheap)
    found, lower = doubles(look.history, ranking, ranked_at(look.history, *dear))
    se = max(noise(look.history), SPREAD_SE * spread(y for _, y in found))
    seen = check(found, lower, ETA, se, look.history.spec.seed)
    name = rung_name(*cheap)
    if seen.verdict == verdict_of(look.history, name) and seen.verdict != "proxy_broken":
        return
    if seen.verdict == "proxy_unchecked" and verdict_of(look.history, name) is not None:
        return
    ranges = _restored(look) if seen.verdict == "proxy_broken" and dear[0] < _full(look) else {}
    why = (
        _too_few(seen.doubles, lower) if seen.verdict == "proxy_unchecked" else WHYS[seen.verdict]
    )
    yield look.entry(
        "proxy", _evidence(seen, name, dear[0]), ACTIONS[seen.verdict], why,
        rung=name, verdict=seen.verdict, doubles=seen.doubles, rho=seen.rho, low=seen.low,
        high=seen.high, tau=seen.tau, overlap=seen.overlap, regret=seen.regret, ranges=ranges,
    )  # fmt: skip


def _full(look: Look) -> int:
    return look.history.spec.epochs


ACTIONS = {
    "proxy_ok": say("the best third goes on, as planned"),
    "proxy_weak": say("twice as many go on"),
    "proxy_broken": say("this length decides nothing from now on; its results stay"),
    "proxy_unchecked": say("nothing: it is trusted as it is"),
}
WHYS = {
    "proxy_ok": say("short trainings rank configs as longer ones do"),
    "proxy_weak": say("the correlation may be below what promoting a third needs"),
    "proxy_broken": say("what is best in short trainings is not best in longer ones"),
}


def _too_few(doubles: int, lower: int) -> str:
    return say(
        "not enough evidence: configs known at both lengths: {doubles}, from the worse half: "
        "{lower}; 8 are needed, a fifth of them from there",
        doubles=doubles,
        lower=lower,
    )


def doubles(history: History, cheap: Ranking, dear: Ranking) -> tuple[list[Double], int]:
    """(losses of configs known at both lengths, how many are from the cheap one's worse half).

    On parts of the data a config is another trial than on all of it.
    """
    dear_losses = {_key(history, n): loss for loss, n in dear}
    found, lower = [], 0
    for place, (loss, n) in enumerate(cheap):
        key = _key(history, n)
        if key in dear_losses:
            found.append((loss, dear_losses[key]))
            lower += place >= len(cheap) / 2
    return found, lower


def _key(history: History, number: int) -> tuple[tuple[str, str], ...]:
    return tuple(sorted((n, repr(v)) for n, v in history.trials[number].config.items()))


def rung_name(epoch: int, proxy: Proxy) -> str:
    """A length as the log-book names it."""
    return f"epoch {epoch}{on_part(proxy)}"


def verdict_of(history: History, rung: str) -> str | None:
    """What the last check said of a length; None before any."""
    found = [e.data["verdict"] for e in history.logbook
             if e.code == "proxy" and e.data.get("rung") == rung]  # fmt: skip
    return found[-1] if found else None


def _evidence(seen: ProxyCheck, name: str, dear: int) -> str:
    if seen.rho is None:
        return say(
            "{name} beside epoch {dear}: configs known at both: {doubles}",
            name=name,
            dear=dear,
            doubles=seen.doubles,
        )
    return say(
        "{name} beside epoch {dear}: rank correlation {rho:.2f} (80 %: {low:.2f} to "
        "{high:.2f}, τ {tau:.2f}) over {doubles} configs; promoting by it loses {regret:.3g}",
        name=name,
        dear=dear,
        rho=seen.rho,
        low=seen.low,
        high=seen.high,
        tau=seen.tau,
        doubles=seen.doubles,
        regret=seen.regret,
    )


def _restored(look: Look) -> dict[str, list[object]]:
    """All ranges as they were before anything was concluded from the proxy."""
    return {n: range_of(p) for n, p in look.space.parameters.items()
            if n not in look.box or range_of(look.box[n]) != range_of(p)}  # fmt: skip
