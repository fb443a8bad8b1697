"""A folder with studies, one of which may run, and a server that shows them."""

import re
import signal
import subprocess
import sys
from pathlib import Path

from tests.processes import wait_for

import danlu

HERE = Path(__file__).parent


class Kitchen:
    """A folder with a study that runs, and a server that shows it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store = str(folder / "studies")
        self.link = ""
        self._processes: list[subprocess.Popen[str]] = []
        self.pace(0.08)

    def pace(self, seconds: float) -> None:
        """How long an epoch takes from now on."""
        file = self.folder / "pace.next"
        file.write_text(str(seconds))
        file.replace(self.folder / "pace")  # training may read it at any moment

    def start(self, *words: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, *words], cwd=self.folder, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        self._processes.append(process)
        return process

    def run(self) -> None:
        self.start(str(HERE / "watched.py"), self.store)
        wait_for(self._begun, "trials", 30)

    def _begun(self) -> bool:
        try:
            return len(self.study.trials) >= 1
        except danlu.DanluError:  # neither the store nor the study is there at once
            return False

    def serve(self, *options: str) -> subprocess.Popen[str]:
        server = self.start("-m", "danlu", "serve", "--store", self.store, *options)
        assert server.stdout is not None
        found = re.search(r"(http\S+)", server.stdout.readline())
        assert found is not None
        self.link = found[1]
        return server

    @property
    def study(self) -> danlu.Study:
        return danlu.Study.open(store=self.store)

    def close(self) -> None:
        for process in self._processes:
            process.send_signal(signal.SIGTERM)
        for process in self._processes:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            if process.stdout is not None:
                process.stdout.close()
