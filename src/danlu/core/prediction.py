"""What a trial would reach if it were trained on."""

from dataclasses import dataclass

NINETY = 1.6449  # standard deviations on either side that hold nine tenths


@dataclass(frozen=True, slots=True)
class Prediction:
    """A trial's value to come, in the objective's own units.

    Attributes:
        trial: Its number.
        epoch: For which epoch.
        value: The median.
        low: Lower end of the interval that holds the value with probability 0.9.
        high: Upper end.
    """

    trial: int
    epoch: int
    value: float
    low: float
    high: float

    @property
    def sd(self) -> float:
        """Standard deviation that the interval implies."""
        return (self.high - self.low) / (2 * NINETY)
