"""``--open``: the browser that a person uses is sent to the study that runs."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from tests.processes import wait_for

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]

STUDY = """
[study]
name = "bowl"
objective = "min val_loss"
epochs = 200
[space]
x = { low = 0.0, high = 1.0 }
[plan]
strategy = "random"
[run]
function = "bowl:train"
budget = "3 trials"
"""
FUNCTION = """
import time

def train(trial):
    for epoch in trial.epochs():
        time.sleep(0.05)
        trial.report(epoch, train_loss=1 / epoch, val_loss=trial.params["x"] + 1 / epoch)
"""


@pytest.fixture
def run(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A study that runs, with a browser that only notes what it is to open."""
    (tmp_path / "bowl.py").write_text(FUNCTION)
    (tmp_path / "study.toml").write_text(STUDY)
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\nprintf %s "$1" > {tmp_path}/noted && mv noted opened\n')
    browser.chmod(0o700)
    process = subprocess.Popen(
        [sys.executable, "-m", "danlu", "run", "study.toml", "--open"],
        cwd=tmp_path, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        env={**os.environ, "BROWSER": str(browser)},
    )  # fmt: skip
    yield process
    process.terminate()
    process.communicate(timeout=30)


def test_a_run_opens_the_page_of_its_study_and_takes_it_away_in_the_end(
    run: subprocess.Popen[str], tmp_path: Path, chromium: Any
) -> None:
    opened = tmp_path / "opened"
    wait_for(opened.exists, "the browser", 60)
    link = opened.read_text()
    assert link.endswith("/s/bowl/overview")
    page = chromium.new_page()
    page.goto(link)
    page.wait_for_selector(".pill.running")
    page.wait_for_selector("#curves .chart[data-points]")
    page.get_by_role("button", name="Pause").wait_for()
    assert page.evaluate("location.hash") == "#/s/bowl/overview", "the secret is not in sight"
    page.close()
    servers = [p for p in psutil.Process(run.pid).children() if "serve" in p.cmdline()]
    assert len(servers) == 1
    run.terminate()
    run.wait(60)
    wait_for(lambda: not servers[0].is_running(), "the end of the dashboard")
