"""The seam of all executors: jobs in, events out."""

from collections.abc import Sequence
from typing import Protocol

from danlu.core.event import Event
from danlu.core.job import Job


class Executor(Protocol):
    """Trains trials, some at a time.

    Each `launch` ends in exactly one closing event (`Paused`, `Finished`, `Stopped`, `Failed` or
    `Lost`), whatever happens to the process, and every report comes before it. Not safe for
    several threads.

    Attributes:
        workers: How many trials run at once.
        can_pause: Whether a trial can be continued after its `Paused`.
        takes_fraction: Whether training accepts a data fraction; None = it will show.
        takes_classes: Whether training accepts a number of classes; None = it will show.
    """

    workers: int
    can_pause: bool
    takes_fraction: bool | None
    takes_classes: bool | None

    @property
    def free_slots(self) -> int:
        """How many jobs may be launched now."""
        ...

    def launch(self, job: Job) -> None:
        """Train a trial up to ``job.until``; it may be new, paused or lost.

        Raises:
            LaunchError: If training can never be started, e.g. its module cannot be imported.
            DiskFullError: If it can be started once there is space on the disk; nothing was done.
        """
        ...

    def stop(self, trial: int) -> None:
        """End a trial: a running one closes with `Stopped` soon, a paused one is let go."""
        ...

    def collect(self, timeout_s: float) -> Sequence[Event]:
        """What happened since the last call; waits up to ``timeout_s`` for something.

        Raises:
            LaunchError: As `launch`, when it shows only now.
        """
        ...

    def close(self) -> None:
        """End every process at once and wait until they are gone.

        A last `collect` gives what they reported before, and how they ended.
        """
        ...
