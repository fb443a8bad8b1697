"""The losses of all rows and their gradients by the outputs, without a tape.

k: rows.  B: samples of a batch.  C: classes.  p: softmax of the outputs.  w: weights of the
classes.  s: label smoothing.  W: sum over the batch of the weights of its samples' classes.

Cross-entropy with both, as torch defines it, is for each row

    Σ_i [(1 - s) w_y (-log p_y) + s / C Σ_c w_c (-log p_c)] / W,

and its gradient by the output of sample i for class c

    [p_c ((1 - s) w_y + s / C Σ w) - (1 - s) w_y [c = y] - s / C w_c] / W.
"""

from dataclasses import dataclass

from torch import Tensor
from torch.nn.functional import log_softmax


@dataclass(frozen=True)
class Losses:
    """The loss whose gradient each row follows.

    Attributes:
        regression: Squared error instead of cross-entropy.
        smoothing: Of each row, (k, 1); None without any.
        weights: Of each class in each row's loss, (k, C); None for equal ones.
    """

    regression: bool
    smoothing: Tensor | None = None
    weights: Tensor | None = None

    def of(self, outputs: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Losses and gradients.

        Args:
            outputs: (k, B, C), or (k, B, 1) for numbers.
            y: Targets, (k, B).

        Returns:
            Each row's loss, (k,), and its gradient by the outputs, shaped like them.
        """
        if self.regression:
            error = outputs.squeeze(2) - y
            return error.square().mean(1), error.mul_(2.0 / y.shape[1]).unsqueeze(2)
        # Samples last: along an axis as short as that of the classes torch takes five times as
        # long, and `Chain` gives outputs that lie so in memory.
        log_p = log_softmax(outputs.transpose(1, 2), dim=1)
        own = log_p.gather(1, y[:, None]).squeeze(1)
        if self.smoothing is None and self.weights is None:
            less = own.new_full((1, 1, 1), -1.0).expand(len(y), 1, y.shape[1])
            gradient = log_p.exp_().scatter_add_(1, y[:, None], less)
            return -own.mean(1), gradient.mul_(1.0 / y.shape[1]).transpose(1, 2)
        return self._weighed(log_p, own, y)

    def _weighed(self, log_p: Tensor, own: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        k, classes, _ = log_p.shape
        w = log_p.new_ones(k, classes) if self.weights is None else self.weights
        s = log_p.new_zeros(k, 1) if self.smoothing is None else self.smoothing
        of_own = w.gather(1, y)
        share = 1.0 / of_own.sum(1, keepdim=True)  # 1 / W
        own_share = (1.0 - s) * share * of_own
        even = (s / classes * share * w)[:, :, None]
        losses = -(own_share * own).sum(1) - (even * log_p).sum((1, 2))
        gradient = log_p.exp().mul_((own_share + even.sum(1))[:, None]).sub_(even)
        gradient.scatter_add_(1, y[:, None], -own_share[:, None])
        return losses, gradient.transpose(1, 2)
