"""A parameter that was frozen is searched again where the ranges have changed under it.

That it makes no difference was concluded from trials in the ranges of that time. Once another
range goes beyond them, nothing says that it makes none there (specification, E1).
"""

from collections.abc import Iterator

from danlu.core.logbook import Entry
from danlu.core.sentence import say
from danlu.strategies.advised import REACH
from danlu.strategies.looks import Look
from danlu.strategies.ranges import range_of, told

REOPEN = "reopen"
WIDER = ("extend", REACH)  # codes of the lines by which a range goes beyond what it was


def reopen(look: Look) -> Iterator[Entry]:
    """The line that frees each frozen parameter of which that holds, once for each freezing."""
    for i, line in enumerate(look.history.logbook):
        if line.code != "freeze" or not line.data.get("ranges"):
            continue
        name: str = line.data["parameter"]
        if name not in look.box:
            continue
        later = look.history.logbook[i + 1 :]
        wider = sorted({n for e in later if e.code in WIDER for n in e.data.get("ranges", ())})
        freed = any(e.code == REOPEN and e.data["parameter"] == name for e in later)
        if freed or not wider:
            continue
        ranges = {name: line.data["before"][name]}
        yield look.entry(
            REOPEN,
            say("{name} made no difference before {wider} was extended", name=name, wider=wider),
            told(look.box, ranges), say("what makes none there may make one here"),
            parameter=name, ranges=ranges, before={name: range_of(look.box[name])},
        )  # fmt: skip
