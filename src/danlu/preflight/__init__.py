"""Checks of data, model and training loop before the first trial."""
