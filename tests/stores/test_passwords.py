"""The password of a database is shown nowhere: not by a command, an error or the dashboard."""

import gc
from collections.abc import Iterator
from contextlib import closing

import pytest
from click.testing import CliRunner
from tests.web.conftest import Client

import danlu
from danlu.cli.app import group
from danlu.stores import open_store
from danlu.stores.address import shown
from danlu.web.app import create_app
from danlu.web.guard import Access

SECRET = "correct-horse-battery-staple"

# Commands leave their connections to the end of their process, which here comes later.
LEFT = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
pytestmark = [pytest.mark.postgres, LEFT]


@pytest.fixture(autouse=True)
def _collected() -> Iterator[None]:
    yield
    gc.collect()


@pytest.fixture
def where(postgres: str) -> str:
    """A store with a study, by an address with a password that this server does not ask for."""
    address = postgres.replace("danlu@", f"danlu:{SECRET}@")
    assert SECRET in address
    study = danlu.Study(
        "quiet", space=danlu.Space(x=danlu.Float(0.0, 1.0)), objective="min val_loss", epochs=1,
        budget="1 trials", strategy="random", store=address,
    )  # fmt: skip
    trial = study.ask()
    assert trial is not None
    study.tell(trial, 0.5)
    return address


@pytest.mark.parametrize(
    "words",
    [["ls"], ["ls", "--json"], ["show", "quiet"], ["show", "nobody"], ["why", "quiet"],
     ["best", "quiet"], ["export", "quiet"], ["stop", "quiet"], ["rm", "nobody", "--yes"]],
    ids=" ".join,
)  # fmt: skip
def test_no_command_shows_it(where: str, words: list[str]) -> None:
    result = CliRunner().invoke(group, words, env={"DANLU_STORE": where})
    assert result.output
    assert SECRET not in result.output
    assert SECRET not in str(result.exception)


def test_no_object_or_error_shows_it(where: str) -> None:
    store = open_store(where)
    assert SECRET not in repr(store)
    with pytest.raises(danlu.StudyError) as caught:
        store.load("nobody")
    assert SECRET not in str(caught.value)
    store.close()


def test_the_dashboard_does_not_show_it(where: str) -> None:
    with closing(open_store(where)) as store:
        access = Access()
        get = Client(create_app(store, store, where, access), access).get
        for path in ("/studies", "/studies/quiet", "/studies/quiet/trials/1"):
            answer = get(path)
            assert answer.status_code == 200
            assert SECRET not in answer.text


@pytest.mark.parametrize(
    "address",
    [f"postgresql://me:{SECRET}@host/name", f"postgresql://me:a/{SECRET}@host/name",
     f"postgresql://host/name?user=me&password={SECRET}&sslmode=require",
     f"postgresql://host/name?sslpassword={SECRET}"],
)  # fmt: skip
def test_an_address_is_shown_without_it(address: str) -> None:
    assert SECRET not in shown(address)
    assert "host/name" in shown(address)
