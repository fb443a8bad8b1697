"""What a stack asks of the networks of its rows, however they are batched.

k: rows.  B: samples of a batch.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, TypeAlias

from torch import Tensor

from danlu.kit.prepared import Tensors

# Outputs (k, B, outputs) → loss of each row (k,), and its gradient by the outputs.
LossesOf: TypeAlias = Callable[[Tensor], tuple[Tensor, Tensor]]
Views: TypeAlias = Mapping[str, Tensor]  # name → a parameter of all rows, (k, …)


class Networks(Protocol):
    """The networks of all rows, whose parameters are views of one matrix."""

    def gradients(self, x: Tensors, masks: Sequence[Tensor | None], losses_of: LossesOf) -> Tensor:
        """Each row's loss, (k,), in training mode; its gradient goes to the views that were given.

        Args:
            x: Inputs, each (k, B, …).
            masks: Of the layers of dropout in the order of their calls, (k, B, …); None for one
                of ones.
            losses_of: Gives the losses of outputs, and their gradients.
        """
        ...

    def outputs(self, x: Tensors) -> Tensor:
        """Of the same samples (n, …) for all rows in evaluation mode, (k, n, outputs)."""
        ...
