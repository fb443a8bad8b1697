"""``--open``: the browser that a person uses is sent to the study that runs."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from tests.bowl import bowl
from tests.processes import wait_for

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]

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
    bowl(tmp_path, FUNCTION, metric="val_loss", epochs=200)
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
    page.reload()
    page.wait_for_selector(".pill.running")
    page.close()
    again = chromium.new_page()
    again.goto(link)
    again.wait_for_selector("text=may not look")
    again.close()
    servers = [p for p in psutil.Process(run.pid).children() if "serve" in p.cmdline()]
    assert len(servers) == 1
    run.terminate()
    run.wait(60)
    wait_for(lambda: not servers[0].is_running(), "the end of the dashboard")


ASK = """
exec 3<>/dev/tcp/127.0.0.1/{port}
printf 'POST /api/v1/entry HTTP/1.1\\r\\nHost: 127.0.0.1:{port}\\r\\n' >&3
printf 'Authorization: Bearer {code}\\r\\nContent-Type: application/json\\r\\n' >&3
printf 'Content-Length: 2\\r\\nConnection: close\\r\\n\\r\\n{{}}' >&3
cat <&3 || :  # refused before the body was read, the connection may be reset
"""


@pytest.mark.skipif(os.getuid() != 0, reason="only root can be another user")
def test_the_address_of_the_browser_is_of_no_use_to_others(
    run: subprocess.Popen[str], tmp_path: Path
) -> None:
    opened = tmp_path / "opened"
    wait_for(opened.exists, "the browser", 60)
    found = re.search(r":(\d+)/#entry=([\w-]+)", opened.read_text())
    assert found is not None
    words = ["bash", "-c", ASK.format(port=found[1], code=found[2])]

    def asked(**more: Any) -> str:
        return str(subprocess.check_output(words, text=True, timeout=20, cwd="/", **more))

    assert " 401 " in asked(user=65534).splitlines()[0]
    answer = asked()
    assert " 200 " in answer.splitlines()[0]
    token = re.search(r'"token":"([\w-]+)"', answer)
    assert token is not None
    assert token[1] not in opened.read_text()
    assert " 401 " in asked().splitlines()[0], "a code is taken once"
