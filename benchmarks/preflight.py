"""Pre-flight against faults put in on purpose: which are named, and is the healthy twin silent?

    python benchmarks/preflight.py                # all parts, ten healthy seeds each
    python benchmarks/preflight.py --quick        # the perceptron on digits, three seeds

A fault is named when one of the checks that the catalogue expects gives an error or a warning.
Checks go on after errors here, so that the table shows everything that each fault sets off.
"""

import argparse
import time
from collections.abc import Iterator
from typing import Any

import torch
from faults import FAULTS, HEALTHY, PARTS, Case, build
from faults.models import Network
from torch import Tensor, nn

from danlu.preflight.checklist import Checklist
from danlu.preflight.examine import examine
from danlu.preflight.problem import Data, Problem

HEALTHY_SEEDS = 10
LIMIT_S = 600.0  # so that a busy machine does not decide

EXPECTED: dict[int, tuple[str, ...]] = {
    1: ("M09", "M13", "M16"), 2: ("M09", "M13", "M16"), 3: ("M09", "M13", "M16"),
    4: ("M09", "M13", "M16"), 5: ("M09", "M13"), 6: ("M09", "M13"), 8: ("M21",), 9: ("D14",),
    11: ("D05",), 12: ("D09", "M03"), 13: ("D10",), 14: ("D04",), 15: ("M02",), 16: ("M14",),
    17: ("M13", "M15"), 18: ("D03",), 19: ("M05", "M06", "M08"), 20: ("M05", "M07"),
    21: ("M04",), 22: ("M07", "M10"), 23: ("M03",), 24: ("M12", "M02"), 25: ("M01", "M13"),
    26: ("M19", "M13"), 27: ("M01", "M13"), 28: ("M08",), 29: ("M17",), 30: ("D13",),
    31: ("M09", "M13", "M16", "M02"), 32: ("M20", "M09", "M16"),
}  # fmt: skip
"""Number of the fault → the checks that must speak; 7 and 10 only curves can show."""


def problem_of(case: Case) -> Problem:
    """The case as pre-flight sees it."""
    d, s = case.data, case.settings

    def network(_: Any) -> nn.Module:
        return Network(case.part.partition("-")[2], d, s)

    def trained(model: nn.Module) -> list[nn.Parameter]:
        return case.trained(model)

    def step(model: nn.Module, optimizer: torch.optim.Optimizer, x: Tensor, y: Tensor) -> float:
        model.train()
        if s.zero_grad:
            optimizer.zero_grad()
        loss = s.sign * case.loss(model(x), y)
        loss.backward()
        nn.utils.clip_grad_norm_(trained(model), s.clip or float("inf"))
        optimizer.step()
        return loss.item()

    def evaluate(model: nn.Module, x: Tensor, y: Tensor) -> float:
        model.train(s.val_in_train_mode)
        with torch.no_grad():
            return case.loss(model(x), y).item()

    data = Data(
        x_train=d.x_train, y_train=d.y_train, x_val=d.x_val, y_val=d.y_val,
        shuffle=s.shuffle, ids=d.tokens,
    )  # fmt: skip
    params = {"batch_size": s.batch_size, "lr": s.lr} | ({"clip": s.clip} if s.clip else {})
    return Problem(
        data=data, build=network, loss=case.loss, step=step, evaluate=evaluate, params=params,
        optimizer=lambda weights, _: _optimizer(case, list(weights)),
    )  # fmt: skip


def _optimizer(case: Case, weights: list[nn.Parameter]) -> torch.optim.Optimizer:
    """The case's optimiser; a frozen body is left out, as in its own loop."""
    s = case.settings
    trained = weights[-2:] if s.frozen else weights  # the head's weights and bias
    if s.optimizer == "sgd":
        return torch.optim.SGD(trained, s.lr, momentum=s.momentum, weight_decay=s.weight_decay)
    return torch.optim.Adam(trained, s.lr, weight_decay=s.weight_decay)


def judged(case: Case) -> tuple[Checklist, float]:
    """The checklist of a case, and the seconds that it took."""
    begin = time.process_time()
    return examine(problem_of(case), go_on=True, limit_s=LIMIT_S), time.process_time() - begin


def said(checklist: Checklist) -> list[str]:
    """Codes of the checks that gave an error (!) or a warning."""
    return [
        f.code + ("!" if f.severity == "error" else "")
        for f in checklist.findings
        if f.severity != "info"
    ]


def faults(part: str, seed: int) -> Iterator[tuple[str, bool | None, list[str], float]]:
    """Name of the fault, whether it was named (None: only curves can), what was said, seconds."""
    for name, fault in FAULTS.items():
        if not fault.applies(part):
            continue
        checklist, seconds = judged(build(name, seed, part))
        codes = said(checklist)
        wanted = EXPECTED.get(fault.number)
        named = None if wanted is None else any(c.rstrip("!") in wanted for c in codes)
        yield name, named, codes, seconds


def report_faults(part: str) -> None:
    """Print a line for each fault, and how many were named."""
    print(f"\n{part}: faults")
    rows = []
    for name, named, codes, seconds in faults(part, seed=0):
        rows.append(named)
        sign = {True: "named", False: "MISSED", None: "(curves)"}[named]
        print(f"  {name:<28} {sign:<9} {seconds:5.1f} s  {' '.join(codes)}", flush=True)
    judgeable = [named for named in rows if named is not None]
    print(f"  named: {sum(judgeable)} of {len(judgeable)}")


def report_healthy(part: str, seeds: int) -> None:
    """Print what is said of healthy trainings."""
    print(f"{part}: healthy, {seeds} seeds")
    alarms = 0
    for seed in range(seeds):
        checklist, seconds = judged(build(HEALTHY, seed, part))
        alarms += bool(said(checklist))
        text = " ".join(said(checklist)) or "silent"
        print(f"  seed {seed:<2} {seconds:5.1f} s  {text}", flush=True)
    print(f"  false alarms: {alarms} of {seeds}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--parts", nargs="+", default=list(PARTS), choices=PARTS)
    parser.add_argument("--only", choices=["faults", "healthy"])
    given = parser.parse_args()
    torch.set_num_threads(1)
    for part in given.parts[:1] if given.quick else given.parts:
        if given.only != "healthy":
            report_faults(part)
        if given.only != "faults":
            report_healthy(part, 3 if given.quick else HEALTHY_SEEDS)


if __name__ == "__main__":
    main()
