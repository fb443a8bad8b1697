"""Stores on network file systems are refused, unless somebody says that it is meant so."""

from pathlib import Path

import pytest

from danlu.errors import StoreError
from danlu.stores import filesystem, open_store

MOUNTS = """\
22 1 0:20 / / rw,relatime shared:1 - ext4 /dev/vda rw
40 22 0:33 / {home} rw - nfs4 server:/home rw
41 22 0:34 / {home}/a\\040b rw shared:7 - tmpfs tmpfs rw
not a line
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    mounts = tmp_path / "mountinfo"
    home = tmp_path / "home"
    mounts.write_text(MOUNTS.format(home=home))
    (home / "a b").mkdir(parents=True)
    monkeypatch.setattr(filesystem, "MOUNTS", mounts)
    return home


def test_the_kind_is_that_of_the_deepest_mount(home: Path) -> None:
    assert filesystem.kind_of(home.parent) == "ext4"
    assert filesystem.kind_of(home / "mine") == "nfs4"
    assert filesystem.kind_of(home / "a b" / "c") == "tmpfs"


def test_a_store_on_a_network_is_refused_with_ways_out(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(StoreError, match=r"network file system \(nfs4\).*PostgreSQL"):
        open_store(home / "mine")
    open_store(home / "a b" / "mine").close()
    monkeypatch.setenv(filesystem.FORCED, "1")
    open_store(home / "mine").close()


def test_where_the_system_tells_nothing_all_is_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(filesystem, "MOUNTS", tmp_path / "nowhere")
    open_store(tmp_path / "mine").close()
