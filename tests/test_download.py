"""Downloads from a local server: whole or not there, resumed, one line about why."""

import hashlib
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from local_server import Site, hear_interrupts, refused_address, serving

from common import download as downloading
from common.download import download, has_checksum, part_of
from common.errors import InputError
from common.files import REPOSITORY

pytestmark = pytest.mark.slow

BODY = np.random.default_rng(0).bytes(3_000_000)
MD5 = "md5:" + hashlib.md5(BODY).hexdigest()
SHA256 = "sha256:" + hashlib.sha256(BODY).hexdigest()


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture
def site():
    with serving({"file.bin": BODY}) as site:
        yield site


def failure(site: Site | str, path: Path, name="file.bin", checksum=MD5) -> str:
    """The one line of a download that fails; the file is not there."""
    url = f"{site if isinstance(site, str) else site.address}/{name}"
    with pytest.raises(InputError) as caught:
        download(url, path, checksum)
    line = str(caught.value)
    assert line.startswith(f"{url}: ") and "\n" not in line
    assert not path.exists()
    return line.removeprefix(f"{url}: ")


@pytest.mark.parametrize("checksum", [MD5, SHA256, MD5.upper().replace("MD5", "md5")])
def test_a_file_arrives_whole(site, tmp_path, checksum):
    path = tmp_path / "new folder" / "file.bin"
    download(f"{site.address}/file.bin", path, checksum)
    assert path.read_bytes() == BODY
    assert [file.name for file in path.parent.iterdir()] == ["file.bin"]


def test_a_file_that_is_there_is_replaced(site, tmp_path):
    path = tmp_path / "file.bin"
    path.write_bytes(b"old")
    download(f"{site.address}/file.bin", path, MD5)
    assert path.read_bytes() == BODY


def test_nothing_is_printed_without_a_terminal(site, tmp_path, capfd):
    download(f"{site.address}/file.bin", tmp_path / "file.bin", MD5)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("knows_ranges", [True, False])
def test_a_bar_on_a_terminal(site, tmp_path, monkeypatch, capfd, knows_ranges):
    monkeypatch.setenv("FORCE_COLOR", "1")
    part_of(tmp_path / "file.bin").write_bytes(BODY[:1_000_000])
    site.knows_ranges = knows_ranges
    download(f"{site.address}/file.bin", tmp_path / "file.bin", MD5)
    shown = capfd.readouterr().err
    assert "file.bin" in shown and "/3.0 MB" in shown


def test_a_download_that_stands_still(site, tmp_path, monkeypatch):
    monkeypatch.setattr(downloading, "READ_SECONDS", 0.5)
    site.hang_after = 2_000_000
    line = failure(site, tmp_path / "file.bin")
    assert line == "the download stood still for 0.5 s"
    assert part_of(tmp_path / "file.bin").exists()


def test_only_the_rest_is_asked_for_after_a_cut(site, tmp_path):
    path = tmp_path / "file.bin"
    site.cut_after = 2_000_000
    assert failure(site, path) == "the download was cut short"
    have = part_of(path).stat().st_size
    assert BODY[:have] == part_of(path).read_bytes() and 0 < have <= 2_000_000
    site.sent = 0
    download(f"{site.address}/file.bin", path, MD5)
    assert path.read_bytes() == BODY and not part_of(path).exists()
    assert site.asked[-1] == ("file.bin", f"bytes={have}-")
    assert site.sent == len(BODY) - have


def test_a_server_without_ranges_sends_all_of_it_again(site, tmp_path):
    path = tmp_path / "file.bin"
    part_of(path).write_bytes(BODY[:1000])
    site.knows_ranges = False
    download(f"{site.address}/file.bin", path, MD5)
    assert path.read_bytes() == BODY
    assert site.asked == [("file.bin", "bytes=1000-")]


def test_a_part_that_is_all_of_it_is_taken(site, tmp_path):
    path = tmp_path / "file.bin"
    part_of(path).write_bytes(BODY)
    download(f"{site.address}/file.bin", path, MD5)
    assert path.read_bytes() == BODY and site.sent == 0


def test_a_part_longer_than_the_file_is_given_up(site, tmp_path):
    path = tmp_path / "file.bin"
    part_of(path).write_bytes(b"x" * (len(BODY) + 1))
    download(f"{site.address}/file.bin", path, MD5)
    assert path.read_bytes() == BODY
    assert [asked for _, asked in site.asked] == [f"bytes={len(BODY) + 1}-", None]


def test_a_wrong_part_is_noticed_and_removed(site, tmp_path):
    path = tmp_path / "file.bin"
    part_of(path).write_bytes(b"x" * 1000)
    assert "not kept" in failure(site, path)
    download(f"{site.address}/file.bin", path, MD5)
    assert path.read_bytes() == BODY


@pytest.mark.parametrize("name", ["MD5", "SHA-256"])
def test_a_wrong_checksum(site, tmp_path, name):
    checksum = {"MD5": "md5:" + "0" * 32, "SHA-256": "sha256:" + "0" * 64}[name]
    found = {"MD5": MD5, "SHA-256": SHA256}[name].partition(":")[2]
    zeros = checksum.partition(":")[2]
    line = failure(site, tmp_path / "file.bin", checksum=checksum)
    assert line == f"the download has {name} {found}; expected {zeros}; not kept"
    assert not list(tmp_path.iterdir())


def test_no_such_file(site, tmp_path):
    path = tmp_path / "file.bin"
    assert failure(site, path, "other.bin") == "HTTP error 404 Not Found"
    assert not list(tmp_path.iterdir())


def test_nobody_answers(tmp_path):
    assert failure(refused_address(), tmp_path / "file.bin") == "cannot be reached"
    assert not list(tmp_path.iterdir())


def test_an_address_that_is_none(tmp_path):
    with pytest.raises(InputError, match=r"^nowhere: cannot be downloaded \(Missing"):
        download("nowhere", tmp_path / "file.bin", MD5)


def test_a_folder_that_cannot_be_made(site, tmp_path):
    (tmp_path / "file").write_text("in the way")
    assert "cannot be written to" in failure(site, tmp_path / "file" / "file.bin")


def test_one_download_of_a_file_at_a_time(site, tmp_path):
    path = tmp_path / "file.bin"
    site.hang_after = 1_500_000
    with in_a_process(f"{site.address}/file.bin", path):
        assert site.reached.wait(60)
        with pytest.raises(InputError, match="another run is writing there"):
            download(f"{site.address}/file.bin", path, MD5)


# --- processes -----------------------------------------------------------------------

PROGRAM = """
import sys
from pathlib import Path
from common.command_line import run
from common.download import download
from dataclasses import dataclass

@dataclass(frozen=True)
class Settings:
    pass

run(lambda _: download(sys.argv[1], Path(sys.argv[2]), sys.argv[3]), Settings, [])
"""


class in_a_process:
    """A download in a process of its own, which is gone when the block ends."""

    def __init__(self, url: str, path: Path, checksum: str = MD5, **options):
        words = [sys.executable, "-c", PROGRAM, url, str(path), checksum]
        options.setdefault("preexec_fn", hear_interrupts)
        self.process = subprocess.Popen(
            words, cwd=REPOSITORY, stderr=subprocess.PIPE, text=True, **options
        )

    def __enter__(self) -> subprocess.Popen:
        return self.process

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        self.process.stderr.close()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_a_process_that_ends_in_the_middle_is_resumed(site, tmp_path, number):
    path = tmp_path / "file.bin"
    site.hang_after = 2_500_000
    with in_a_process(f"{site.address}/file.bin", path) as process:
        assert site.reached.wait(60)
        while not part_of(path).exists() or not part_of(path).stat().st_size:
            assert process.poll() is None
            time.sleep(0.01)
        process.send_signal(number)
        said = process.communicate()[1]
    assert "Traceback" not in said
    assert [file.name for file in tmp_path.iterdir()] == ["file.bin.part"]
    have = part_of(path).stat().st_size
    site.hang_after = None
    download(f"{site.address}/file.bin", path, MD5)
    assert path.read_bytes() == BODY
    assert site.asked[-1] == ("file.bin", f"bytes={have}-")


def test_a_full_disk(site, tmp_path):
    def two_megabytes() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (2_000_000, 2_000_000))

    path, url = tmp_path / "file.bin", f"{site.address}/file.bin"
    with in_a_process(url, path, preexec_fn=two_megabytes) as process:
        said = process.communicate()[1]
        assert process.returncode == 1
    assert said == f"error: {url}: cannot be written to {path}: File too large\n"
    assert not path.exists()
    download(url, path, MD5)
    assert path.read_bytes() == BODY


def test_checksums_of_files(tmp_path):
    path = tmp_path / "file.bin"
    path.write_bytes(BODY)
    assert has_checksum(path, MD5) and has_checksum(path, SHA256)
    assert not has_checksum(path, "md5:" + "0" * 32)
    assert os.path.getsize(path) == len(BODY)
