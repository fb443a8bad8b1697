"""How well the trial diagnosis names faults, on trainings whose fault is known.

    python benchmarks/diagnosis.py --cache /tmp/curves      # about 15 minutes on one core
    python benchmarks/diagnosis.py --quick                  # one seed, three parts: two minutes
    python benchmarks/diagnosis.py --cache … --calibrate    # write how sure the verdicts are

Thresholds may be changed by what the first parts (tune) show, never by the others. A fault counts
if it did harm (the kill criterion): the best validation accuracy is more than two standard errors
below that of the healthy twins, or 90 % of the twin's skill took more than twice as many epochs.
With ``--cache`` curves are kept, so that rules can be scored again in seconds.
"""

import argparse
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import torch
from faults import DATA, FAMILIES, FAULTS, FRESH, HEALTHY, PARTS, TUNE, Case, build, calibration
from faults.baselines import autotrainer, umlaut
from faults.repairs import LR_3, apply, first_move
from faults.runs import Runs, history_of
from faults.scoring import Judged, Twins, alarms, any_of, best, harmless, healthy, share
from table import markdown

from danlu.core.finding import Advice, Finding
from danlu.diagnosis.verdicts import verdicts

GROUPS = {"tune": TUNE, "held-out families": FAMILIES, "held-out data": DATA, "never seen": FRESH}
HEALTHY_SEEDS = 10
ADVICE_SEEDS = 1  # so many seeds are trained again by their advice
SLOW = FAMILIES  # where the baseline advice is not tried


class Clock:
    """Tells how far the trainings are, and how long the rest takes."""

    def __init__(self, total: int) -> None:
        self._total, self._done, self._began = total, 0, time.monotonic()
        self._told = -1.0

    def tick(self, what: str) -> None:
        """One of the trainings is done."""
        self._done += 1
        now = time.monotonic()
        if now - self._told > 10 or self._done == self._total:
            self._told = now
            left = (now - self._began) / self._done * (self._total - self._done)
            print(f"  {self._done}/{self._total} {what}, {left:.0f} s left", flush=True)


def cases(parts: Sequence[str], seeds: int) -> Iterator[Case]:
    """All runs that are judged, healthy ones first."""
    for part in parts:
        for seed in range(HEALTHY_SEEDS):
            yield build(HEALTHY, seed, part)
        for name, fault in FAULTS.items():
            if fault.applies(part):
                yield from (build(name, seed, part) for seed in range(seeds))


def diagnosed(case: Case, runs: Runs) -> list[Finding]:
    """What danlu says of a run, knowing what pre-flight tells of the data."""
    curves = runs.curves(case)
    known = (
        runs.linear_metric(case.part, case.seed) if case.data.classes == _classes(case) else None
    )
    history = history_of(curves, case.settings, replace(curves.task, linear_metric=known))
    return verdicts(history, history.trials[1])


def _classes(case: Case) -> int:
    return build(HEALTHY, case.seed, case.part).data.classes


Tool = Callable[[Case], Sequence[str]]


def judge(parts: Sequence[str], seeds: int, runs: Runs, tool: Tool) -> list[Judged]:
    """All runs with what a tool says of them."""
    found = []
    for part in parts:
        twins = Twins([runs.curves(build(HEALTHY, s, part)) for s in range(HEALTHY_SEEDS)])
        for case in cases([part], seeds):
            curves = runs.curves(case)
            worse = case.fault != HEALTHY and twins.worse(curves)
            slower = case.fault != HEALTHY and twins.slower(curves, twins.curves[case.seed])
            killed = worse or slower
            killed |= case.fault != HEALTHY and FAULTS[case.fault].constructed
            found.append(Judged(case, curves, tuple(tool(case)), killed, worse))
    return found


def tools(runs: Runs) -> dict[str, Tool]:
    """Name → what judges the curves of a case."""
    return {
        "danlu": lambda case: [f.code for f in diagnosed(case, runs)],
        "UMLAUT's rules": lambda c: umlaut(runs.curves(c).reports, c.settings.dropout),
        "AUTOTRAINER's rules": lambda c: autotrainer(runs.curves(c).reports),
        "always lr_too_high": lambda _: ["lr_too_high"],
    }


def overview(parts: Sequence[str], seeds: int, runs: Runs) -> list[list[str]]:
    """A row for each tool and group of parts."""
    rows = []
    for name, tool in tools(runs).items():
        for group, members in GROUPS.items():
            chosen = [p for p in members if p in parts]
            if chosen:
                rows.append([f"{name}, {group}", *_row(judge(chosen, seeds, runs, tool))])
    return rows


def _row(judged: list[Judged]) -> list[str]:
    n, primary, any_right = any_of(judged)
    well, mild = healthy(judged), harmless(judged)
    unclear = sum(r.primary == "unclear" for r in judged if r.killed)
    length = sum(len(r.said) for r in judged) / len(judged)
    return [
        share(primary, n), share(any_right, n), share(len(alarms(well)), len(well)),
        share(len(alarms(mild)), len(mild)), str(unclear), f"{length:.1f}",
    ]  # fmt: skip


def per_verdict(judged: list[Judged]) -> list[list[str]]:
    """Precision and recall of each code."""
    rows = []
    codes = Counter(code for r in judged for code in r.said)
    for code in sorted({*codes, *(c for r in judged for c in r.expected)}):
        said = [r for r in judged if code in r.said and (r.named or r.case.fault == HEALTHY)]
        first = [r for r in said if r.primary == code]
        due = [r for r in judged if r.expected[:1] == (code,)]
        if code in ("good", "still_improving", "plateau", "saturated_early"):
            continue
        rows.append([
            code,
            share(sum(code in r.named for r in first), len(first)),
            share(sum(code in r.named for r in said), len(said)),
            share(sum(bool(set(r.said) & set(r.expected)) for r in due), len(due)),
        ])  # fmt: skip
    return rows


def per_fault(judged: list[Judged], parts: Sequence[str]) -> list[list[str]]:
    """Each fault: how often harmful, how often named, and what was said."""
    rows = []
    for name in FAULTS:
        row = [name]
        for part in parts:
            own = [r for r in judged if r.case.fault == name and r.case.part == part]
            shown = [r for r in own if r.expected]
            hits = sum(bool(set(r.said) & set(r.expected)) for r in shown)
            row.append(f"{hits}/{len(shown)}" if shown else ("·" if own else ""))
        misses = Counter(
            r.primary for r in judged
            if r.case.fault == name and r.expected and not set(r.said) & set(r.expected)
        )  # fmt: skip
        rows.append([*row, ", ".join(f"{code} {n}" for code, n in misses.most_common())])
    return rows


def moves(judged: list[Judged], runs: Runs) -> list[tuple[Judged, Advice | None]]:
    """Runs that lost much of the metric, each with the first advice on it.

    Imbalance is left out: its two overlapping classes are another task than the twin's ten.
    """
    lost = [r for r in judged if r.worse and r.case.fault != "99:1 imbalance"]
    return [(r, first_move(diagnosed(r.case, runs))) for r in lost]


def recovered(run: Judged, advice: Advice | None, runs: Runs) -> bool:
    """Whether the run, trained again with the advice, wins back half of what was lost."""
    if advice is None:
        return False
    case = run.case
    again = runs.curves(apply(advice, case), change=described(advice))
    twin = best(runs.curves(build(HEALTHY, case.seed, case.part)))
    return best(again) >= best(run.curves) + 0.5 * (twin - best(run.curves))


def described(advice: Advice) -> str:
    """The advice in a few words: the name of the run that follows it."""
    amount = f"{advice.amount:g}" if isinstance(advice.amount, float) else f"{advice.amount}"
    return " ".join(filter(None, (advice.action, advice.parameter, amount)))


def recovery(parts: Sequence[str], seeds: int, runs: Runs) -> list[list[str]]:
    """A row for each group of parts."""
    rows = []
    for group, members in GROUPS.items():
        chosen = [p for p in members if p in parts]
        if not chosen:
            continue
        todo = moves(judge(chosen, seeds, runs, tools(runs)["danlu"]), runs)
        clock = Clock(len(todo))
        results = []
        for run, advice in todo:
            results.append((run, advice, recovered(run, advice, runs)))
            clock.tick(f"first advice, {group}")
        rows.append([group, *_recovered(results, runs)])
    return rows


def _recovered(results: list[tuple[Judged, Advice | None, bool]], runs: Runs) -> list[str]:
    checks = [ok for _, a, ok in results if a is not None and a.action == "check"]
    changes = [ok for _, a, ok in results if a is not None and a.action != "check"]
    first_seed = [r for r, _, _ in results if r.case.seed == 0]
    thirds = [recovered(r, LR_3, runs) for r in first_seed if r.case.part not in SLOW]
    return [
        share(sum(ok for *_, ok in results), len(results)),
        share(sum(changes), len(changes)), share(sum(checks), len(checks)),
        str(sum(a is None for _, a, _ in results)), share(sum(thirds), len(thirds)),
    ]  # fmt: skip


def calibrated(parts: Sequence[str], seeds: int, runs: Runs) -> list[calibration.Said]:
    """The verdicts on all runs, each with whether it is right."""
    return calibration.said((case, diagnosed(case, runs)) for case in cases(parts, seeds))


def reliabilities(parts: Sequence[str], seeds: int, runs: Runs) -> None:
    """Print how sure the verdicts are beside how often they are right."""
    groups = {"tune": TUNE, "held out": (*FAMILIES, *DATA), "never seen": FRESH}
    for group, members in groups.items():
        if chosen := [p for p in members if p in parts]:
            head = [f"confidence, {group}", "verdicts", "sure", "right",
                    "by the specification", "sure", "right"]  # fmt: skip
            rows = calibration.reliability(calibrated(chosen, seeds, runs))
            print(markdown(head, rows), end="\n\n")


def train_all(parts: Sequence[str], seeds: int, runs: Runs) -> None:
    """Train what is not in the cache."""
    todo = [case for case in cases(parts, seeds) if not runs.has(case)]
    clock = Clock(len(todo))
    for case in todo:
        runs.curves(case)
        clock.tick(f"trainings, {case.part}")


def main() -> None:
    parser = argparse.ArgumentParser(description="How well the trial diagnosis names faults.")
    parser.add_argument("--cache", type=Path, help="a folder to keep curves in")
    parser.add_argument("--quick", action="store_true", help="one seed of the quick parts")
    parser.add_argument("--parts", nargs="*", choices=PARTS, default=PARTS)
    parser.add_argument("--advice-seeds", type=int, default=ADVICE_SEEDS, choices=(1, 2, 3))
    parser.add_argument("--no-recovery", action="store_true", help="do not train by advice")
    parser.add_argument(
        "--calibrate", action="store_true", help="write the confidences from the tune parts"
    )
    given = parser.parse_args()
    torch.set_num_threads(1)
    quick = (TUNE[0], "cancer-mlp", "wine-mlp")
    parts = [p for p in given.parts if not given.quick or p in quick]
    seeds, runs = (1 if given.quick else 3), Runs(given.cache)
    if given.calibrate:
        train_all(TUNE, seeds, runs)
        calibration.write(calibrated(TUNE, seeds, runs))
        return
    train_all(parts, seeds, runs)
    head = ["", "primary right", "any right", "false alarms, healthy", "harmless", "unclear",
            "verdicts a run"]  # fmt: skip
    print(markdown(head, overview(parts, seeds, runs)), end="\n\n")
    judged = judge(parts, seeds, runs, tools(runs)["danlu"])
    head = ["verdict", "precision, primary", "precision", "recall"]
    print(markdown(head, per_verdict(judged)), end="\n\n")
    print(markdown(["fault", *parts, "else"], per_fault(judged, parts)), end="\n\n")
    reliabilities(parts, seeds, runs)
    if not given.no_recovery:
        head = ["won back half", "all", "by a parameter", "by a check", "no advice", "lr ÷ 3"]
        print(markdown(head, recovery(parts, given.advice_seeds, runs)))


if __name__ == "__main__":
    main()
