"""Which GPUs are handed out."""

from pathlib import Path

import pytest

from danlu.executors.gpus import visible_gpus


@pytest.mark.parametrize(
    ("given", "gpus"),
    [("3,5", ["3", "5"]), (" GPU-ab , 1", ["GPU-ab", "1"]), ("", []), ("-1", [])],
)
def test_those_that_are_visible_to_us_are_handed_on(
    monkeypatch: pytest.MonkeyPatch, given: str, gpus: list[str]
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", given)
    assert visible_gpus() == gpus


@pytest.mark.parametrize(
    ("program", "gpus"),
    [("echo GPU-1; echo GPU-2", ["GPU-1", "GPU-2"]), ("echo broken; exit 9", [])],
)
def test_else_the_driver_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: str, gpus: list[str]
) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    (tmp_path / "nvidia-smi").write_text(f"#!/bin/sh\n{program}\n")
    (tmp_path / "nvidia-smi").chmod(0o700)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert visible_gpus() == gpus


def test_without_a_driver_there_are_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert visible_gpus() == []
