"""What CI installs is locked: every dependency, each with its hashes."""

import re
import tomllib
from itertools import chain
from pathlib import Path

ROOT = Path(__file__).parent.parent
LOCK = (ROOT / "requirements/ci.txt").read_text()
LOCKED = re.findall(r"^([\w.-]+)==(\S+)(.*?)(?=^\S|\Z)", LOCK, re.MULTILINE | re.DOTALL)


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_every_dependency_is_locked() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [*project["dependencies"], *chain(*project["optional-dependencies"].values())]
    names = {normal(re.match(r"[\w.-]+", text)[0]) for text in wanted}  # type: ignore[index]
    assert names - {normal(name) for name, _, _ in LOCKED} == set(), "run: make lock"


def test_every_locked_version_has_a_hash_and_no_address() -> None:
    assert len(LOCKED) > 100
    assert all("--hash=sha256:" in rest for _, _, rest in LOCKED)
    assert not re.search(r"https?://|file:|index-url|find-links|/opt/", LOCK)
