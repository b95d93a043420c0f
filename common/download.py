"""Files from the network: whole and with the right checksum, or one clear line.

Built on pooch, which knows HTTP and checksums. What it lacks and this module adds is
going on where an earlier download was cut.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import pooch
import requests
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn

from common.errors import file_error
from common.files import exclusive_lock, reason_of

CONNECT_SECONDS = 5
"""How long to wait for a connection: without a network the answer comes soon."""
READ_SECONDS = 60
"""How long a download may stand still."""

_CHUNK = 1 << 16
"""What a cut download loses at most, in bytes."""
_ALGORITHMS = {"md5": "MD5", "sha256": "SHA-256"}
_PARTIAL_CONTENT, _RANGE_NOT_SATISFIABLE = 206, 416


def download(url: str, path: Path, checksum: str) -> None:
    """Download to ``path``, with a bar on a terminal.

    ``path`` appears only whole and with the right checksum. A download that was cut
    stays as ``PATH.part``; the next call asks for the rest alone, or starts anew where
    the server does not know how to send a rest.

    Args:
        url: of the file.
        path: where to; its folder is made if need be, a file that is there replaced.
        checksum: ``md5:…`` or ``sha256:…``, in hexadecimal.

    Raises:
        InputError: every way this can fail, as one line that names the address.
    """
    path = Path(path)
    part = part_of(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.touch()
        with exclusive_lock(part):
            try:
                _fetch(url, part, checksum)
                _check(url, part, checksum)
                os.replace(part, path)
            finally:
                _remove_if_empty(part)
    except requests.RequestException as error:
        raise file_error(url, _reason(error)) from error
    except OSError as error:
        what = f"cannot be written to {path}: {reason_of(error)}"
        raise file_error(url, what) from error


def part_of(path: Path) -> Path:
    """Return where the part of a file lies whose download was cut."""
    return path.with_name(f"{path.name}.part")


def has_checksum(path: Path, checksum: str) -> bool:
    """Return whether a file has a checksum, ``md5:…`` or ``sha256:…``."""
    return pooch.hashes.hash_matches(str(path), checksum)


def _fetch(url: str, part: Path, checksum: str) -> None:
    """Append to the part what it lacks, and wait until it is on the disk."""
    with open(part, "ab") as file:
        try:
            _append(url, file)
        except requests.HTTPError as error:
            response = error.response
            is_beyond = (
                response is not None and response.status_code == _RANGE_NOT_SATISFIABLE
            )
            if not is_beyond or not file.tell():
                raise
            # There is no rest: the part is the whole file, or too long to be of it.
            if not has_checksum(part, checksum):
                _empty(file)
                _append(url, file)
        os.fsync(file.fileno())


def _append(url: str, file: BinaryIO) -> None:
    """Ask for the file from where ``file`` ends."""
    have = file.seek(0, os.SEEK_END)
    # Identity: lengths and ranges are then those of the file.
    headers = {"Accept-Encoding": "identity"}
    if have:
        headers["Range"] = f"bytes={have}-"
    responses = []

    def look_at(response: requests.Response, **_: object) -> None:
        responses.append(response)
        if response.ok and not response.is_redirect and not _continues(response, have):
            _empty(file)

    try:
        with _bar(url, file) as bar:
            pooch.HTTPDownloader(
                progressbar=bar,
                chunk_size=_CHUNK,
                timeout=(CONNECT_SECONDS, READ_SECONDS),
                headers=headers,
                hooks={"response": look_at},
            )(url, file, None)
    finally:
        for response in responses:
            response.close()


def _continues(response: requests.Response, have: int) -> bool:
    """Return whether a server sends the rest that it was asked for."""
    where = response.headers.get("Content-Range", "")
    is_rest = where.replace("=", " ").startswith(f"bytes {have}-")
    return response.status_code == _PARTIAL_CONTENT and is_rest


def _empty(file: BinaryIO) -> None:
    file.truncate(0)
    file.seek(0)  # which truncating leaves where it was


def _check(url: str, part: Path, checksum: str) -> None:
    """Remove a finished download that is not the file it should be."""
    algorithm, _, expected = checksum.partition(":")
    found = pooch.file_hash(str(part), algorithm)
    if found != expected.lower():
        part.unlink()
        what = f"the download has {_ALGORITHMS[algorithm]} {found}"
        raise file_error(url, what, f"{expected}; not kept")


def _remove_if_empty(part: Path) -> None:
    if part.exists() and not part.stat().st_size:
        part.unlink()


def _reason(error: requests.RequestException) -> str:
    """Say in a few words what requests takes a paragraph for."""
    if isinstance(error, requests.HTTPError) and error.response is not None:
        return f"HTTP error {error.response.status_code} {error.response.reason}"
    if isinstance(error, requests.exceptions.ChunkedEncodingError):
        return "the download was cut short"
    if isinstance(error, requests.exceptions.SSLError):
        return "the server's certificate was not accepted"
    if isinstance(error, requests.ConnectTimeout):
        return f"no answer within {CONNECT_SECONDS} s"
    if isinstance(error, requests.Timeout) or "Read timed out" in str(error):
        return f"the download stood still for {READ_SECONDS} s"
    if isinstance(error, requests.ConnectionError):
        return "cannot be reached"
    return f"cannot be downloaded ({type(error).__name__})"


class _Bar:
    """What pooch asks of a bar, drawn by rich.

    pooch counts whole chunks, and none of an earlier part: the file says it better.
    """

    def __init__(self, progress: Progress, what: str, file: BinaryIO) -> None:
        self._progress, self._file = progress, file
        self._task = progress.add_task(what, total=None)

    @property
    def total(self) -> float | None:
        """Length of the file in bytes, None where the server does not say."""
        return self._progress.tasks[self._task].total

    @total.setter
    def total(self, rest: int) -> None:
        total = self._file.tell() + rest if rest else None
        self._progress.update(self._task, total=total)

    def update(self, _: int) -> None:
        """Show how far the file is."""
        self._progress.update(self._task, completed=self._file.tell())

    def reset(self) -> None:
        """Leave the bar as it is."""

    def close(self) -> None:
        """Leave the bar to the block that drew it."""


@contextmanager
def _bar(url: str, file: BinaryIO) -> Iterator[_Bar]:
    """Show a bar on a terminal, nothing elsewhere."""
    console = Console(stderr=True)
    columns = ("{task.description}", BarColumn(), DownloadColumn())
    with Progress(
        *columns,
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    ) as progress:
        yield _Bar(progress, url.rpartition("/")[2], file)
