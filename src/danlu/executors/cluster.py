"""What trials get of a Ray cluster; a value, so that nobody needs Ray to name it."""

from dataclasses import dataclass

from danlu.core.sentence import say
from danlu.errors import StudyError


@dataclass(frozen=True, slots=True)
class Cluster:
    """A Ray cluster, and what each worker takes of it.

    Example:
        >>> quarter = Cluster(cpus=2, gpus=0.25)  # four trials share a GPU

    Attributes:
        address: Of its head, such as ``"10.0.0.1:6379"``; None: what ``RAY_ADDRESS`` says, else
            the cluster that runs on this machine, else one that is made for the study.
        cpus: CPUs of a worker; training uses as many threads.
        gpus: GPUs of a worker: 0, a fraction of one, or a whole number.

    Raises:
        StudyError: If there can be no such worker.
    """

    address: str | None = None
    cpus: float = 1.0
    gpus: float = 0.0

    def __post_init__(self) -> None:
        if not 0 < self.cpus < 10_000:
            raise StudyError(
                say("cpus must be a number above 0, but got {cpus}.", cpus=repr(self.cpus))
            )
        if not 0 <= self.gpus < 10_000 or (self.gpus > 1 and self.gpus % 1):
            raise StudyError(say(
                "gpus must be a fraction up to 1, so that trials share a GPU, or a whole "
                "number, but got {gpus}.",
                gpus=repr(self.gpus),
            ))  # fmt: skip

    def __str__(self) -> str:
        gpus = f" and {self.gpus:g} GPU{'s' * (self.gpus > 1)}" if self.gpus else ""
        return f"{self.cpus:g} CPU{'s' * (self.cpus > 1)}{gpus}"
