"""Carries out one piece of advice on a case, as a search or a person would."""

from dataclasses import replace
from typing import Any

from danlu.core.finding import Advice, Finding
from faults.case import Case
from faults.data import Data, load

ROLES = {
    "lr": "lr", "dropout": "dropout", "weight decay": "weight_decay", "width": "width",
    "layers": "layers", "batch size": "batch_size", "epochs": "epochs", "clip": "clip",
    "label smoothing": "label_smoothing",
}  # fmt: skip
WHOLE = ("width", "layers", "batch_size", "epochs")
LEAST = {"weight_decay": 1e-4}  # to multiply what is 0
LR_3 = Advice("multiply", "lr", 1 / 3)


def first_move(found: list[Finding]) -> Advice | None:
    """The first advice of the primary verdict that changes something now; None without any."""
    for advice in found[0].advice if found else ():
        if advice.action == "check" or (
            advice.action in ("multiply", "add", "set", "enable") and advice.parameter in ROLES
        ):
            return advice
    return None


def apply(advice: Advice, case: Case) -> Case:
    """The case with the advice followed once."""
    if advice.action == "check":
        return _checked(str(advice.amount), case)
    name = ROLES[str(advice.parameter)]
    old, amount = getattr(case.settings, name), float(advice.amount or 0.0)
    if advice.action == "multiply":
        new = max(old, LEAST.get(name, 0.0)) * amount
    else:
        new = old + amount if advice.action == "add" else amount
    new = max(1, round(new)) if name in WHOLE else max(0.0, new)
    return replace(case, settings=replace(case.settings, **{name: new}))


def _checked(what: str, case: Case) -> Case:
    """What a person does who looks where the advice points, and repairs only what is there."""
    true = load(case.part, case.seed)
    changed: dict[str, Any] = {}
    data = case.data
    if what == "weights":
        changed = {"init": "", "activation": "relu"}
    elif what == "loss":
        changed = {"softmax": False, "sign": 1.0}
    elif what == "zero_grad":
        changed = {"zero_grad": True}
    elif what == "inputs":
        data = _standardised(data)
    elif what == "data":
        data = replace(data, x_train=true.x_train, y_train=true.y_train)
    elif what == "labels" and len(data.y_train) == len(true.y_train):
        data = replace(data, y_train=true.y_train)
    elif what == "validation" and data.classes == true.classes:
        data = replace(data, x_val=true.x_val, y_val=true.y_val)
        changed = {"val_in_train_mode": False}
    return replace(case, data=data, settings=replace(case.settings, **changed))


def _standardised(d: Data) -> Data:
    if d.tokens:
        return d
    mean, sd = d.x_train.mean(0), d.x_train.std(0) + 1e-6
    return replace(d, x_train=(d.x_train - mean) / sd, x_val=(d.x_val - mean) / sd)
