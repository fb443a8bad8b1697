"""A module that cannot be imported."""

train = 1 / 0
