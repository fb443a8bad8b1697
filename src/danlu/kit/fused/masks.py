"""The dropout masks of all rows for a step, each row's from its own stream."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from danlu.kit.dropout import Dropout, draws, raw, scale, threshold
from danlu.kit.fused.row import Row
from danlu.kit.prepared import Tensors

AHEAD = 8  # steps whose masks are drawn at once: one call of the generator for each row
ALL_KEPT = -(1 << 15)  # the threshold that no 16 bits are below


@dataclass
class Call:
    """A layer of dropout in the order of the forward pass.

    Attributes:
        shape: Of its input for one row.
        p: Of each row.
    """

    shape: torch.Size
    p: list[float]

    @property
    def draws(self) -> int:
        return draws(self.shape.numel())

    @property
    def idle(self) -> bool:
        """Whether no row drops anything here."""
        return not any(self.p)


@dataclass
class Plan:
    """Which masks a step takes, for batches of one size.

    Attributes:
        rows: Of the stack.
        calls: The layers of dropout, as the forward pass comes to them.
    """

    rows: Sequence[Row]
    calls: list[Call]
    _bits: Tensor = field(default_factory=lambda: torch.empty(0, 0, 0, dtype=torch.int64))
    _used: int = 0

    @classmethod
    def of(cls, rows: Sequence[Row], x: Tensors) -> "Plan":
        """Run the first row's network once on one row's batch, to see what it drops out."""
        model, masks = rows[0].begun.model, rows[0].begun.masks
        names = {id(m): name for name, m in model.named_modules() if isinstance(m, Dropout)}
        seen: list[tuple[str, torch.Size]] = []

        def look(layer: Dropout, value: Tensor) -> None:
            seen.append((names[id(layer)], value.shape))

        kept, masks.take = masks.take, look
        state = {name: buffer.clone() for name, buffer in model.named_buffers()}
        try:
            with torch.no_grad():
                torch.func.functional_call(model, state, x)
        finally:
            masks.take = kept
        return cls(rows, [Call(shape, _ps(rows, name)) for name, shape in seen])

    def begin(self) -> None:
        """Forget what was drawn ahead: the streams of a new epoch have begun."""
        self._used = self._bits.shape[1]

    def next(self, like: Tensor, left: int) -> list[Tensor | None]:
        """The masks of the next step, (k, …) each, None where nothing is dropped.

        Args:
            like: Of the device and kind of numbers.
            left: Steps of the epoch that are left, this one among them; of the same size all but
                perhaps the last one.
        """
        active = [call for call in self.calls if not call.idle]
        if not active:
            return [None] * len(self.calls)
        if self._used >= self._bits.shape[1]:
            self._draw(max(1, min(AHEAD, left - 1)))
        bits = self._bits[:, self._used].view(torch.int16)
        self._used += 1
        ends, masks = 0, list[Tensor | None]()
        for call in self.calls:
            if call.idle:
                masks.append(None)
                continue
            own = bits[:, 4 * ends : 4 * ends + call.shape.numel()]
            ends += call.draws
            masks.append(_mask(own, call, like))
        return masks

    def _draw(self, steps: int) -> None:
        """Draw for some steps, (k, steps, draws)."""
        active = [call for call in self.calls if not call.idle]
        total = sum(call.draws for call in active)
        self._bits = torch.zeros(len(self.rows), steps, total, dtype=torch.int64)
        self._used = 0
        for i, row in enumerate(self.rows):
            parts = [call.draws for call in active if call.p[i]]
            if not parts:
                continue
            drawn = raw(steps * sum(parts), row.begun.masks.generator).view(steps, sum(parts))
            at = taken = 0
            for call in active:
                if call.p[i]:
                    self._bits[i, :, at : at + call.draws] = drawn[:, taken : taken + call.draws]
                    taken += call.draws
                at += call.draws


def _ps(rows: Sequence[Row], layer: str) -> list[float]:
    return [float(row.begun.model.get_submodule(layer).p) for row in rows]


def _mask(bits: Tensor, call: Call, like: Tensor) -> Tensor:
    """0 or 1 / (1 - p) for each unit of each row, (k, …), from 16 bits each."""
    limits = [threshold(p) if p else ALL_KEPT for p in call.p]
    kept = bits.ge(torch.tensor(limits, dtype=torch.int16)[:, None])
    scales = torch.tensor([[scale(p)] for p in call.p], dtype=like.dtype)
    return (kept * scales).view(len(bits), *call.shape).to(like.device)
