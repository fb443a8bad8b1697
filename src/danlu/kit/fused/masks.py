"""The dropout masks of all rows for a step, each row's from its own stream."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from danlu.kit.dropout import Dropout, draws, fill, scale, threshold
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

    def __post_init__(self) -> None:
        limits = [threshold(p) if p else ALL_KEPT for p in self.p]
        self._limits = torch.tensor(limits, dtype=torch.int16)[:, None]
        self._scales = torch.tensor([[scale(p)] for p in self.p])
        self._mask: Tensor | None = None

    def mask(self, bits: Tensor, like: Tensor) -> Tensor:
        """0 or 1 / (1 - p) for each unit of each row, (k, …), from 16 bits each.

        The next mask stands in the same memory: to fill it costs a fifth of asking for more.
        """
        if self._mask is None:
            self._mask = torch.empty(bits.shape, dtype=like.dtype)
        torch.ge(bits, self._limits, out=self._mask).mul_(self._scales)
        return self._mask.view(len(bits), *self.shape).to(like.device)

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

        model.train()
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
            masks.append(call.mask(own, like))
        return masks

    def _draw(self, steps: int) -> None:
        """Draw for some steps, (k, steps, draws)."""
        active = [call for call in self.calls if not call.idle]
        total = sum(call.draws for call in active)
        shape = (len(self.rows), steps, total)
        if self._bits.shape != shape:
            self._bits = torch.zeros(shape, dtype=torch.int64)
        self._used = 0
        for own, row, *ps in zip(self._bits, self.rows, *(call.p for call in active), strict=True):
            if all(ps):
                fill(own.view(-1), row.begun.masks.generator)
            else:
                _fill_some(own, [(call.draws, p) for call, p in zip(active, ps, strict=True)], row)


def _fill_some(bits: Tensor, of: Sequence[tuple[int, float]], row: Row) -> None:
    """Draw for the layers where a row drops anything, (steps, draws): others take no draws."""
    places = torch.cat([torch.full((n,), p > 0.0) for n, p in of])
    wanted = len(bits) * int(places.sum())
    if wanted:
        drawn = fill(torch.empty(wanted, dtype=torch.int64), row.begun.masks.generator)
        bits[:, places] = drawn.view(len(bits), -1)


def _ps(rows: Sequence[Row], name: str) -> list[float]:
    layers = [row.begun.model.get_submodule(name) for row in rows]
    return [layer.p for layer in layers if isinstance(layer, Dropout)]
