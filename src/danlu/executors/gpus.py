"""Which GPUs there are for the workers."""

import os
import shutil
import subprocess


def visible_gpus() -> list[str]:
    """Ids of the GPUs to hand out: those of ``CUDA_VISIBLE_DEVICES`` if set, else all.

    No CUDA call is made, for it would spoil the process for forking.
    """
    outer = os.environ.get("CUDA_VISIBLE_DEVICES")
    if outer is not None:
        return [gpu.strip() for gpu in outer.split(",") if gpu.strip() not in ("", "-1")]
    if shutil.which("nvidia-smi") is None:
        return []
    try:
        listed = subprocess.run(
            ["nvidia-smi", "--query-gpu=uuid", "--format=csv,noheader"],
            capture_output=True, text=True, timeout=20, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return []  # a driver that does not answer has no GPU to give
    return listed.stdout.split() if listed.returncode == 0 else []
