"""What is told of a step whose loss or gradient is no number: where, on what, and after what."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

LAST_NORMS = 20  # norms of gradients before it that are told
MOST_SAMPLES = 16  # of the batch that are told


class BreakdownError(ArithmeticError):
    """A step was not taken because the gradient's norm is NaN or infinite.

    Attributes:
        loss: Of the batch.
    """

    def __init__(self, loss: float) -> None:
        super().__init__(f"the gradient is no number (loss {loss:g})")
        self.loss = loss


def refuse(loss: Tensor, norm: Tensor) -> None:
    """Raise before a step that would make all weights NaN.

    Raises:
        BreakdownError: If the gradient's norm is not finite.
    """
    if not math.isfinite(norm.item()):
        raise BreakdownError(loss.item())


def told(
    model: nn.Module, inputs: Sequence[Tensor], batch: Tensor, epoch: int, lr: float,
    norms: Sequence[Tensor], error: BreakdownError,
) -> str:  # fmt: skip
    """A few lines for the log: epoch and step, samples, learning rate, norms, and the layer.

    Args:
        model: With the weights that it had.
        inputs: Of the batch.
        batch: Numbers of its samples in the training data.
        epoch: In which it happened.
        lr: Of the step.
        norms: Of the epoch's steps before it.
        error: What was raised.
    """
    samples = ", ".join(str(i) for i in batch[:MOST_SAMPLES].tolist())
    more = " …" if len(batch) > MOST_SAMPLES else ""
    before = " ".join(f"{n.item():.3g}" for n in norms[-LAST_NORMS:]) or "none in this epoch"
    return (
        f"Training broke down in step {len(norms) + 1} of epoch {epoch}: the loss of the batch is "
        f"{error.loss:.6g}, {_where(model, inputs)}. Learning rate {lr:g}. Norms of the gradient "
        f"before: {before}. Samples of the batch: {samples}{more}."
    )


def _where(model: nn.Module, inputs: Sequence[Tensor]) -> str:
    """The first layer whose output is no number, or that only the gradient is none."""
    if not all(_finite(x) for x in inputs if x.is_floating_point()):
        return "values of the inputs are no numbers"
    found: list[str] = []

    def hook(name: str) -> object:
        def look(module: nn.Module, _: object, output: object) -> None:
            parts = output if isinstance(output, tuple) else (output,)
            if any(isinstance(p, Tensor) and not _finite(p) for p in parts):
                found.append(f"{name} ({type(module).__name__})")

        return look

    leaves = [(n, m) for n, m in model.named_modules() if not list(m.children())]
    hooks = [m.register_forward_hook(hook(n or "the model")) for n, m in leaves]
    try:
        with torch.no_grad():
            model(*inputs)
    finally:
        for h in hooks:
            h.remove()
    if found:
        return f"the first layer that gives no numbers is {found[0]}"
    return "the outputs are numbers, their gradient is not"


def _finite(x: Tensor) -> bool:
    return bool(torch.isfinite(x).all())
