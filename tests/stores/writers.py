"""What the processes of `test_processes.py` do; they tell through ``told`` how far they are."""

import os
import resource
import signal
import time
from contextlib import closing
from multiprocessing.connection import Connection

from tests.conformance.stores import new_study, reports

from danlu.core.event import Reported
from danlu.errors import DanluError
from danlu.stores import open_store


def append_for_ever(where: str, first_epoch: int, told: Connection) -> None:
    """Append three reports at a time; tell the last epoch once it is recorded."""
    store = open_store(where)
    epoch = first_epoch
    while True:
        store.append("digits", reports(1, [epoch, epoch + 1, epoch + 2]))
        epoch += 3
        told.send(epoch - 1)


def hold(where: str, told: Connection) -> None:
    """Lock the study, fork a process that outlives this one, and wait to be killed."""
    store = open_store(where)
    try:
        with store.lock("digits"):
            child = os.fork() if "://" not in where else 0
            if child == 0 and "://" not in where:
                told.close()
                time.sleep(60)
                os._exit(0)
            told.send((os.getpid(), child))
            signal.pause()
    except DanluError as error:
        told.send(str(error))


def lock_once(where: str, told: Connection) -> None:
    """Try to lock the study; tell whether it worked, and keep it until told to end."""
    with closing(open_store(where)) as store:
        try:
            with store.lock("digits"):
                told.send("mine")
                told.recv()
        except DanluError as error:
            told.send(str(error))
            told.recv()


def create_once(where: str, told: Connection) -> None:
    """Open a store that may not be there yet, and create a study."""
    try:
        with closing(open_store(where)) as store:
            new_study(store, f"by {os.getpid()}")
            told.send("done")
    except DanluError as error:
        told.send(str(error))


def append_until_full(where: str, told: Connection) -> None:
    """Append until no file may grow, then with that limit lifted; tell what was recorded."""
    with closing(open_store(where)) as store:
        size = 300_000
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
        epoch = 0
        try:
            while epoch < 100_000:
                store.append("digits", reports(1, range(epoch + 1, epoch + 101)))
                epoch += 100
        except DanluError as error:
            told.send((epoch, str(error)))
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
        store.append("digits", [Reported(1.0, 1, epoch + 1, {"val_loss": 0.0})])
        told.send(store.load("digits").trials[1].epoch)
