"""Rows as one batched model: an epoch of all of them at once.

k: rows.  B: samples of a batch.  P, G: parameters and gradients of all rows, in blocks; each
parameter of the model is a view of one, (k, …).
"""

import math
import time
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from danlu.kit.breakdown import BreakdownError, told
from danlu.kit.fused.batched import Batched
from danlu.kit.fused.blocks import Layout, chosen, joined
from danlu.kit.fused.chain import Chain, chained
from danlu.kit.fused.clock import Clock
from danlu.kit.fused.losses import Losses
from danlu.kit.fused.masks import Plan
from danlu.kit.fused.moments import KINDS, Moments, kind_of, read_state, write_state
from danlu.kit.fused.networks import Networks
from danlu.kit.fused.optim import Optimisers
from danlu.kit.fused.row import Row
from danlu.kit.imbalance import class_weights
from danlu.kit.loop import (
    MOST_TRAIN_EVALUATED,
    Evaluation,
    epoch_seed,
    evaluations,
    learning_rates,
    order,
)
from danlu.kit.prepared import Tensors

FIXED = 0.25  # least share of a step's time that stays when rows leave: the cost of calls
EVALUATED = 1 << 13  # rows × samples at once without a gradient, which should fit into a cache


class Stack:
    """Rows of one signature, trained in step.

    Attributes:
        rows: Sorted by optimiser; the row i of every tensor is of ``rows[i]``.
        saved_at: When the rows were last brought home together, on the monotonic clock.
    """

    def __init__(self, rows: Sequence[Row]) -> None:
        self.rows = _sorted(rows)
        first = self.rows[0]
        self._part = first.setup.part
        on_cpu = self._part.y.device.type == "cpu"
        self._chain = chained(first.begun.model) if on_cpu and not first.others else None
        self._layout = Layout.of(first.trained)
        self._plans: dict[int, Plan] = {}
        self._inputs: dict[int, list[Tensor]] = {}  # by the number of samples
        self._step_s: dict[int, float] = {}  # by the number of rows
        self.saved_at = time.monotonic()
        self.P = joined([self._layout.flat(row.trained) for row in self.rows])
        self._buffers = _stacked([row.others for row in self.rows])
        self._moments = Moments.joined(
            [read_state(r.begun.optimizer, r.trained, self._layout) for r in self.rows]
        )
        self._ready()

    def _ready(self) -> None:
        """What follows from rows, parameters and state; again whenever the rows have changed."""
        smoothing = [r.setup.params.label_smoothing for r in self.rows]
        self._losses = Losses(
            self._part.regression,
            self._tensor(smoothing)[:, None] if any(smoothing) else None,
            self._class_weights(),
        )
        self.G = [torch.empty_like(p) for p in self.P]
        self._networks = self._made()
        self._optimisers = Optimisers(
            self.P, self.G, self._moments,
            [(r.begun.optimizer, r.setup.params.clip) for r in self.rows], self._layout,
        )  # fmt: skip
        self._plans, self._inputs = {}, {}

    def _made(self) -> Networks:
        p, g = self._layout.views(self.P), self._layout.views(self.G)
        if self._chain is not None:
            return Chain(self._chain, p, g)
        begun = self.rows[0].begun
        return Batched(begun.model, begun.masks, p, g, self._buffers, mixed=begun.mixed)

    def _tensor(self, numbers: Sequence[Any]) -> Tensor:
        return torch.tensor(numbers, dtype=self._like.dtype, device=self.device)

    @property
    def device(self) -> torch.device:
        """What computes."""
        return self._part.y.device

    @property
    def _like(self) -> Tensor:
        """Of the kind of numbers and the device that are trained with."""
        return self.P[0]

    def _class_weights(self) -> Tensor | None:
        """The weight of each class in each row's loss, (k, C); None without any."""
        wanted = [row.setup.params.class_weights for row in self.rows]
        if self._part.regression or not any(wanted):
            return None
        found = class_weights(self._part.y, self._part.shape.outputs).to(self._like.dtype)
        return torch.stack([found if w else torch.ones_like(found) for w in wanted])

    # ---- training

    def epoch(self) -> Tensor:
        """Train all rows for an epoch, and report it; the norms of the gradients, (k, steps)."""
        clock = Clock(self.device)
        rates = self.begin_epoch()
        steps = rates.shape[1]
        for i in range(steps):
            self.step(i, watched=True)
        self._step_s[len(self.rows)] = clock.spent_s() / steps
        norms = torch.stack(self._norms, dim=1)
        self.report(rates, norms, clock)
        return norms

    def begin_epoch(self) -> Tensor:
        """Draw each row's order and begin its streams; the learning rates, (k, steps)."""
        orders, rates = [], []
        size = self.rows[0].setup.params.batch_size
        for row in self.rows:
            seed, epoch, params = row.trial.seed, row.epoch + 1, row.setup.params
            row.begun.seed_masks(seed, epoch)
            orders.append(order(self._part, params, epoch_seed(seed, -epoch)))
            steps = -(-len(orders[-1]) // size)
            plateau, horizon = row.begun.plateau, row.trial.horizon
            rates.append(learning_rates(params, plateau, epoch, steps, horizon))
        self._batches = torch.stack(orders).split(size, dim=1)
        self._norms: list[Tensor] = []
        self._broken: dict[int, tuple[float, str]] = {}
        for plan in self._plans.values():
            plan.begin()
        self._rates = self._tensor(rates)
        self._optimisers.begin(self._rates)
        return self._rates

    def step(self, i: int, *, watched: bool = False) -> Tensor:
        """The step i of the epoch; each row's loss, (k,).

        If it is ``watched``, rows whose gradient is no number are noted as broken down.
        """
        *x, y = self._gathered(self._batches[i])
        masks = self._plan(tuple(x)).next(self._like, len(self._batches) - i)
        losses = self._networks.gradients(
            tuple(x), masks, lambda outputs: self._losses.of(outputs.to(self._like.dtype), y)
        )
        norms = self._optimisers.norms()
        if watched and not math.isfinite(norms.sum().item()):
            self._note_broken(i, tuple(x), losses, norms)
        self._norms.append(norms)
        self._optimisers.step(i, norms)
        return losses

    def _note_broken(self, i: int, x: Tensors, losses: Tensor, norms: Tensor) -> None:
        """Note what is told of rows that break down in step i, with the weights of before."""
        for at in torch.nonzero(~torch.isfinite(norms)).flatten().tolist():
            row = self.rows[at]
            if row.broken or at in self._broken:
                continue
            self._bring_tensors(row, at)
            lr = float(self._rates[at, i])
            self._broken[at] = lr, told(
                row.begun.model, [t[at] for t in x], self._batches[i][at], row.epoch + 1, lr,
                [n[at] for n in self._norms], BreakdownError(float(losses[at])),
            )  # fmt: skip

    def _gathered(self, batch: Tensor) -> list[Tensor]:
        """Inputs and targets of the samples (k, B), each (k, B, …).

        Taken as flat lists, five times as quick as by indexing, into memory that the next batch
        of the size uses again.
        """
        data, at = (*self._part.x, self._part.y), batch.flatten()
        if batch.shape[1] not in self._inputs:
            self._inputs[batch.shape[1]] = [t.new_empty(len(at), *t.shape[1:]) for t in data]
        found = zip(data, self._inputs[batch.shape[1]], strict=True)
        return [
            torch.index_select(t, 0, at, out=out).view(*batch.shape, *t.shape[1:])
            for t, out in found
        ]

    def _plan(self, x: Tensors) -> Plan:
        """Which masks a batch takes."""
        size = x[0].shape[1]
        if size not in self._plans:
            self._plans[size] = Plan.of(self.rows, tuple(t[0] for t in x))
        return self._plans[size]

    def expected_s(self) -> float:
        """Seconds of the processor that a row's share of a step takes, as far as is known.

        With few rows a step takes nearly the same however many there are; the time of the last
        number of rows that was trained is scaled accordingly.
        """
        k = len(self.rows)
        if k in self._step_s:
            return self._step_s[k] / k
        tried = min(self._step_s, key=lambda n: abs(n - k))
        return self._step_s[tried] * max(FIXED, k / tried) / k

    # ---- evaluation

    def report(self, rates: Tensor, norms: Tensor, clock: Clock) -> None:
        """Evaluate all rows and report their epoch."""
        part = self._part
        most = MOST_TRAIN_EVALUATED
        trained = self._evaluated(tuple(t[:most] for t in part.x), part.y[:most])
        val = self._evaluated(part.x_val, part.y_val)
        share = clock.wall_s() / len(self.rows)
        last = rates[:, -1].tolist()
        for i, row in enumerate(self.rows):
            if i in self._broken:
                row.break_down(*self._broken[i])
            elif not row.broken:
                row.report(trained[i], val[i], last[i], norms[i], share)

    def _evaluated(self, x: Tensors, y: Tensor) -> list[Evaluation]:
        size = max(1, EVALUATED // len(self.rows))
        found = [
            self._networks.outputs(part) for part in zip(*(t.split(size) for t in x), strict=True)
        ]
        # Samples last, as `Chain` gives them: rows of numbers that are copied as they are.
        turned = torch.cat([part.to(self._like.dtype).transpose(1, 2) for part in found], dim=2)
        outputs = turned.transpose(1, 2)
        return evaluations(outputs, y, self._part.scale)

    # ---- coming and going

    def bring_home(self, row: Row) -> None:
        """Bring a row's own network and optimiser up to date."""
        i = self._place(row)
        self._bring_tensors(row, i)
        one = self._moments.rows(slice(i, i + 1))
        write_state(row.begun.optimizer, row.trained, one, self._layout)

    @torch.no_grad()
    def _bring_tensors(self, row: Row, i: int) -> None:
        views = self._layout.views(self.P)
        for name, p in row.trained.items():
            p.copy_(views[name][i])
        for name, tensor in row.others.items():
            tensor.copy_(self._buffers[name][i])

    def _place(self, row: Row) -> int:
        return next(i for i, r in enumerate(self.rows) if r is row)

    def keep(self, rows: Sequence[Row]) -> None:
        """Let go of all rows but some; they are not brought home."""
        kept = torch.tensor([i for i, r in enumerate(self.rows) if any(r is k for k in rows)])
        self.rows = [self.rows[i] for i in kept.tolist()]
        self._take(kept)

    def join(self, rows: Sequence[Row]) -> None:
        """Take in further rows of the same signature."""
        other = Stack(rows)
        together = [*self.rows, *other.rows]
        sort = [i for i, _ in sorted(enumerate(together), key=lambda pair: _kind(pair[1]))]
        self.rows = [together[i] for i in sort]
        self.P = joined([self.P, other.P])
        self._buffers = {n: torch.cat([b, other._buffers[n]]) for n, b in self._buffers.items()}
        self._moments = Moments.joined([self._moments, other._moments])
        self._take(torch.tensor(sort))

    def _take(self, rows: Tensor) -> None:
        """Go on with some of what is there, in this order."""
        at = rows.to(self.device)
        self.P = chosen(self.P, at)
        self._buffers = {n: b[at] for n, b in self._buffers.items()}
        self._moments = self._moments.rows(at)
        self._ready()


def _kind(row: Row) -> int:
    return KINDS.index(kind_of(row.begun.optimizer))


def _sorted(rows: Sequence[Row]) -> list[Row]:
    return sorted(rows, key=_kind)


def _stacked(tables: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
    return {name: torch.stack([table[name] for table in tables]) for name in tables[0]}
