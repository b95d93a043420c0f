"""Keypoint sets, batches and digits: where a dot is, there is its target."""

import functools
import gzip
import hashlib
import struct
import sys
import threading
from dataclasses import dataclass, replace
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from common.data_pipeline import fit
from common.errors import InputError
from datasets.fetch import SETS, Archive
from datasets.keypoints import KeypointSet, squash, with_scales
from datasets.mnist import DigitSource, centroids, read_digits
from glimpse_rnn import data
from glimpse_rnn.batches import NONE, Augmentation, KeypointBatches, augmented
from glimpse_rnn.data import announce, open_digits, open_keypoints, open_sets
from glimpse_rnn.metrics import normalised_distances

SIDE = 64


def dot(height: int, width: int, row: int, column: int, radius: int) -> np.ndarray:
    """A white square around a pixel of a black picture."""
    picture = np.zeros((height, width, 3), np.uint8)
    rows = slice(max(row - radius, 0), row + radius + 1)
    picture[rows, max(column - radius, 0) : column + radius + 1] = 255
    return picture


def location_of(canvas: np.ndarray) -> np.ndarray:
    """Where the light of a canvas is on the average, in [-1, 1]."""
    light = canvas.astype(float).sum(-1)
    weights = light.sum(1), light.sum(0)
    return np.array(
        [
            (w @ (2 * np.arange(len(w)) + 1) / w.sum()) / len(w) - 1
            for w in weights
        ]
    )  # fmt: skip


def dots(folder: Path, count: int = 12, seed: int = 0) -> Path:
    """Write pictures of a dot in the Car Door Handle format, every third to test."""
    (folder / "car_ims").mkdir(parents=True)
    rng, lines = np.random.default_rng(seed), []
    for number in range(count):
        height, width = rng.integers(70, 140, 2).tolist()
        row = int(rng.integers(12, height - 12))
        column = int(rng.integers(12, width - 12))
        name = f"car_ims/{number:06d}.png"
        Image.fromarray(dot(height, width, row, column, 4)).save(folder / name)
        split = "0|1" if number % 3 == 2 else "1|0"
        box = f"1,1,{width},{height // 2}"
        size = f"{width},{height},3"
        lines.append(f"{column + 1}|{row + 1}|{name}|{size}|{split}|1|1|{box}")
    (folder / "annotations.txt").write_text("\n".join(lines))
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return dots(tmp_path_factory.mktemp("data") / "dots")


@pytest.fixture
def images(folder) -> KeypointSet:
    return open_keypoints(folder, "train", SIDE, 1.0)


# --- coordinates ---------------------------------------------------------------------


def test_the_dot_is_at_the_target_on_the_squashed_canvas(images):
    canvases, targets = images.arrays()
    assert canvases.shape == (8, SIDE, SIDE, 3)
    assert targets.shape == (8, 4) and targets.dtype == np.float32
    for canvas, target in zip(canvases, targets, strict=True):
        np.testing.assert_allclose(location_of(canvas), target[:2], atol=0.2 * 2 / SIDE)


def test_distances_are_pixels_of_the_original_over_the_boxs_height(images):
    for index, (height, width) in enumerate(images.sizes.tolist()):
        target = images.targets[index : index + 1]
        off = target[:, :2] + [[2 * 3 / height, 2 * 4 / width]]  # 3 down, 4 right
        (distance,) = normalised_distances(off, target)
        assert distance == pytest.approx(5 / (height // 2), rel=1e-4)


def test_pictures_keep_their_proportions_and_rgb_order(images):
    height, width = images.sizes[2]
    assert images.picture(2).shape == (height, width, 3)
    red = squash(np.full((10, 30, 3), (200, 10, 5), np.uint8), 8)
    assert (red == (200, 10, 5)).all()


@given(
    place=st.tuples(st.integers(14, 49), st.integers(14, 49)),
    seed=st.integers(0, 2**32 - 1),
    amounts=st.tuples(*[st.floats(0, 0.4)] * 3),
    channels=st.sampled_from([1, 3]),
)
@settings(max_examples=60, deadline=None)
def test_jitter_moves_dot_and_target_alike(place, seed, amounts, channels):
    canvas = dot(SIDE, SIDE, *place, 2)[..., :channels]
    points, sizes = np.array([place]) + 0.5, np.array([[90, 150]])
    target = with_scales(points * sizes / SIDE, sizes, np.array([40.0]))[0]
    rng = np.random.default_rng(seed)
    changes = Augmentation(True, *amounts)
    moved, new = augmented(canvas, target, changes, rng)
    assert moved.shape == canvas.shape and moved.dtype == np.uint8
    assert (np.abs(new[:2]) <= 0.951).all()
    # Half a pixel's tolerance where the edge may cut a dot; a tenth elsewhere.
    if (np.abs(new[:2]) < 0.8).all():
        np.testing.assert_allclose(location_of(moved), new[:2], atol=0.1 * 2 / SIDE)
    # What is stretched on the canvas is shrunk in the scale: for a point 6 pixels away.
    corner = dot(SIDE, SIDE, place[0] + 6, place[1] - 6, 2)[..., :channels]
    other = augmented(corner, target, changes, np.random.default_rng(seed))[0]
    if (np.abs(new[:2]) < 0.4).all():
        before = (location_of(corner) - target[:2]) * target[2:]
        after = (location_of(other) - new[:2]) * new[2:]
        np.testing.assert_allclose(np.abs(after), np.abs(before), atol=0.01)


def test_a_quarter_turned_aside_is_mirrored_in_half_of_the_pictures():
    canvas = dot(SIDE, SIDE, 20, 40, 2)
    target = np.array([20.5, 40.5, 0, 0], np.float32) / 32 - [1, 1, -2, -3]
    flips = Augmentation(flip=True)
    mirrored = 0
    for seed in range(200):
        moved, new = augmented(canvas, target, flips, np.random.default_rng(seed))
        np.testing.assert_allclose(location_of(moved), new[:2], atol=1e-6)
        np.testing.assert_array_equal(new[2:], target[2:])
        mirrored += new[1] != target[1]
    assert 70 < mirrored < 130


def test_colours_change_and_places_do_not():
    canvas = np.full((SIDE, SIDE, 3), (90, 120, 150), np.uint8)
    target = np.zeros(4, np.float32)
    seen = []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        moved, new = augmented(canvas, target, Augmentation(False, colour=0.3), rng)
        np.testing.assert_array_equal(new, target)
        assert (moved == moved[0, 0]).all()
        seen.append(moved[0, 0].astype(int))
    spread = np.std(seen, axis=0)
    assert (spread > 8).all() and (spread < 60).all()
    assert np.std(np.subtract(*np.transpose(seen)[:2])) > 3  # the tint changes too


# --- sets ----------------------------------------------------------------------------


def test_the_cache_is_bounded_and_makes_no_difference(folder, monkeypatch):
    one_canvas = 3 * SIDE * SIDE
    source = open_keypoints(folder, "train", SIDE, 3.5 * one_canvas / 1e9)._source
    reads = []
    picture = source.picture
    monkeypatch.setattr(source, "picture", lambda n: reads.append(n) or picture(n))
    first = [source.canvas(number) for number in range(8)]
    assert source.kept_bytes == 3 * one_canvas
    again = [source.canvas(number) for number in range(8)]
    np.testing.assert_array_equal(first, again)
    assert reads == [*range(8), *range(3, 8)]


def test_parts_share_the_cache_and_keep_their_pictures(images, folder):
    part = images.subset([5, 2])
    np.testing.assert_array_equal(part.targets, images.targets[[5, 2]])
    np.testing.assert_array_equal(part.canvases([1])[0], images.canvases([2])[0])
    assert part.names == [images.names[5], images.names[2]]
    assert images._source.kept_bytes == 3 * SIDE * SIDE
    assert images[6:].names == images.names[6:]
    canvas, target = images[-1]
    np.testing.assert_array_equal(canvas, images.canvases([7])[0])
    np.testing.assert_array_equal(target, images.targets[7])


def test_validation_is_drawn_by_lot_and_leaves_nothing_out(images):
    for seed in range(3):
        halves = images.split_validation(0.25, np.random.default_rng(seed))
        assert [len(half) for half in halves] == [6, 2]
        assert sorted(halves[0].names + halves[1].names) == sorted(images.names)
        again = images.split_validation(0.25, np.random.default_rng(seed))
        assert again[1].names == halves[1].names
    whole, none = images.split_validation(0, np.random.default_rng(0))
    assert (len(whole), len(none)) == (8, 0)
    assert none.arrays()[0].shape == (0, SIDE, SIDE, 3)
    assert len(images.split_validation(1, np.random.default_rng(0))[0]) == 1


def test_splits_are_those_of_the_file(folder):
    training = open_keypoints(folder, "train", SIDE, 0)
    testing = open_keypoints(folder, "test", SIDE, 0)
    assert (len(training), len(testing)) == (8, 4)
    assert not set(training.names) & set(testing.names)


def test_an_image_that_is_cut_short_is_left_out_and_listed(tmp_path):
    path = dots(tmp_path / "dots", 6) / "car_ims" / "000001.png"
    path.write_bytes(path.read_bytes()[:60])
    images = open_keypoints(path.parents[1], "train", SIDE, 1.0)
    with pytest.raises(InputError, match="000001.png.*--skip_bad 1"):
        images.arrays()
    images = open_keypoints(path.parents[1], "train", SIDE, 1.0, skip_bad=1)
    assert len(images) == 3 and "000001.png" in images.skipped[0]
    assert "skip_bad" not in images.skipped[0]
    assert images.arrays()[0].shape[0] == 3


def test_all_images_that_are_cut_short_are_named_when_the_first_one_is_met(tmp_path):
    folder = dots(tmp_path / "dots", 6)
    paths = [folder / "car_ims" / f"00000{number}.png" for number in (1, 4)]
    for path in paths:
        path.write_bytes(path.read_bytes()[:60])
    for index in (1, 3):  # of 0, 1, 3 and 4
        images = open_keypoints(folder, "train", SIDE, 1.0)
        with pytest.raises(InputError, match="2 files .*--skip_bad 1") as caught:
            images.subset([0, index]).arrays()
        lines = str(caught.value).splitlines()[1:]
        named = [line.split(":")[0].strip() for line in lines]
        assert sorted(named) == list(map(str, paths))


# --- batches -------------------------------------------------------------------------

JITTER = Augmentation(True, 0.2, 0.1, 0.2, 0.2)


def epoch_of(batches: KeypointBatches) -> list[np.ndarray]:
    parts = [batches[index] for index in range(len(batches))]
    return [np.concatenate(arrays) for arrays in zip(*parts, strict=True)]


@pytest.mark.parametrize("changes", [NONE, JITTER])
def test_batches_depend_on_seed_and_epoch_alone(images, changes):
    batches = KeypointBatches(images, 3, 7, changes)
    first = epoch_of(batches)
    batches.start_epoch(1)
    second = epoch_of(batches)
    assert not np.array_equal(first[1], second[1])
    resumed = KeypointBatches(images, 3, 7, changes, epoch=1)
    last = resumed[1][0]  # in any order
    np.testing.assert_array_equal(last, second[0][3:6])
    for wanted, found in zip(second, epoch_of(resumed), strict=True):
        np.testing.assert_array_equal(found, wanted)
    other = epoch_of(KeypointBatches(images, 3, 8, changes, epoch=1))
    assert not np.array_equal(other[1], second[1])


def test_an_epoch_holds_every_picture_once_as_far_as_batches_are_full(images):
    batches = KeypointBatches(images, 3, 0)
    assert len(batches) == 2 and batches.images_per_epoch == 6
    seen = np.concatenate([batches.indices(index) for index in range(2)])
    assert len(set(seen.tolist())) == 6
    canvases, targets = epoch_of(batches)
    np.testing.assert_array_equal(targets, images.targets[seen])
    np.testing.assert_array_equal(canvases, images.canvases(seen))
    assert KeypointBatches(images, 100, 0)[0][0].shape[0] == 8
    with pytest.raises(IndexError):
        batches[2]


def test_batches_leave_the_set_as_it_was(images):
    before = [array.copy() for array in images.arrays()]
    epoch_of(KeypointBatches(images, 4, 0, JITTER))
    for array, found in zip(before, images.arrays(), strict=True):
        np.testing.assert_array_equal(found, array)


@pytest.mark.slow
def test_fit_takes_the_batches(images):
    import keras

    made = []

    class Spy(keras.Model):
        def __init__(self):
            super().__init__()
            self.scale = self.add_weight(shape=())

        def call(self, x):
            return self.scale * keras.ops.ones((keras.ops.shape(x)[0], 4))

    class Kept(KeypointBatches):
        def _made(self, index):
            made.append(index)
            return super()._made(index)

    model = Spy()
    model.compile("sgd", "mse")
    history = fit(model, Kept(images, 4, 0))
    assert np.isfinite(history.history["loss"][0])
    assert set(made) == {0, 1}
    if keras.config.backend() == "tensorflow":
        assert sorted(made) == [0, 1], "a batch was made twice"


# --- digits --------------------------------------------------------------------------


def some_digits(count: int = 30) -> np.ndarray:
    rng = np.random.default_rng(3)
    digits = np.zeros((count, 28, 28), np.uint8)
    digits[:, 4:24, 6:20] = rng.integers(0, 256, (count, 20, 14))
    return digits


def test_a_digits_target_is_the_centroid_of_its_canvas():
    images = KeypointSet(DigitSource(some_digits(), 60, 5))
    canvases, targets = images.arrays()
    assert canvases.shape == (30, 60, 60, 1)
    for canvas, target in zip(canvases, targets, strict=True):
        np.testing.assert_allclose(location_of(canvas), target[:2], atol=1e-5)
    np.testing.assert_allclose(targets[:, 2:], 60 / 2 / 28, rtol=1e-6)
    # Places spread over all of the canvas.
    assert targets[:, :2].min() < -0.3 and targets[:, :2].max() > 0.3


def test_the_centroid_of_a_single_pixel_is_its_middle():
    digit = np.zeros((1, 28, 28), np.uint8)
    digit[0, 3, 8] = 9
    np.testing.assert_array_equal(centroids(digit), [[3.5, 8.5]])
    with pytest.raises(InputError, match="digit 0 is empty"):
        centroids(np.zeros((1, 28, 28), np.uint8))


def test_digits_lie_where_the_seed_says():
    same = [KeypointSet(DigitSource(some_digits(), 60, 5)).targets for _ in range(2)]
    np.testing.assert_array_equal(*same)
    other = KeypointSet(DigitSource(some_digits(), 60, 6)).targets
    assert not np.array_equal(other, same[0])
    with pytest.raises(InputError, match="image_size: 20"):
        DigitSource(some_digits(), 20, 0)


def idx_of(digits: np.ndarray) -> bytes:
    return struct.pack(">4B3I", 0, 0, 8, 3, *digits.shape) + digits.tobytes()


@pytest.mark.parametrize(
    "name",
    [
        "train-images-idx3-ubyte",
        "train-images-idx3-ubyte.gz",
        "train-images.idx3-ubyte",
        "mnist.npz",
    ],
)
def test_mnist_comes_in_several_files(tmp_path, name):
    digits, path = some_digits(), tmp_path / name
    if name.endswith(".npz"):
        np.savez(path, x_train=digits, x_test=digits[:3])
        assert len(read_digits(path, "test")) == 3
    else:
        data = idx_of(digits)
        path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    for place in (path, tmp_path):
        np.testing.assert_array_equal(read_digits(place, "train"), digits)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "no idx file"),
        (b"\0\0\x0d\x03" + bytes(40), "no idx file"),
        (b"\0\0\x08\x03\0\0", "ends within its header"),
        (idx_of(some_digits(2))[:-1], "expected 1584"),
        (idx_of(some_digits(2)) + b"x", "expected 1584"),
        (idx_of(np.zeros((2, 5, 5), np.uint8)), r"uint8 \(n, 28, 28\)"),
        (idx_of(np.zeros((0, 28, 28), np.uint8)), r"uint8 \(n, 28, 28\)"),
        (gzip.compress(idx_of(some_digits(2)))[:-20], "cannot be unpacked"),
    ],
)
def test_damaged_idx_files(tmp_path, content, words):
    path = tmp_path / "train-images-idx3-ubyte"
    path.write_bytes(content)
    with pytest.raises(InputError, match=words) as error:
        read_digits(path, "train")
    assert str(path) in str(error.value)


def test_damaged_npz_files_and_missing_ones(tmp_path):
    path = tmp_path / "mnist.npz"
    with pytest.raises(InputError, match="holds no MNIST images"):
        read_digits(tmp_path, "train")
    path.write_bytes(b"no zip")
    with pytest.raises(InputError, match="x_train in it"):
        read_digits(path, "train")
    np.savez(path, x_test=some_digits(2))
    with pytest.raises(InputError, match="x_train in it"):
        read_digits(path, "train")
    np.savez(path, x_train=np.array([{"a": 1}], object))
    with pytest.raises(InputError, match="cannot be read"):
        read_digits(path, "train")


def test_real_mnist():
    folder = Path(__file__).resolve().parents[2] / "shared" / "data" / "mnist"
    if not folder.is_dir():
        pytest.skip("MNIST is not here")
    images = open_digits(folder, "test", 60)
    assert len(images) == 10_000
    # MNIST's digits are centred by their mass, in the middle of 28 by 28 pixels.
    inside = (images.targets[:, :2] + 1) * 30 - images._source._corners
    assert np.abs(inside - 14).max() < 1.5


# --- which data ----------------------------------------------------------------------


@dataclass
class Settings:
    task: str = "door_handle"
    path_data: Path | None = None
    image_size: int = SIDE
    cache_gb: float = 0.1
    skip_bad: int = 0
    keypoint: str = ""
    columns: tuple[str, ...] = ()


def test_the_data_set_given_is_used_and_named(folder, capsys):
    images, tested = open_sets(Settings(path_data=folder), "train", "test")
    assert (len(images), len(tested)) == (8, 4)
    announce("training", images[:5], ", 3 more to validate on")
    said = " ".join(capsys.readouterr().out.split())
    assert "training on 5 images with a keypoint (train of" in said
    assert "annotations.txt), 3 more to validate on" in said
    announce("testing", images[:1])
    assert "testing on 1 image with a keypoint" in capsys.readouterr().out


def test_the_default_folder_comes_before_drawn_cars(folder, monkeypatch, capsys):
    monkeypatch.setattr(data, "DOOR_HANDLES", folder)
    assert len(open_sets(Settings(), "train")[0]) == 8
    monkeypatch.setattr(data, "DOOR_HANDLES", folder / "absent")
    monkeypatch.setattr("datasets.drawn.cars.ensure_cars", lambda: folder)
    capsys.readouterr()
    assert len(open_sets(Settings(), "train")[0]) == 8
    assert "using the drawn cars in" in capsys.readouterr().out


def test_a_data_set_that_was_asked_for_is_never_replaced(tmp_path):
    with pytest.raises(InputError, match="absent"):
        open_sets(Settings(path_data=tmp_path / "absent"), "train")
    with pytest.raises(InputError, match="absent"):
        open_sets(Settings("mnist_centroid", tmp_path / "absent", 60), "train")


def mnist_archive() -> Archive:
    return SETS["mnist"].archives[0]


def serve_mnist_at(monkeypatch, url: str, checksum: str | None = None) -> None:
    """Put another address, and maybe another checksum, in the place of MNIST's."""
    archive = replace(
        mnist_archive(), url=url, checksum=checksum or mnist_archive().checksum
    )
    monkeypatch.setitem(SETS, "mnist", replace(SETS["mnist"], archives=(archive,)))


def test_digits_are_drawn_where_mnist_cannot_be_had(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(data, "MNIST", tmp_path / "mnist")
    serve_mnist_at(monkeypatch, "http://127.0.0.1:9/mnist.npz")
    monkeypatch.setattr(data, "DRAWN_DIGITS", {"train": 12, "test": 4})
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    (images,) = open_sets(Settings("mnist_centroid", None, 60), "train")
    assert len(images) == 12 and images.canvas_shape == (60, 60, 1)
    said = " ".join(capsys.readouterr().out.split())
    assert "cannot be reached" in said and "using drawn digits" in said
    assert not (tmp_path / "mnist").exists()
    (tested,) = open_sets(Settings("mnist_centroid", None, 60), "test")
    assert not np.array_equal(tested.canvases([0]), images.canvases([0]))


@pytest.fixture
def served_mnist(tmp_path, monkeypatch):
    """MNIST's file on a local server, and its bytes."""
    folder = tmp_path / "served"
    folder.mkdir()
    np.savez(folder / "mnist.npz", x_train=some_digits())
    handler = functools.partial(SimpleHTTPRequestHandler, directory=folder)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/mnist.npz"
        monkeypatch.setattr(data, "MNIST", tmp_path / "mnist")
        serve_mnist_at(monkeypatch, url)
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        yield (folder / "mnist.npz").read_bytes()
        server.shutdown()


def test_mnist_is_downloaded_once(tmp_path, monkeypatch, served_mnist):
    found = hashlib.sha256(served_mnist).hexdigest()
    serve_mnist_at(monkeypatch, mnist_archive().url, f"sha256:{found}")
    assert len(open_sets(Settings("mnist_centroid", None, 60), "train")[0]) == 30
    assert (tmp_path / "mnist" / "mnist.npz").read_bytes() == served_mnist
    serve_mnist_at(monkeypatch, "http://127.0.0.1:9/mnist.npz")
    assert len(open_sets(Settings("mnist_centroid", None, 60), "train")[0]) == 30


def test_another_file_in_mnists_place_is_not_kept(
    tmp_path, monkeypatch, served_mnist, capsys
):
    monkeypatch.setattr(data, "DRAWN_DIGITS", {"train": 12, "test": 4})
    assert len(open_sets(Settings("mnist_centroid", None, 60), "train")[0]) == 12
    said = " ".join(capsys.readouterr().out.split())
    found = hashlib.sha256(served_mnist).hexdigest()
    assert found in said and "not kept" in said
    assert not (tmp_path / "mnist").exists()


def test_mnist_is_the_file_that_keras_downloads(monkeypatch):
    asked = {}

    def get_file(**named):
        asked.update(named)
        raise FileNotFoundError

    theirs = sys.modules[keras.datasets.mnist.load_data.__module__]
    monkeypatch.setattr(theirs, "get_file", get_file)
    with pytest.raises(FileNotFoundError):
        keras.datasets.mnist.load_data()
    assert mnist_archive().url == asked["origin"]
    assert mnist_archive().checksum == f"sha256:{asked['file_hash']}"


def test_mnist_of_the_default_folder(tmp_path, monkeypatch):
    monkeypatch.setattr(data, "MNIST", tmp_path)
    (tmp_path / "train-images-idx3-ubyte").write_bytes(idx_of(some_digits()))
    (images,) = open_sets(Settings("mnist_centroid", None, 60), "train")
    assert len(images) == 30
