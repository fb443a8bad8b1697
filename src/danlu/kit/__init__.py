"""The PyTorch training kit: data in, a strong and tunable network out.

Reading from top to bottom: `settings` and `reading` (what the data are), `preprocessing` and
`prepared` (as tensors), `params` (what can be tuned), `models`, `optimisers`, `schedules`,
`devices`, `loop` (training), `training` (all of it as a training function), `saved` (a model to be
used). torch is imported when `Training` is first used.
"""

from importlib import import_module
from typing import Any

LATER = {"Training": "danlu.kit.training"}

__all__ = ["Training"]


def __getattr__(name: str) -> Any:
    if name in LATER:
        return getattr(import_module(LATER[name]), name)
    raise AttributeError(f"module 'danlu.kit' has no attribute {name!r}")
