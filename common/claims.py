"""Work shared out among processes, on one machine or on several with a shared folder.

Who wants to do a piece of work claims it by creating a file, which only one process
can. The file says who; its time of change is the heartbeat. A claim whose process is
dead, or whose heart has stopped, is taken over by creating the file of the next number,
which again only one process can: nothing is ever removed that somebody else may hold,
so there is no moment at which two could hold the same.
"""

import json
import os
import socket
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

PATIENCE = 120.0
"""Seconds without a heartbeat after which a claim counts as given up."""


class Claim:
    """A piece of work that this process holds.

    Args:
        path: the file that says so.
        record: what it says.
    """

    def __init__(self, path: Path, record: dict[str, Any]):
        self._path = path
        self._record = record

    def beat(self) -> bool:
        """Say that the work goes on.

        Returns:
            Whether the claim still holds; False where this process was silent for so
            long that another one has taken over.
        """
        newest = _newest(self._path.parent, _name_of(self._path))
        if newest != self._path:
            return False
        os.utime(self._path)
        return True

    def release(self) -> None:
        """Let others take the work up at once."""
        if self._path.is_file():
            self._path.write_text(json.dumps(self._record | {"released": True}))


def claim(folder: Path, name: str, patience: float = PATIENCE) -> Claim | None:
    """Claim the work ``name``.

    Args:
        folder: where the claims lie; made if need be.
        name: of the work, fit for a file's name.
        patience: seconds without a heartbeat after which a claim is void.

    Returns:
        The claim, or None if somebody else is at work.
    """
    folder.mkdir(parents=True, exist_ok=True)
    held = _newest(folder, name)
    if held is not None and _is_alive(held, patience):
        return None
    number = 0 if held is None else _number_of(held) + 1
    path = folder / f"{name}.claim-{number}"
    record = _oneself()
    try:
        handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY)
    except FileExistsError:
        return None
    with os.fdopen(handle, "w") as file:
        file.write(json.dumps(record))
    return Claim(path, record)


def holder(folder: Path, name: str) -> str:
    """Return who claimed the work last, in words; "nobody" if none did."""
    path = _newest(folder, name)
    if path is None:
        return "nobody"
    record = _read(path)
    return f"process {record.get('pid', '?')} on {record.get('host', '?')}"


def _oneself() -> dict[str, Any]:
    return {
        "host": socket.gethostname(),
        "pid": os.getpid(),
        "born": _born(os.getpid()),
        "token": uuid.uuid4().hex,
    }


def _born(pid: int) -> str:
    """Return when a process began, in ticks, as pids are used again; "" if unknown."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return ""
    return stat.rpartition(")")[2].split()[19]


def _is_alive(path: Path, patience: float) -> bool:
    record = _read(path)
    if record.get("released"):
        return False
    if record.get("host") == socket.gethostname() and not _is_running(record):
        return False
    try:
        return _now(path.parent) - path.stat().st_mtime < patience
    except FileNotFoundError:
        return False


def _is_running(record: Mapping[str, Any]) -> bool:
    pid = record.get("pid")
    if not isinstance(pid, int):
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # somebody else's process, so there is one
        pass
    return _born(pid) == record.get("born", "")


def _now(folder: Path) -> float:
    """Return the time by the clock of the folder's own machine."""
    probe = folder / f".clock-{os.getpid()}-{uuid.uuid4().hex}"
    probe.touch()
    try:
        return probe.stat().st_mtime
    finally:
        probe.unlink(missing_ok=True)


def _read(path: Path) -> dict[str, Any]:
    """Return a claim's record; empty while its file is just being written."""
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError):
        return {}


def _newest(folder: Path, name: str) -> Path | None:
    paths = [path for path in folder.glob("*.claim-*") if _name_of(path) == name]
    return max(paths, key=_number_of, default=None)


def _name_of(path: Path) -> str:
    return path.name.rpartition(".claim-")[0]


def _number_of(path: Path) -> int:
    return int(path.name.rpartition(".claim-")[2])
