"""Rows as one batched model: an epoch of all of them at once.

k: rows.  B: samples of a batch.  n: numbers that a row learns.  P, G: parameters and gradients,
(k, n); each parameter of the model is a view of P, (k, …).
"""

import time
from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call, vjp, vmap
from torch.nn.functional import log_softmax

from danlu.kit.fused import optim
from danlu.kit.fused.chain import Chain
from danlu.kit.fused.clock import Clock
from danlu.kit.fused.masks import Plan
from danlu.kit.fused.row import Row
from danlu.kit.imbalance import class_weights
from danlu.kit.loop import (
    MOST_TRAIN_EVALUATED,
    Evaluation,
    epoch_seed,
    evaluations,
    learning_rates,
    order,
    precision,
)
from danlu.kit.prepared import Tensors

FIXED = 0.25  # least share of a step's time that stays when rows leave: the cost of calls
EVALUATED = 1 << 14  # rows × samples at once without a gradient, which should fit into a cache


class Stack:
    """Rows of one signature, trained in step.

    Attributes:
        rows: Sorted by optimiser; the row i of every tensor is of ``rows[i]``.
        saved_at: When the rows were last brought home together, on the monotonic clock.
    """

    def __init__(self, rows: Sequence[Row]) -> None:
        self.rows = _sorted(rows)
        first = self.rows[0]
        self._part, self._model, self._masks = (
            first.setup.part, first.begun.model, first.begun.masks,
        )  # fmt: skip
        self._chain = None if first.others else Chain.of(self._model)
        self._recurrent = any(isinstance(m, nn.RNNBase) for m in self._model.modules())
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
        numbers = [optim.columns_of(r.begun.optimizer, r.setup.params.clip) for r in self.rows]
        self._columns = {
            name: self._tensor([[row[name]] for row in numbers]) for name in numbers[0]
        }
        self._decays = any(row["decay"] or row["shrink"] for row in numbers)
        smoothing = [r.setup.params.label_smoothing for r in self.rows]
        self._smoothing = self._tensor(smoothing) if any(smoothing) else None
        self._weights = self._class_weights()
        self._leaves = {n: v.requires_grad_() for n, v in self._views(self.P.detach()).items()}
        self.G = torch.empty_like(self.P)
        self._gradients = list(self._views(self.G).values())
        self._kinds = _slices([optim.kind_of(r.begun.optimizer) for r in self.rows])
        self._plans = {}

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
        losses = self._losses(self._outputs(batch, len(self._batches) - i), self._part.y[batch])
        found = torch.autograd.grad(losses.sum(), list(self._leaves.values()))
        torch._foreach_copy_(self._gradients, found)
        norms = optim.clipped(self.G, self._columns["clip"])
        self._moments.t.add_(1.0)
        if self._decays:
            optim.decayed(self.P, self.G, lr, self._columns, self._matrices)
        for kind, rows in self._kinds:
            of = {name: column[rows] for name, column in self._columns.items()}
            moments = self._moments.rows(rows)
            optim.RULES[kind](self.P[rows], self.G[rows], moments, lr[rows], of)
        return losses.detach(), norms

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

    def _outputs(self, batch: Tensor, left: int) -> Tensor:
        """Of the samples (k, B) in training mode, (k, B, outputs)."""
        x = tuple(t[batch] for t in self._part.x)
        size = batch.shape[1]
        self._model.train()
        if size not in self._plans:
            self._plans[size] = Plan.of(self.rows, tuple(t[0] for t in x))
        masks = self._plans[size].next(self.P, left)
        if self._chain is not None:
            given = iter(masks)
            with precision(self.P.device):
                return self._chain.outputs(self._leaves, x, lambda: next(given))
        flags = [m is not None for m in masks]

        def one(
            p: Mapping[str, Tensor], b: Mapping[str, Tensor], m: list[Tensor], x: Tensors
        ) -> Any:
            given, needed = iter(m), iter(flags)
            self._masks.take = lambda _layer, _x: next(given) if next(needed) else None
            return self._forward(p, b, x)

        kept = self._masks.take
        try:
            with precision(self.P.device):
                out: Tensor = vmap(one)(
                    self._leaves, self._buffers, [m for m in masks if m is not None], x
                )
        finally:
            self._masks.take = kept
        return out

    def _forward(self, p: Mapping[str, Tensor], b: Mapping[str, Tensor], x: Tensors) -> Any:
        """The outputs of the model with the tensors of one row."""
        if not self._recurrent:
            return functional_call(self._model, {**p, **b}, x)
        # Only where a gradient may be asked for does torch take a recurrent layer apart into
        # operations that have rules for batches of models.
        return vjp(lambda p: functional_call(self._model, {**p, **b}, x), p)[0]

    def _losses(self, outputs: Tensor, y: Tensor) -> Tensor:
        """The loss of each row, (k,), from outputs (k, B, …) and targets (k, B)."""
        if self._part.regression:
            return (outputs.squeeze(2) - y).square().mean(1)
        # Classes first: along its last axis, which is short, torch takes five times as long.
        log_p = log_softmax(outputs.permute(2, 0, 1).contiguous(), dim=0)
        own = log_p.gather(0, y[None]).squeeze(0)
        if self._weights is None:
            losses = -own.mean(1)
            even = None if self._smoothing is None else -log_p.sum(0).mean(1)
        else:
            weights = self._weights.gather(1, y)
            losses = -(own * weights).sum(1) / weights.sum(1)
            every = (log_p * self._weights.T[:, :, None]).sum((0, 2))
            even = -every / weights.sum(1)
        if self._smoothing is None or even is None:
            return losses
        return (1.0 - self._smoothing) * losses + self._smoothing / outputs.shape[2] * even

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

    @torch.no_grad()
    def _evaluated(self, x: Tensors, y: Tensor) -> list[Evaluation]:
        self._model.eval()

        def one(p: Mapping[str, Tensor], b: Mapping[str, Tensor], x: Tensors) -> Any:
            return self._forward(p, b, x)

        many = vmap(one, in_dims=(0, 0, None)) if self._chain is None else self._chained
        size = max(1, EVALUATED // len(self.rows))
        with precision(self.P.device):
            parts = [
                many(self._views(self.P), self._buffers, inputs)
                for inputs in zip(*(t.split(size) for t in x), strict=True)
            ]
        outputs = torch.cat([part.to(self.P.dtype) for part in parts], dim=1)
        return evaluations(outputs, y, self._part.scale)

    def _chained(self, p: Mapping[str, Tensor], _b: Mapping[str, Tensor], x: Tensors) -> Tensor:
        """The outputs of all rows for the same samples."""
        assert self._chain is not None
        wide = tuple(t.expand(len(self.rows), *t.shape) for t in x)
        return self._chain.outputs(p, wide, lambda: None)

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


def _slices(kinds: Sequence[str]) -> list[tuple[str, slice]]:
    """Where each kind stands in a sorted list."""
    found = {kind: kinds.index(kind) for kind in dict.fromkeys(kinds)}
    return [(kind, slice(at, at + kinds.count(kind))) for kind, at in found.items()]
