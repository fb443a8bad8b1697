"""Trials of equal shape trained together, as one batched model.

`signature` says which trials fit together; `chain` (perceptrons), `recurrent` (layers of GRU and
LSTM) and `batched` (all others) are their networks as one; `losses` and `optim` move the
parameters of all of them; `stack` trains them epoch by epoch; `canary` compares that with training
alone; `crew` is the process that takes trials in and hands them back. A trial gives the same as in
`danlu.kit.loop`, to rounding: whatever is random comes from streams of its own.
"""
