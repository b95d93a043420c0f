"""Data sets fetched from a local server: small archives of the official layouts."""

import gzip
import hashlib
import io
import json
import os
import resource
import signal
import stat
import subprocess
import sys
import tarfile
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
from local_server import expect_archives, hear_interrupts, refused_address, serving
from PIL import Image
from scipy.io import savemat

from common.errors import InputError
from common.files import REPOSITORY
from datasets import caltech
from datasets.archives import open_archive, unpack
from datasets.fetch import DOWNLOADS, SETS, Settings, fetch, main
from datasets.folders import whole_folder
from datasets.mnist import read_digits
from datasets.voc import VocSet, load_images_labels_in_data_set
from datasets.voc_layout import Box, annotation_xml, write_lists

pytestmark = pytest.mark.slow

MEASURED = REPOSITORY.parent / "shared" / "data" / "caltech_aeroplanes"
"""The set that the results were measured on, where it is at hand."""


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


# --- small archives ------------------------------------------------------------------


def jpeg(height: int = 20, width: int = 30, seed: int = 0) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 255, (height, width, 3))
    file = io.BytesIO()
    Image.fromarray(pixels.astype(np.uint8)).save(file, "JPEG")
    return file.getvalue()


def tar_of(files: dict[str, bytes], mode: str = "w") -> bytes:
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode=mode) as tar:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return archive.getvalue()


def zip_of(files: dict[str, bytes]) -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in files.items():
            file.writestr(name, data)
    return archive.getvalue()


LEFT_OUT = np.random.default_rng(0).bytes(300_000)
"""A part of VOC that nobody needs, large enough to be cut."""


def voc_tar(year: str, image_set: str, names: list[str]) -> bytes:
    """VOC's archive of a set: its first image holds an aeroplane, others a bird."""
    files = {}
    labels = {name: 1 if name == names[0] else -1 for name in names}
    for name, label in labels.items():
        kind = "aeroplane" if label == 1 else "bird"
        text = annotation_xml(name, (20, 30), kind, Box(3, 4, 20, 15), f"VOC{year}")
        files[f"Annotations/{name}.xml"] = text.encode()
        files[f"JPEGImages/{name}.jpg"] = jpeg(seed=int(name))
        files[f"SegmentationClass/{name}.png"] = LEFT_OUT
    lists = "ImageSets/Main/"
    files[f"{lists}{image_set}.txt"] = "".join(f"{n}\n" for n in names).encode()
    labelled = "".join(f"{name} {label:2d}\n" for name, label in labels.items())
    files[f"{lists}aeroplane_{image_set}.txt"] = labelled.encode()
    files[f"ImageSets/Layout/{image_set}.txt"] = b"left out"
    return tar_of({f"VOCdevkit/VOC{year}/{name}": files[name] for name in files})


def mat_of(box: Box) -> bytes:
    """Caltech's annotation of a picture."""
    file = io.BytesIO()
    sides = np.array([[box.ymin, box.ymax, box.xmin, box.xmax]], np.float64)
    savemat(file, {"box_coord": sides, "obj_contour": np.zeros((2, 5))})
    return file.getvalue()


def caltech_zip(images: dict, boxes: dict, extra: dict | None = None) -> bytes:
    """Caltech's archive, from images and boxes by (category, number)."""
    folders = {category.images: category for category in caltech.CATEGORIES}
    pictures = {
        f"101_ObjectCategories/{name}/image_{number:04d}.jpg": data
        for (name, number), data in images.items()
    }
    mats = {
        f"Annotations/{folders[name].boxes}/annotation_{number:04d}.mat": mat_of(box)
        for (name, number), box in boxes.items()
    }
    files = {
        "caltech-101/": b"",
        caltech.IMAGES: tar_of(pictures | (extra or {}), "w:gz"),
        caltech.BOXES: tar_of(mats),
        "caltech-101/show_annotation.m": b"% MATLAB",
        "__MACOSX/caltech-101/._Annotations.tar": b"",
    }
    return zip_of(files)


def few_pictures(monkeypatch) -> None:
    """Let the set consist of a handful of pictures."""
    planes = caltech.AEROPLANES._replace(numbers=(1, 2, 3, 4, 6))
    motorbikes = caltech.MOTORBIKES._replace(numbers=(1, 2))
    monkeypatch.setattr(caltech, "AEROPLANES", planes)
    monkeypatch.setattr(caltech, "MOTORBIKES", motorbikes)
    monkeypatch.setattr(caltech, "CATEGORIES", (planes, motorbikes))
    monkeypatch.setattr(caltech, "_TRAINVAL", 3)


def small_caltech() -> bytes:
    """An archive of a few pictures, more than are taken."""
    keys = [("airplanes", number) for number in range(1, 8)]
    keys += [("Motorbikes", number) for number in range(1, 4)]
    images = {key: jpeg(seed=place) for place, key in enumerate(keys)}
    boxes = {key: Box(2, 3, 10 + key[1], 15) for key in keys}
    return caltech_zip(images, boxes, {"101_ObjectCategories/ant/image_0001.jpg": b""})


def mnist_npz() -> bytes:
    file = io.BytesIO()
    np.savez(file, x_train=np.ones((3, 28, 28), np.uint8))
    return file.getvalue()


FILES = {
    "VOCtrainval_06-Nov-2007.tar": voc_tar("2007", "trainval", ["000005", "000007"]),
    "VOCtest_06-Nov-2007.tar": voc_tar("2007", "test", ["000001", "000002"]),
    "VOCtrainval_11-May-2012.tar": voc_tar("2012", "trainval", ["000012", "000013"]),
    "caltech-101.zip": small_caltech(),
    "mnist.npz": mnist_npz(),
}


@pytest.fixture
def site(monkeypatch):
    """A server with small archives, whose checksums and addresses are expected."""
    few_pictures(monkeypatch)
    with serving(FILES) as site:
        expect_archives(monkeypatch, site.files, site.address)
        yield site


def files_of(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def failure(name: str, folder: Path, **arguments) -> str:
    """The one line that a fetch fails with; the set is as it was before."""
    dest = folder / SETS[name].folder
    earlier = files_of(dest) if dest.is_dir() else None
    with pytest.raises(InputError) as caught:
        fetch(name, folder, **arguments)
    line = str(caught.value)
    assert "\n" not in line
    assert (files_of(dest) if dest.is_dir() else None) == earlier
    assert not list(folder.glob(".partial*"))
    return line


# --- the sets ------------------------------------------------------------------------


def test_voc_2007_is_both_archives_in_one_folder(site, tmp_path, capsys):
    dest = fetch("voc2007", tmp_path)
    assert dest == tmp_path / "VOC2007"
    names = ("000001", "000002", "000005", "000007")
    main_lists = [
        f"{c}{s}.txt" for c in ("aeroplane_", "") for s in ("test", "trainval")
    ]
    assert set(files_of(dest)) == {
        *(f"Annotations/{name}.xml" for name in names),
        *(f"JPEGImages/{name}.jpg" for name in names),
        *(f"ImageSets/Main/{name}" for name in main_lists),
    }
    for image_set, name in (("trainval", "000005"), ("test", "000001")):
        (image,) = VocSet.open(dest, image_set, "aeroplane")
        assert image.name == name and image.pixels.shape == (20, 30, 3)
        assert len(image.objects) == 1
    said = capsys.readouterr().out
    assert "PASCAL VOC 2007: 911 MB to download (VOCtrainval_06-Nov-2007.tar" in said
    assert "VOCtest_06-Nov-2007.tar: removed" in said
    assert not (tmp_path / DOWNLOADS).exists()


def test_voc_2012(site, tmp_path):
    dest = fetch("voc2012", tmp_path)
    assert [image.name for image in VocSet.open(dest, "trainval", "bird")] == ["000013"]


def test_caltechs_aeroplanes(site, tmp_path):
    dest = fetch("caltech_aeroplanes", tmp_path)
    planes = [
        *VocSet.open(dest, "trainval", "aeroplane"),
        *VocSet.open(dest, "test", "aeroplane"),
    ]
    assert sorted(image.name for image in planes) == [
        f"{number:06d}" for number in (1, 2, 3, 4, 6)
    ]
    assert load_images_labels_in_data_set("aeroplane_trainval", dest) == [1, 1, 1, -1]
    assert load_images_labels_in_data_set("aeroplane_test", dest) == [1, 1, -1]
    text = (dest / "Annotations" / "000003.xml").read_text()
    assert text == annotation_xml(
        "000003", (20, 30), "aeroplane", Box(2, 3, 13, 15), "Caltech-101"
    )
    assert "<name>motorbike</name>" in (dest / "Annotations/001002.xml").read_text()
    assert (dest / "JPEGImages/000003.jpg").read_bytes() == jpeg(seed=2)
    assert (dest / "JPEGImages/001002.jpg").read_bytes() == jpeg(seed=8)
    assert len(files_of(dest)) == 7 + 7 + 4


def test_caltechs_aeroplanes_are_the_same_every_time(site, tmp_path):
    first = files_of(fetch("caltech_aeroplanes", tmp_path / "one"))
    assert files_of(fetch("caltech_aeroplanes", tmp_path / "two")) == first


def test_mnist(site, tmp_path):
    dest = fetch("mnist", tmp_path)
    assert read_digits(dest, "train").shape == (3, 28, 28)


def test_several_sets_on_one_command_line(site, tmp_path):
    main(Settings(("mnist", "voc2012", "mnist"), tmp_path))
    assert {path.name for path in tmp_path.iterdir()} == {"mnist", "VOC2012"}
    with pytest.raises(InputError, match="names: none; expected one of voc2007, voc20"):
        main(Settings(()))


def test_every_checksum_is_a_known_kind():
    for data_set in SETS.values():
        for archive in data_set.archives:
            kind, _, digits = archive.checksum.partition(":")
            assert len(digits) == {"md5": 32, "sha256": 64}[kind]
            assert archive.url.startswith("http") and archive.size > 1e7


# --- what the results were measured on -----------------------------------------------

needs_measured = pytest.mark.skipif(
    not MEASURED.is_dir(), reason="the set of the results is not here"
)


@needs_measured
def test_lists_are_those_that_the_results_were_measured_on(tmp_path):
    write_lists(tmp_path, "aeroplane", caltech.split())
    expected = files_of(MEASURED / "ImageSets")
    assert files_of(tmp_path / "ImageSets") == expected and len(expected) == 4


@needs_measured
def test_annotations_are_those_that_the_results_were_measured_on(tmp_path):
    images, boxes = {}, {}
    for category in caltech.CATEGORIES:
        for number in category.numbers:
            name = f"{category.offset + number:06d}"
            key = category.images, number
            images[key] = (MEASURED / "JPEGImages" / f"{name}.jpg").read_bytes()
            boxes[key] = box_in_xml(MEASURED / "Annotations" / f"{name}.xml")
    archive = tmp_path / "caltech-101.zip"
    archive.write_bytes(caltech_zip(images, boxes))
    caltech.unpack_aeroplanes([archive], tmp_path / "set")
    assert files_of(tmp_path / "set") == files_of(MEASURED)


def box_in_xml(path: Path) -> Box:
    text = path.read_text()
    return Box(*(int(text.split(f"<{side}>")[1].split("<")[0]) for side in Box._fields))


def test_boxes_are_taken_over_as_caltech_has_them():
    # Caltech's first aeroplanes and motorbikes, as tutorials print them.
    data = mat_of(Box(49, 30, 349, 137))
    assert caltech._read_box(Path("x.zip"), "x.mat", data) == Box(49, 30, 349, 137)


# --- what is there already -----------------------------------------------------------


def test_a_set_that_is_there_is_not_fetched_again(site, tmp_path, capsys):
    fetch("mnist", tmp_path)
    fetch("mnist", tmp_path)
    assert len(site.asked) == 1
    assert "already there; --force fetches it again" in capsys.readouterr().out
    (tmp_path / "mnist" / "mine.txt").write_text("gone with --force")
    fetch("mnist", tmp_path, force=True)
    assert len(site.asked) == 2
    assert [path.name for path in (tmp_path / "mnist").iterdir()] == ["mnist.npz"]


@pytest.mark.parametrize(
    "name", ["mnist.npz", "train-images-idx3-ubyte", "train-images.idx3-ubyte.gz"]
)
def test_mnist_in_any_of_its_forms_is_there(site, tmp_path, name):
    (tmp_path / "mnist").mkdir()
    (tmp_path / "mnist" / name).write_bytes(b"")
    fetch("mnist", tmp_path)
    assert not site.asked


def test_a_folder_that_holds_something_else_is_left_alone(site, tmp_path):
    (tmp_path / "VOC2007" / "Annotations").mkdir(parents=True)
    (tmp_path / "VOC2007" / "mine.txt").write_text("mine")
    line = failure("voc2007", tmp_path)
    assert "VOC2007: is there, but lacks JPEGImages; expected PASCAL VOC 2007" in line
    assert "--force" in line and not site.asked
    fetch("voc2007", tmp_path, force=True)
    assert not (tmp_path / "VOC2007" / "mine.txt").exists()


def test_a_file_or_a_broken_link_in_the_place_is_left_alone(site, tmp_path):
    (tmp_path / "mnist").write_text("a file")
    assert "is there, but lacks" in failure("mnist", tmp_path)
    assert (tmp_path / "mnist").read_text() == "a file"
    (tmp_path / "VOC2012").symlink_to(tmp_path / "nowhere")
    assert "is there, but lacks" in failure("voc2012", tmp_path)


def test_an_empty_folder_is_filled(site, tmp_path):
    (tmp_path / "mnist").mkdir()
    assert fetch("mnist", tmp_path).joinpath("mnist.npz").exists()


# --- archives by hand, mirrors -------------------------------------------------------


def test_archives_are_kept_on_request_and_used_again(site, tmp_path):
    fetch("voc2007", tmp_path, keep_archives=True)
    kept = files_of(tmp_path / DOWNLOADS)
    assert set(kept) == {"VOCtrainval_06-Nov-2007.tar", "VOCtest_06-Nov-2007.tar"}
    fetch("voc2007", tmp_path, force=True)
    assert len(site.asked) == 2 and not (tmp_path / DOWNLOADS).exists()


def test_an_archive_put_there_by_hand_needs_no_network(site, tmp_path):
    (tmp_path / DOWNLOADS).mkdir()
    (tmp_path / DOWNLOADS / "mnist.npz").write_bytes(FILES["mnist.npz"])
    fetch("mnist", tmp_path)
    assert not site.asked


def test_another_file_of_an_archives_name_is_refused(site, tmp_path):
    path = tmp_path / DOWNLOADS / "mnist.npz"
    path.parent.mkdir()
    path.write_bytes(b"something else")
    line = failure("mnist", tmp_path)
    assert line.startswith(f"{path}: is not the archive that it should be (md5:")
    assert path.read_bytes() == b"something else"
    fetch("mnist", tmp_path, force=True)


def test_a_mirror_has_files_of_the_same_names(site, tmp_path, monkeypatch):
    expect_archives(monkeypatch, FILES, refused_address())
    assert "cannot be reached" in failure("voc2012", tmp_path)
    site.files = {f"some/folder/{name}": data for name, data in FILES.items()}
    for slash in ("", "/"):
        mirror = f"{site.address}/some/folder{slash}"
        fetch("voc2012", tmp_path, mirror=mirror, force=True)
    assert site.asked[0] == ("some/folder/VOCtrainval_11-May-2012.tar", None)


# --- what goes wrong -----------------------------------------------------------------


def test_no_network(site, tmp_path, monkeypatch):
    expect_archives(monkeypatch, FILES, refused_address())
    line = failure("mnist", tmp_path)
    assert "mnist.npz: cannot be reached; --mirror names another address" in line
    assert str(tmp_path / DOWNLOADS / "mnist.npz") in line
    assert not list(tmp_path.iterdir())


def test_a_cut_download_goes_on_where_it_ended(site, tmp_path, capsys):
    site.cut_after = 400_000
    line = failure("voc2012", tmp_path)
    assert "VOCtrainval_11-May-2012.tar: the download was cut short; the same" in line
    (part,) = (tmp_path / DOWNLOADS).iterdir()
    have = part.stat().st_size
    assert part.name == "VOCtrainval_11-May-2012.tar.part"
    fetch("voc2012", tmp_path)
    assert site.asked[-1][1] == f"bytes={have}-"
    assert "MB of it there already" in capsys.readouterr().out


def test_the_archive_that_came_whole_is_not_asked_for_again(site, tmp_path):
    whole, body = "VOCtrainval_06-Nov-2007.tar", site.files["VOCtest_06-Nov-2007.tar"]
    del site.files["VOCtest_06-Nov-2007.tar"]
    assert "HTTP error 404" in failure("voc2007", tmp_path)
    assert set(files_of(tmp_path / DOWNLOADS)) == {whole}
    site.files["VOCtest_06-Nov-2007.tar"] = body
    fetch("voc2007", tmp_path)
    assert [name for name, _ in site.asked].count(whole) == 1


def test_a_wrong_checksum(site, tmp_path):
    site.files["mnist.npz"] = b"x" * 1000
    line = failure("mnist", tmp_path)
    assert "the download has MD5" in line and "not kept; --mirror names" in line
    assert not list(tmp_path.iterdir())


def with_archive(monkeypatch, site, name: str, data: bytes) -> None:
    """Serve another archive, and expect it."""
    site.files[name] = data
    expect_archives(monkeypatch, site.files, site.address)


def test_an_archive_of_something_else(site, tmp_path, monkeypatch):
    name = "VOCtrainval_11-May-2012.tar"
    with_archive(monkeypatch, site, name, tar_of({"a/b.txt": b"x"}))
    assert f"{name}: holds no VOCdevkit" in failure("voc2012", tmp_path)
    only = {"VOCdevkit/VOC2012/JPEGImages/1.jpg": b"x"}
    with_archive(monkeypatch, site, name, tar_of(only))
    assert "lacks Annotations" in failure("voc2012", tmp_path, force=True)


def test_an_archive_that_lacks_a_picture_or_a_box(site, tmp_path, monkeypatch):
    keys = [("airplanes", number) for number in (1, 2, 3, 4, 6)]
    images = dict.fromkeys([*keys, ("Motorbikes", 1)], jpeg())
    boxes = dict.fromkeys(
        [*keys, ("Motorbikes", 1), ("Motorbikes", 2)], Box(1, 1, 9, 9)
    )
    name = "caltech-101.zip"
    with_archive(monkeypatch, site, name, caltech_zip(images, boxes))
    assert "lacks Motorbikes/image_0002.jpg" in failure("caltech_aeroplanes", tmp_path)
    images["Motorbikes", 2] = jpeg()
    del boxes["airplanes", 4]
    with_archive(monkeypatch, site, name, caltech_zip(images, boxes))
    line = failure("caltech_aeroplanes", tmp_path, force=True)
    assert "lacks Airplanes_Side_2/annotation_0004.mat" in line
    with_archive(monkeypatch, site, name, zip_of({"a.txt": b""}))
    line = failure("caltech_aeroplanes", tmp_path, force=True)
    assert f"the archive lacks {caltech.IMAGES}" in line


@pytest.mark.parametrize("data", [b"no MATLAB", b"", b"MATLAB 5.0" + b"\0" * 200])
def test_a_box_that_cannot_be_read(data):
    with pytest.raises(InputError, match="x.mat in Annotations.tar cannot be read"):
        caltech._read_box(Path("x.zip"), "x.mat", data)


def test_a_box_of_three_sides():
    file = io.BytesIO()
    savemat(file, {"box_coord": np.zeros(3)})
    with pytest.raises(InputError, match="expected box_coord of four numbers"):
        caltech._read_box(Path("x.zip"), "x.mat", file.getvalue())


# --- archives ------------------------------------------------------------------------


def link(name: str, target: str, kind: bytes = tarfile.SYMTYPE) -> bytes:
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        member = tarfile.TarInfo(name)
        member.type, member.linkname = kind, target
        tar.addfile(member)
    return archive.getvalue()


def zip_link(name: str, target: str) -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        member = zipfile.ZipInfo(name)
        member.create_system = 3
        member.external_attr = (stat.S_IFLNK | 0o777) << 16
        file.writestr(member, target)
    return archive.getvalue()


MALICIOUS = {
    "tar above": tar_of({"../evil.txt": b"x"}),
    "tar above, deeper": tar_of({"a/../../evil.txt": b"x"}),
    "tar absolute": tar_of({"/tmp/evil.txt": b"x"}),
    "tar backslashes": tar_of({"..\\evil.txt": b"x"}),
    "tar drive": tar_of({"C:\\evil.txt": b"x"}),
    "tar.gz above": tar_of({"../evil.txt": b"x"}, "w:gz"),
    "tar symlink out": link("a", "../../etc/passwd"),
    "tar symlink absolute": link("a", "/etc/passwd"),
    "tar hard link out": link("a", "../evil.txt", tarfile.LNKTYPE),
    "tar device": link("a", "", tarfile.CHRTYPE),
    "zip above": zip_of({"../evil.txt": b"x"}),
    "zip absolute": zip_of({"/tmp/evil.txt": b"x"}),
    "zip backslashes": zip_of({"..\\evil.txt": b"x"}),
    "zip symlink": zip_link("a", "../../etc/passwd"),
}


@pytest.mark.parametrize("kind", MALICIOUS)
def test_no_path_leaves_the_folder(tmp_path, kind):
    path, folder = tmp_path / "in" / "archive", tmp_path / "in" / "set"
    folder.mkdir(parents=True)
    path.write_bytes(MALICIOUS[kind])
    with pytest.raises(InputError, match="leads out of its folder") as caught:
        unpack(path, folder, lambda name: name)
    assert "\n" not in str(caught.value)
    assert not list(folder.iterdir())
    assert {file.name for file in tmp_path.rglob("*")} == {"in", "archive", "set"}


def test_a_malicious_archive_inside_of_caltechs(site, tmp_path, monkeypatch):
    data = zip_of({caltech.IMAGES: tar_of({"../../evil.jpg": b"x"}, "w:gz")})
    with_archive(monkeypatch, site, "caltech-101.zip", data)
    assert "leads out of its folder" in failure("caltech_aeroplanes", tmp_path)
    assert not list(tmp_path.rglob("evil*"))


def test_a_link_that_stays_inside_is_passed_over(tmp_path):
    (tmp_path / "a.tar").write_bytes(link("a", "b"))
    assert unpack(tmp_path / "a.tar", tmp_path / "set", lambda name: name) == 0


@pytest.mark.parametrize(
    "data",
    [
        b"no archive at all",
        b"",
        FILES["VOCtest_06-Nov-2007.tar"][:3000],
        tar_of({"a": os.urandom(5000)}, "w:gz")[:4000],
        gzip.compress(b"no tar in it"),
        FILES["caltech-101.zip"][:-2000],
    ],
    ids=["text", "empty", "cut tar", "cut tar.gz", "gzip", "cut zip"],
)
def test_a_damaged_archive(tmp_path, data):
    path = tmp_path / "archive"
    path.write_bytes(data)
    with pytest.raises(InputError) as caught:
        unpack(path, tmp_path / "set", lambda name: name)
    assert str(caught.value).startswith(f"{path}: the archive is damaged: ")
    assert "\n" not in str(caught.value)


def test_a_zip_with_a_flipped_bit(tmp_path):
    data = bytearray(zip_of({"a": os.urandom(5000)}))
    data[2000] ^= 1
    path = tmp_path / "archive.zip"
    path.write_bytes(data)
    with pytest.raises(InputError, match="the archive is damaged: Bad CRC-32"):
        unpack(path, tmp_path / "set", lambda name: name)


def test_no_archive(tmp_path):
    with pytest.raises(InputError, match="there is no such file; expected an archive"):
        unpack(tmp_path / "none.tar", tmp_path, lambda name: name)


def test_an_archive_in_an_archive_is_read_where_it_lies(tmp_path):
    path = tmp_path / "outer.zip"
    path.write_bytes(zip_of({"inner.tar.gz": tar_of({"a/b": b"c"}, "w:gz")}))
    with open_archive(path, "inner.tar.gz") as files:
        assert [(name, file.read()) for name, file in files] == [("a/b", b"c")]
    assert [file.name for file in tmp_path.iterdir()] == ["outer.zip"]


# --- processes -----------------------------------------------------------------------

PROGRAM = """
import dataclasses, json, sys
from common import command_line
from datasets import caltech, fetch

for name, checksums in json.loads(sys.argv[1]).items():
    data_set = fetch.SETS[name]
    archives = tuple(
        dataclasses.replace(archive, checksum=checksum)
        for archive, checksum in zip(data_set.archives, checksums)
    )
    fetch.SETS[name] = dataclasses.replace(data_set, archives=archives)
command_line.run(fetch.main, fetch.Settings, sys.argv[2:])
"""


def program(*words: str, **options) -> subprocess.Popen:
    """The command line in a process of its own, expecting the small archives."""
    checksums = {
        name: [
            f"md5:{hashlib.md5(FILES[archive.name]).hexdigest()}"
            for archive in data_set.archives
        ]
        for name, data_set in SETS.items()
    }
    options.setdefault("preexec_fn", hear_interrupts)
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, json.dumps(checksums), *map(str, words)],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_a_process_that_ends_in_the_middle_is_resumed(site, tmp_path, number):
    words = ("voc2012", "--folder", tmp_path, "--mirror", site.address)
    archive = "VOCtrainval_11-May-2012.tar"
    site.hang_after = 400_000
    with program(*words) as process:
        assert site.reached.wait(60)
        part = tmp_path / DOWNLOADS / f"{archive}.part"
        while not part.exists() or not part.stat().st_size:
            assert process.poll() is None
            time.sleep(0.01)
        process.send_signal(number)
        said = process.communicate()[1]
    assert "Traceback" not in said and process.returncode != 0
    assert not (tmp_path / "VOC2012").exists()
    assert set(files_of(tmp_path)) == {f"{DOWNLOADS}/{archive}.part"}
    have = part.stat().st_size
    site.hang_after = None
    with program(*words) as process:
        said = process.communicate()
    assert process.returncode == 0, said
    assert site.asked[-1] == (archive, f"bytes={have}-")
    assert len(VocSet.open(tmp_path / "VOC2012", "trainval", "aeroplane")) == 1
    assert not list(tmp_path.glob(".partial*"))


def test_a_full_disk_while_downloading(site, tmp_path):
    assert_disk_is_full(site, tmp_path, 200_000)


def test_a_full_disk_while_unpacking(site, tmp_path):
    archive = "mnist.npz"
    (tmp_path / DOWNLOADS).mkdir()
    (tmp_path / DOWNLOADS / archive).write_bytes(FILES[archive])
    assert_disk_is_full(site, tmp_path, 1000, "mnist", "mnist")


def assert_disk_is_full(
    site, folder: Path, limit: int, name: str = "voc2012", dest: str = "VOC2012"
) -> None:
    def full() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    words = (name, "--folder", folder, "--mirror", site.address)
    with program(*words, preexec_fn=full) as process:
        said = process.communicate()[1]
    assert process.returncode == 1
    assert said.startswith("error: ") and said.count("\n") == 1
    assert ": File too large" in said
    assert not (folder / dest).exists() and not list(folder.glob(".partial*"))
    with program(*words) as process:
        said = process.communicate()
    assert process.returncode == 0, said


def test_what_a_killed_unpacking_left_is_cleared(site, tmp_path):
    left = tmp_path / ".partial-mnist" / "deep" / "half.npz"
    left.parent.mkdir(parents=True)
    left.write_bytes(b"half")
    assert set(files_of(fetch("mnist", tmp_path))) == {"mnist.npz"}
    assert not list(tmp_path.glob(".partial*"))


def test_one_unpacking_of_a_set_at_a_time(tmp_path):
    with whole_folder(tmp_path / "set"):
        with pytest.raises(InputError, match="another run is writing there"):
            with whole_folder(tmp_path / "set"):
                pass


def test_data_sets_know_nothing_of_the_models():
    program = """
import sys
import datasets.door_handles, datasets.fetch
above = {"weights", "hierarchy", "glimpse_rnn", "keras", "tensorflow"}
print(*(above & set(sys.modules)))
"""
    words = [sys.executable, "-c", program]
    done = subprocess.run(words, cwd=REPOSITORY, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "\n")


def test_the_module_is_a_command(tmp_path):
    words = [sys.executable, "-m", "datasets.fetch", "--help"]
    done = subprocess.run(words, cwd=REPOSITORY, capture_output=True, text=True)
    assert done.returncode == 0 and "--keep_archives" in done.stdout
