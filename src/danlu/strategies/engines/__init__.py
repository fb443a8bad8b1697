"""Strategies backed by somebody else's library; each module needs its extra to be installed."""
