"""The study's log-book: each stage and each move, in plain words."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

DISK = "disk"  # code of the lines that tell of what a run waits for: a disk, a store
CLUSTER = "cluster"  # of those that tell of a cluster without room


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the log-book.

    Attributes:
        code: Short name of the move, such as ``"stage"``, ``"narrow"``, ``"extend"``, ``"cut"``,
            ``"shift"``, ``"undo"``, ``"freeze"``, ``"proxy"``, ``"confirm"``, ``"verdict"``.
        stage: The plan's stage in which it happened.
        seen: What was seen, with its numbers.
        done: What was done; also when it was nothing, for want of evidence.
        why: The reason.
        data: What strategies read again, as plain JSON: ranges, trials, votes.
    """

    code: str
    stage: str
    seen: str
    done: str
    why: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)
