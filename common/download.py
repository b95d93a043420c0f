"""Files from the network, or one clear line about why not."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import requests
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn

from common.errors import file_error

CONNECT_SECONDS = 5
"""How long to wait for a connection: without a network the stand-in comes soon."""
READ_SECONDS = 60
"""How long a download may stand still."""

_CHUNK = 1 << 20


def download(url: str, path: Path) -> None:
    """Download to ``path``, with a bar on a terminal.

    Args:
        url: of the file.
        path: where to; on an error it may hold a part of the file.

    Raises:
        InputError: every way this can fail, as one line that names the address.
    """
    try:
        with requests.get(
            url,
            stream=True,
            timeout=(CONNECT_SECONDS, READ_SECONDS),
            headers={"Accept-Encoding": "identity"},  # so that lengths are the file's
        ) as response:
            response.raise_for_status()
            total = int(response.headers.get("Content-Length", 0)) or None
            with open(path, "wb") as file, _progress(url, total) as advance:
                for chunk in response.iter_content(_CHUNK):
                    advance(file.write(chunk))
    except requests.RequestException as error:
        raise file_error(url, _reason(error)) from error


def _reason(error: requests.RequestException) -> str:
    """Say in a few words what requests takes a paragraph for."""
    if isinstance(error, requests.HTTPError):
        return f"HTTP error {error.response.status_code} {error.response.reason}"
    if isinstance(error, requests.exceptions.ChunkedEncodingError):
        return "the download was cut short"
    if isinstance(error, requests.exceptions.SSLError):
        return "the server's certificate was not accepted"
    if isinstance(error, requests.ConnectTimeout):
        return f"no answer within {CONNECT_SECONDS} s"
    if isinstance(error, requests.Timeout):
        return f"the download stood still for {READ_SECONDS} s"
    if isinstance(error, requests.ConnectionError):
        return "cannot be reached"
    return f"cannot be downloaded ({type(error).__name__})"


@contextmanager
def _progress(what: str, total: int | None) -> Iterator:
    """Show a bar on a terminal, nothing elsewhere; yields what counts the bytes."""
    console = Console(stderr=True)
    columns = ("{task.description}", BarColumn(), DownloadColumn())
    with Progress(
        *columns,
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    ) as progress:
        task = progress.add_task(what.rpartition("/")[2], total=total)
        yield lambda count: progress.advance(task, count)
