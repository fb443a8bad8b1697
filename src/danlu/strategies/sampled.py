"""Random and quasi-random search: every trial an independent draw, trained to full length.

Random draws cover each parameter's scale better than a grid with as many trials when only some
parameters matter (Bergstra and Bengio 2012); quasi-random ones do so more evenly still.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from danlu.core.decision import Decision, Note, Start
from danlu.core.history import History
from danlu.core.sentence import say
from danlu.core.space import Space
from danlu.strategies.deepen import probes
from danlu.strategies.encoding import usual_config
from danlu.strategies.full_length import length, unfinished
from danlu.strategies.options import check_flag, check_one_of, check_whole
from danlu.strategies.sampling import SAMPLERS


@dataclass(frozen=True)
class Sampled:
    """Draws configs until the budget is spent.

    Attributes:
        sampler: ``"random"`` or ``"quasi-random"``.
        epochs: How long each trial is trained; at most, and by default, the study's epochs.
        default_first: Whether the first trial is the default config.

    Raises:
        StudyError: If a value has the wrong type or range.
    """

    sampler: str
    epochs: int | None = None
    default_first: bool = True

    def __post_init__(self) -> None:
        check_one_of("random", "sampler", self.sampler, tuple(SAMPLERS))
        if self.epochs is not None:
            check_whole(self.sampler, "epochs", self.epochs, 1)
        check_flag(self.sampler, "default_first", self.default_first)

    def decide(self, space: Space, history: History, free_slots: int) -> Sequence[Decision]:
        begun, history = probes(space, history, free_slots)
        free_slots -= sum(not isinstance(d, Note) for d in begun)
        until = length(history, self.epochs)
        decisions: list[Decision] = [*begun, *unfinished(history, until, free_slots)]
        free_slots -= len(decisions) - len(begun)
        numbers = range(history.next_number, history.next_number + free_slots)
        return decisions + [self._start(space, history, n, until) for n in numbers]

    def _start(self, space: Space, history: History, number: int, until: int) -> Start:
        length = say("{until} of {epochs} epochs", until=until, epochs=history.spec.epochs)
        if number == 1 and self.default_first:
            return Start(
                usual_config(space), until, why=say("the default config, {length}", length=length)
            )
        config = SAMPLERS[self.sampler](space, history.spec.seed, number)
        return Start(
            config,
            until,
            why=say(
                "{sampler} draw {number}, {length}",
                sampler=self.sampler,
                number=number,
                length=length,
            ),
        )
