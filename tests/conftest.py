"""Settings that hold for all tests."""

from hypothesis import settings

# Machines that run tests are shared: how long an example takes says nothing about the code.
settings.register_profile("danlu", deadline=None, max_examples=50)
settings.load_profile("danlu")
