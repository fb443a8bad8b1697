"""Rows as one batched model: an epoch of all of them at once.

k: rows.  B: samples of a batch.  n: numbers that a row learns.  P, G: parameters and gradients,
(k, n); each parameter of the model is a view of P, (k, …).
"""

import time
from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Any

import torch
from torch import Tensor

from danlu.kit.fused import optim
from danlu.kit.fused.batched import Batched
from danlu.kit.fused.chain import Chain, chained
from danlu.kit.fused.clock import Clock
from danlu.kit.fused.losses import Losses
from danlu.kit.fused.masks import Plan
from danlu.kit.fused.networks import Networks
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
        sizes = {name: p.numel() for name, p in first.trained.items()}
        self._ends = dict(zip(sizes, accumulate(sizes.values()), strict=True))
        self._shapes = {name: p.shape for name, p in first.trained.items()}
        self._matrices = sum(p.numel() for p in first.trained.values() if p.ndim > 1)
        self._plans: dict[int, Plan] = {}
        self._step_s: dict[int, float] = {}  # by the number of rows
        self.saved_at = time.monotonic()
        self.P = torch.cat([_flat(row) for row in self.rows])
        self._buffers = _stacked([row.others for row in self.rows])
        n = self.P.shape[1]
        self._moments = _joined(
            [optim.read_state(r.begun.optimizer, [*r.trained.values()], n) for r in self.rows]
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
        self.G = torch.empty_like(self.P)
        self._networks = self._made()
        self._optimisers = optim.Optimisers(
            self.P, self.G, self._moments,
            [(r.begun.optimizer, r.setup.params.clip) for r in self.rows], self._matrices,
        )  # fmt: skip
        self._plans = {}

    def _made(self) -> Networks:
        p, g = self._views(self.P), self._views(self.G)
        if self._chain is not None:
            return Chain(self._chain, p, g)
        begun = self.rows[0].begun
        return Batched(begun.model, begun.masks, p, g, self._buffers, mixed=begun.mixed)

    def _tensor(self, numbers: Sequence[Any]) -> Tensor:
        return torch.tensor(numbers, dtype=self.P.dtype, device=self.P.device)

    def _views(self, flat: Tensor) -> dict[str, Tensor]:
        """Each parameter of all rows, (k, …), in the memory of ``flat``."""
        return {
            name: flat[:, end - shape.numel() : end].view(len(flat), *shape).detach()
            for (name, end), shape in zip(self._ends.items(), self._shapes.values(), strict=True)
        }

    def _class_weights(self) -> Tensor | None:
        """The weight of each class in each row's loss, (k, C); None without any."""
        wanted = [row.setup.params.class_weights for row in self.rows]
        if self._part.regression or not any(wanted):
            return None
        found = class_weights(self._part.y, self._part.shape.outputs).to(self.P.dtype)
        return torch.stack([found if w else torch.ones_like(found) for w in wanted])

    # ---- training

    def epoch(self) -> Tensor:
        """Train all rows for an epoch, and report it; the norms of the gradients, (k, steps)."""
        clock = Clock(self.P.device)
        rates = self.begin_epoch()
        norms = [self.step(i)[1] for i in range(rates.shape[1])]
        self._step_s[len(self.rows)] = clock.spent_s() / len(norms)
        found = torch.stack(norms, dim=1)
        self.report(rates, found, clock)
        return found

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
        self._rates = self._tensor(rates)
        for plan in self._plans.values():
            plan.begin()
        return self._rates

    def step(self, i: int) -> tuple[Tensor, Tensor]:
        """The step i of the epoch; each row's loss, and its gradient's norm before clipping."""
        batch, lr = self._batches[i], self._rates[:, i : i + 1]
        x, y = tuple(_gathered(t, batch) for t in self._part.x), _gathered(self._part.y, batch)
        masks = self._plan(x).next(self.P, len(self._batches) - i)
        losses = self._networks.gradients(
            x, masks, lambda outputs: self._losses.of(outputs.to(self.P.dtype), y)
        )
        return losses, self._optimisers.step(lr)

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
        told = self._evaluated(tuple(t[:most] for t in part.x), part.y[:most])
        val = self._evaluated(part.x_val, part.y_val)
        share = clock.wall_s() / len(self.rows)
        last = rates[:, -1].tolist()
        for i, row in enumerate(self.rows):
            row.report(told[i], val[i], last[i], norms[i], share)

    def _evaluated(self, x: Tensors, y: Tensor) -> list[Evaluation]:
        size = max(1, EVALUATED // len(self.rows))
        found = [
            self._networks.outputs(part) for part in zip(*(t.split(size) for t in x), strict=True)
        ]
        outputs = torch.cat([part.to(self.P.dtype) for part in found], dim=1)
        return evaluations(outputs, y, self._part.scale)

    # ---- coming and going

    def bring_home(self, row: Row) -> None:
        """Bring a row's own network and optimiser up to date."""
        i = self._place(row)
        with torch.no_grad():
            for p, values in zip(row.trained.values(), self._views(self.P).values(), strict=True):
                p.copy_(values[i])
            for name, tensor in row.others.items():
                tensor.copy_(self._buffers[name][i])
        one = self._moments.rows(slice(i, i + 1))
        optim.write_state(row.begun.optimizer, [*row.trained.values()], one)

    def _place(self, row: Row) -> int:
        return next(i for i, r in enumerate(self.rows) if r is row)

    def keep(self, rows: Sequence[Row]) -> None:
        """Let go of all rows but some; they are not brought home."""
        kept = torch.tensor([i for i, r in enumerate(self.rows) if any(r is k for k in rows)])
        chosen = kept.to(self.P.device)
        self.rows = [self.rows[i] for i in kept.tolist()]
        self.P = self.P[chosen]
        self._buffers = {n: b[chosen] for n, b in self._buffers.items()}
        self._moments = self._moments.rows(chosen)
        self._ready()

    def join(self, rows: Sequence[Row]) -> None:
        """Take in further rows of the same signature."""
        other = Stack(rows)
        together = [*self.rows, *other.rows]
        sort = [i for i, _ in sorted(enumerate(together), key=lambda pair: _kind(pair[1]))]
        chosen = torch.tensor(sort, device=self.P.device)
        self.rows = [together[i] for i in sort]
        self.P = torch.cat([self.P, other.P])[chosen]
        self._buffers = {
            n: torch.cat([b, other._buffers[n]])[chosen] for n, b in self._buffers.items()
        }
        self._moments = _joined([self._moments, other._moments]).rows(chosen)
        self._ready()


def _kind(row: Row) -> int:
    return optim.KINDS.index(optim.kind_of(row.begun.optimizer))


def _sorted(rows: Sequence[Row]) -> list[Row]:
    return sorted(rows, key=_kind)


def _gathered(t: Tensor, batch: Tensor) -> Tensor:
    """The samples (k, B) of (n, …), (k, B, …); five times as quick as by indexing."""
    return t.index_select(0, batch.flatten()).view(*batch.shape, *t.shape[1:])


def _flat(row: Row) -> Tensor:
    """What a row learns, (1, n)."""
    return torch.cat([p.detach().flatten() for p in row.trained.values()])[None]


def _stacked(tables: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
    return {name: torch.stack([table[name] for table in tables]) for name in tables[0]}


def _joined(moments: Sequence[optim.Moments]) -> optim.Moments:
    v, t, mu = (torch.cat([getattr(m, name) for m in moments]) for name in ("v", "t", "mu"))
    w = None
    if any(m.w is not None for m in moments):
        w = torch.cat([torch.zeros_like(m.v) if m.w is None else m.w for m in moments])
    return optim.Moments(v, w, t, mu)
