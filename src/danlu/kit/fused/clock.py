"""Time spent: of the processor where that computes, since other work must not count."""

import time

import torch


class Clock:
    """Measures from when it was made.

    Args:
        device: What computes.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._own = device.type == "cpu"
        self._wall = time.perf_counter()
        self._spent = self._now()

    def _now(self) -> float:
        if self._own:
            return time.thread_time()
        torch.cuda.synchronize(self._device)
        return time.perf_counter()

    def spent_s(self) -> float:
        """Seconds of the processor, or of waiting for another device."""
        return self._now() - self._spent

    def wall_s(self) -> float:
        """Seconds that have passed."""
        return time.perf_counter() - self._wall
