"""A web server on this machine for tests: it cuts, forgets and waits as it is told."""

import dataclasses
import hashlib
import http.server
import re
import signal
import socket
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from datasets.fetch import SETS


@dataclass
class Site:
    """What a server serves, and what it was asked for.

    Attributes:
        files: bodies by name.
        knows_ranges: whether it sends rests; a server need not.
        cut_after: bytes after which it closes the connection, once; None for never.
        hang_after: bytes after which it sends no more and keeps the connection.
        asked: the name and the Range header of each request.
        sent: bytes of bodies that it sent.
    """

    files: dict[str, bytes] = field(default_factory=dict)
    knows_ranges: bool = True
    cut_after: int | None = None
    hang_after: int | None = None
    asked: list[tuple[str, str | None]] = field(default_factory=list)
    sent: int = 0
    reached: threading.Event = field(default_factory=threading.Event)
    released: threading.Event = field(default_factory=threading.Event)
    address: str = ""


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    site: Site


class _Handler(http.server.BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        site, asked = self.server.site, self.headers.get("Range")
        name = self.path.lstrip("/")
        site.asked.append((name, asked))
        if name not in site.files:
            self.send_error(404)
            return
        body = site.files[name]
        start = int(re.fullmatch(r"bytes=(\d+)-", asked)[1]) if asked else 0
        if not site.knows_ranges:
            start = 0
        if start and start >= len(body):
            self.send_error(416)
            return
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(body) - start))
        if start:
            total = len(body)
            self.send_header("Content-Range", f"bytes {start}-{total - 1}/{total}")
        self.end_headers()
        self._send(site, body[start:])

    def _send(self, site: Site, body: bytes) -> None:
        if site.cut_after is not None:
            body, site.cut_after = body[: site.cut_after], None
        if site.hang_after is not None:
            self.wfile.write(body[: site.hang_after])
            self.wfile.flush()
            site.reached.set()
            site.released.wait(60)
            return
        self.wfile.write(body)
        site.sent += len(body)

    def log_message(self, *words) -> None:
        pass


@contextmanager
def serving(files: dict[str, bytes]) -> Iterator[Site]:
    """Serve files at ``site.address`` and below."""
    with _Server(("127.0.0.1", 0), _Handler) as server:
        server.site = Site(dict(files))
        server.site.address = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield server.site
        finally:
            server.site.released.set()
            server.shutdown()
            thread.join()


def refused_address() -> str:
    """Return an address where nobody answers."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}"


def expect_archives(
    monkeypatch, files: dict[str, bytes], address: str, names: Iterable[str] = SETS
) -> None:
    """Make the data sets' archives those of a server, checksums and all."""
    for name in names:
        data_set = SETS[name]
        archives = tuple(
            dataclasses.replace(
                archive,
                url=f"{address}/{archive.name}",
                checksum=f"md5:{hashlib.md5(files[archive.name]).hexdigest()}",
            )
            for archive in data_set.archives
        )
        changed = dataclasses.replace(data_set, archives=archives)
        monkeypatch.setitem(SETS, name, changed)


def hear_interrupts() -> None:
    """Let a process that is about to start hear SIGINT.

    What a shell starts in the background, a test suite among it, does not.
    """
    signal.signal(signal.SIGINT, signal.SIG_DFL)
