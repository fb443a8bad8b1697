"""A study in files: a function of one parameter, three random trials."""

from pathlib import Path

STUDY = """
[study]
name = "bowl"
objective = "min {metric}"
epochs = {epochs}
[space]
x = {{ low = 0.0, high = 1.0 }}
[plan]
strategy = "random"
[run]
function = "bowl:train"
budget = "3 trials"
"""


def bowl(folder: Path, function: str, *, metric: str = "loss", epochs: int = 2) -> Path:
    """Write the study and its training function into a folder; the study's file."""
    (folder / "bowl.py").write_text(function)
    path = folder / "study.toml"
    path.write_text(STUDY.format(metric=metric, epochs=epochs))
    return path
