"""What the kernel offers to keep hold of a process and all that it starts.

Every call is safe to make elsewhere and does nothing there: on macOS only the process group is
killed, so that a grandchild in a session of its own may survive.
"""

import contextlib
import ctypes
import os
import re
import signal
import sys
import time
from pathlib import Path

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
FALLOC_FL_KEEP_SIZE, FALLOC_FL_PUNCH_HOLE = 1, 2
CGROUP, CGROUPS = Path("/proc/self/cgroup"), Path("/sys/fs/cgroup")
VMSTAT = Path("/proc/vmstat")


def _prctl(option: int, value: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def adopt_orphans() -> None:
    """Make this process the parent of all descendants whose own parent dies."""
    _prctl(PR_SET_CHILD_SUBREAPER, 1)


def die_with_parent(parent: int) -> None:
    """Have the kernel kill this process when its parent, of pid ``parent``, dies."""
    _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it died before the call
        os._exit(1)


def punch_hole(descriptor: int, begin: int, end: int) -> bool:
    """Free the space of a part of a file, which then reads as zeros; whether that is possible."""
    if sys.platform != "linux":
        return False
    fallocate = ctypes.CDLL(None, use_errno=True).fallocate
    fallocate.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64]
    mode = FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE
    return bool(fallocate(descriptor, mode, begin, end - begin) == 0)


def killed_for_memory() -> int:
    """How many processes the system has killed for want of memory so far; 0 if it does not say.

    Of this process's control group where it has one of its own, else of the whole machine.
    """
    with contextlib.suppress(OSError):
        for line in CGROUP.read_text().splitlines():
            _, kind, path = line.split(":", 2)
            for counts in (CGROUPS / kind / path[1:] / "memory.oom_control",
                           CGROUPS / path[1:] / "memory.events") :  # fmt: skip
                if kind in ("", "memory") and (found := _oom_kills(counts)) is not None:
                    return found
    return _oom_kills(VMSTAT) or 0


def _oom_kills(counts: Path) -> int | None:
    with contextlib.suppress(OSError):
        if match := re.search(r"^oom_kill (\d+)$", counts.read_text(), re.MULTILINE):
            return int(match[1])
    return None


def send(pid: int, number: int, *, group: bool = False) -> bool:
    """Signal a process (or its whole group) that may be gone already; whether it was there."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        (os.killpg if group else os.kill)(pid, number)
        return True
    return False


def _families() -> dict[int, list[int]]:
    """Pid → pids of its living children, for all processes."""
    families: dict[int, list[int]] = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError, ValueError, IndexError):
            # "pid (name) state ppid …"; the name may hold spaces and brackets
            state, parent = entry.read_text(errors="replace").rpartition(")")[2].split()[:2]
            if state != "Z":
                families.setdefault(int(parent), []).append(int(entry.parent.name))
    return families


def children(pid: int) -> set[int]:
    """Pids of the living children of ``pid``."""
    return set(_families().get(pid, ()))


def descendants(pid: int) -> list[int]:
    """Pids of all living processes below ``pid``."""
    families = _families()
    found, waiting = [], [pid]
    while waiting:
        below = families.get(waiting.pop(), [])
        found += below
        waiting += below
    return found


def death_watch(pid: int) -> int | None:
    """A descriptor that can be read once the process is dead; None where there is no such thing.

    A closed socket tells as much, unless a process that somebody forked has inherited its end.
    """
    if not hasattr(os, "pidfd_open"):
        return None
    try:
        return os.pidfd_open(pid)
    except ProcessLookupError:
        descriptor, end = os.pipe()  # dead already: readable at once
        os.close(end)
        return descriptor
    except OSError:
        return None


def signal_below(number: int) -> None:
    """Signal every process below this one."""
    for child in descendants(os.getpid()):
        send(child, number)


def kill_below() -> None:
    """Kill every process below this one until none is left; it must adopt its orphans.

    Looking through all processes of the machine costs milliseconds, and is seldom needed: adopted
    processes are children too, so that without children there is nothing below.
    """
    while _has_children():
        signal_below(signal.SIGKILL)
        time.sleep(0.001)  # the dying need a moment


def _has_children() -> bool:
    """Whether this process has living children; dead ones are reaped."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return False
    return True
