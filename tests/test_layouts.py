"""Every layout read back as it was meant, every damaged file one line."""

from pathlib import Path

import h5py
import numpy as np
import pytest
import trunk_files
from trunk_files import TRUNKS, write_trunk

from common.errors import InputError
from common.files import sha256_of, write_json
from weights import layouts
from weights.layouts import (
    CONVOLUTIONS,
    IMAGENET_CORNER,
    read_q_network,
    read_record,
    read_trunk,
    record_path,
)


@pytest.fixture(scope="module")
def intact(tmp_path_factory, random_layers) -> Path:
    """A Keras 3 trunk for tests that damage a copy of it."""
    return write_trunk(tmp_path_factory.mktemp("intact"), "keras_3", random_layers)


@pytest.fixture(scope="module")
def q_arrays() -> list[np.ndarray]:
    """A narrow Q-network: widths are the file's to choose, inputs and outputs not."""
    random = np.random.default_rng(3)
    shapes = [(25112, 4), (4,), (4, 5), (5,), (5, 6), (6,)]
    return [random.normal(size=shape).astype(np.float32) for shape in shapes]


def assert_same(found, expected) -> None:
    assert list(found) == list(expected)
    for name, (kernel, bias) in expected.items():
        np.testing.assert_array_equal(found[name][0], kernel, err_msg=name)
        np.testing.assert_array_equal(found[name][1], bias, err_msg=name)


def refusal(path: Path, read=read_trunk) -> str:
    """The one line that a file is refused with, which names the file."""
    with pytest.raises(InputError) as caught:
        read(path)
    line = str(caught.value)
    assert "\n" not in line
    assert line.startswith(f"{path}: ")
    return line


# --- trunks ----------------------------------------------------------------------


@pytest.mark.paths
@pytest.mark.parametrize("layout", TRUNKS)
def test_reads_every_layout(layout, tmp_path, random_layers):
    trunk = read_trunk(write_trunk(tmp_path, layout, random_layers))
    assert_same(trunk.layers, random_layers)
    assert trunk.rotated == TRUNKS[layout][2]
    for kernel, bias in trunk.layers.values():
        assert kernel.dtype == bias.dtype == np.float32
        assert kernel.flags.c_contiguous


def test_layouts_are_told_from_the_file(tmp_path, blank_layers):
    expected = {
        "keras_0": layouts.KERAS_0,
        "keras_1": layouts.KERAS_1,
        "keras_3": layouts.KERAS_3,
        "hed": layouts.KERAS_3_BLOCKS,
    }
    for layout, description in expected.items():
        path = write_trunk(tmp_path, layout, blank_layers)
        path = path.rename(tmp_path / "weights")
        assert read_trunk(path).layout == description


def with_imagenet_corner(layers):
    kernel, bias = layers["block1_conv1"]
    kernel = kernel.copy()
    kernel[0, 0, 0, :3] = IMAGENET_CORNER
    return layers | {"block1_conv1": (kernel, bias)}


@pytest.mark.parametrize("convert", ["theano", "channels_first", "as_stored", "turned"])
def test_imagenet_kernel_decides_over_the_name(convert, tmp_path, blank_layers):
    layers = with_imagenet_corner(blank_layers)
    wrong = {"theano": "tf_kernels", "turned": "tf_kernels"}.get(convert, "th_kernels")
    path = tmp_path / f"{wrong}.h5"
    trunk_files.keras_2(path, layers, getattr(trunk_files, convert))
    trunk = read_trunk(path)
    assert trunk.rotated == (convert in ("theano", "turned"))
    assert trunk.is_imagenet
    assert_same(trunk.layers, layers)


def test_guess_is_called_a_guess_and_can_be_overruled(tmp_path, random_layers):
    path = tmp_path / "plain.h5"
    trunk_files.keras_2(path, random_layers, trunk_files.channels_first)
    trunk = read_trunk(path)
    assert trunk.rotated and "guess" in trunk.reason and not trunk.is_imagenet
    trunk = read_trunk(path, rotate=False)
    assert trunk.reason == "asked for"
    assert_same(trunk.layers, random_layers)


def test_dense_layers_are_not_read(tmp_path, blank_layers):
    """Full files hold 500 MB of them; these have no data on the disk at all."""
    path = write_trunk(tmp_path, "keras_1", blank_layers)
    with h5py.File(path, "r+") as file:
        file.attrs["layer_names"] = np.append(file.attrs["layer_names"], b"dense_1")
        group = file.create_group("dense_1")
        group.attrs["weight_names"] = np.array([b"dense_1_W", b"dense_1_b"])
        group.create_dataset("dense_1_W", (25088, 4096), "f4")
        group.create_dataset("dense_1_b", (4096,), "f4")
    assert_same(read_trunk(path).layers, blank_layers)


def test_names_may_be_bytes_or_text(tmp_path, q_arrays):
    path = tmp_path / "model0"
    trunk_files.q_network_keras_1(path, q_arrays)
    expected = read_q_network(path).arrays
    with h5py.File(path, "r+") as file:
        assert file.attrs["layer_names"].dtype.kind == "S"
        for item in (file, *file.values()):
            for name, value in item.attrs.items():
                item.attrs[name] = [text.decode() for text in value]
    for found, array in zip(read_q_network(path).arrays, expected, strict=True):
        np.testing.assert_array_equal(found, array)


# --- damaged trunks --------------------------------------------------------------


@pytest.mark.parametrize("share", [0.0001, 0.01, 0.5, 0.999])
def test_cut_short(share, intact, tmp_path):
    data = intact.read_bytes()
    path = tmp_path / "cut.h5"
    path.write_bytes(data[: int(len(data) * share)])
    line = refusal(path)
    assert "is cut short" in line and str(len(data)) in line


def test_cut_within_the_first_bytes(intact, tmp_path):
    path = tmp_path / "cut.h5"
    head = intact.read_bytes()[:64]
    for size in (1, 7, 8, 9, 40, 64):
        path.write_bytes(head[:size])
        refusal(path)


def test_not_h5_empty_folder_missing(tmp_path):
    path = tmp_path / "weights.h5"
    assert "no such file" in refusal(path)
    path.write_bytes(b"")
    assert "is empty" in refusal(path)
    path.write_text("<html>not found</html>")
    assert "not an HDF5 file" in refusal(path)
    assert "is a folder" in refusal(tmp_path)


def test_h5_without_weights(tmp_path):
    path = tmp_path / "weights.h5"
    with h5py.File(path, "w") as file:
        file["images"] = np.zeros((2, 3))
    assert "none of the known layouts" in refusal(path)


def test_wrong_shapes(tmp_path, blank_layers):
    path = tmp_path / "narrow.h5"
    kernel, bias = blank_layers["block3_conv2"]
    narrow = blank_layers | {"block3_conv2": (kernel[..., :8], bias[:8])}
    trunk_files.keras_3(path, narrow)
    line = refusal(path)
    assert "block3_conv2 kernel has shape (3, 3, 256, 8)" in line
    assert "expected (3, 3, 256, 256)" in line
    kernel, bias = blank_layers["block1_conv1"]
    trunk_files.keras_3(path, blank_layers | {"block1_conv1": (kernel[:1], bias)})
    assert "block1_conv1 kernel has shape (1, 3, 3, 64)" in refusal(path)


@pytest.mark.parametrize("layout", ["keras_0", "keras_2_whole", "hed"])
def test_missing_layers(layout, tmp_path, blank_layers):
    some = {name: blank_layers[name] for name in list(CONVOLUTIONS)[:4]}
    line = refusal(write_trunk(tmp_path, layout, some))
    assert "4 of VGG-16's 13 convolutions, block3_conv1 is missing" in line


def test_listed_but_not_there(tmp_path, blank_layers):
    path = write_trunk(tmp_path, "tf_tf_kernels", blank_layers)
    with h5py.File(path, "r+") as file:
        del file["block4_conv2/block4_conv2_W_1:0"]
    assert "array block4_conv2/block4_conv2_W_1:0 is missing" in refusal(path)
    with h5py.File(path, "r+") as file:
        del file["block4_conv2"]
    assert "group block4_conv2 is missing" in refusal(path)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_not_finite(value, tmp_path, blank_layers):
    kernel, bias = blank_layers["block2_conv1"]
    bias = bias.copy()
    bias[5] = value
    path = tmp_path / "nan.h5"
    trunk_files.keras_3(path, blank_layers | {"block2_conv1": (kernel, bias)})
    assert "block2_conv1 bias has values that are not finite" in refusal(path)


def test_not_floating_point(tmp_path, blank_layers):
    kernel, bias = blank_layers["block1_conv1"]
    path = tmp_path / "integers.h5"
    whole = {"block1_conv1": (kernel.astype(int), bias)}
    trunk_files.keras_3(path, blank_layers | whole)
    assert "block1_conv1 kernel has type int64" in refusal(path)


def test_arrays_of_other_files_are_not_followed(intact, tmp_path, blank_layers):
    path = write_trunk(tmp_path, "keras_3", blank_layers)
    with h5py.File(path, "r+") as file:
        del file["layers/conv2d/vars/0"]
        link = h5py.ExternalLink(str(intact), "/layers/conv2d/vars/0")
        file["layers/conv2d/vars/0"] = link
    assert "block1_conv1 kernel lies in another file" in refusal(path)


# --- Q-networks ------------------------------------------------------------------


def channels_last_rows(kernel: np.ndarray) -> np.ndarray:
    """The permutation, one input at a time."""
    rows = [
        channel * 49 + row * 7 + column
        for row in range(7)
        for column in range(7)
        for channel in range(512)
    ]
    return kernel[rows + list(range(25088, 25112))]


@pytest.mark.parametrize("layout", ["keras_0", "keras_1", "keras_3"])
def test_q_network_layouts(layout, tmp_path, q_arrays):
    path = tmp_path / "model0_epoch_7"
    getattr(trunk_files, f"q_network_{layout}")(path, q_arrays)
    network = read_q_network(path)
    published = layout != "keras_3"
    assert network.channels_first == published
    kernel = channels_last_rows(q_arrays[0]) if published else q_arrays[0]
    for found, expected in zip(network.arrays, [kernel, *q_arrays[1:]], strict=True):
        np.testing.assert_array_equal(found, expected)


def test_q_network_of_max_pooled_descriptors(tmp_path, q_arrays):
    """pool45_crops flattened those row, column, channel."""
    path = tmp_path / "model0"
    trunk_files.q_network_keras_1(path, q_arrays)
    kernel = read_q_network(path, channels_first=False).arrays[0]
    np.testing.assert_array_equal(kernel, q_arrays[0])


def test_q_network_of_wrong_shapes(tmp_path, q_arrays):
    path = tmp_path / "model0"
    trunk_files.q_network_keras_1(path, [q_arrays[0][:-1], *q_arrays[1:]])
    line = refusal(path, read_q_network)
    assert "(25111, 4), (4, 5), (5, 6)" in line and "(25112, n)" in line
    trunk_files.q_network_keras_1(path, [*q_arrays[:3], q_arrays[1], *q_arrays[4:]])
    assert "dense_2 bias has shape (4,); expected (5,)" in refusal(path, read_q_network)


def test_trunk_and_q_network_are_not_mistaken(intact, tmp_path, q_arrays):
    assert "Dense kernels" in refusal(intact, read_q_network)
    path = tmp_path / "model0"
    trunk_files.q_network_keras_1(path, q_arrays)
    assert "0 of VGG-16's 13 convolutions" in refusal(path)


# --- records ---------------------------------------------------------------------


def test_record_counts_only_for_its_own_contents(tmp_path):
    path = tmp_path / "trunk.h5"
    path.write_bytes(b"weights")
    assert read_record(path) is None
    record = {"name": "n", "source": "s", "sha256": sha256_of(path), "bytes": 7}
    write_json(record_path(path), record)
    assert read_record(path) == record
    path.write_bytes(b"other weights")
    assert read_record(path) is None


@pytest.mark.parametrize(
    "text", ["", "[]", "null", '{"sha256": 1}', "{", '{"name": 1}']
)
def test_unreadable_record_is_no_record(text, tmp_path):
    path = tmp_path / "trunk.h5"
    path.write_bytes(b"weights")
    record_path(path).write_text(text)
    assert read_record(path) is None
    write_json(record_path(path), {"sha256": sha256_of(path), "name": 3, "source": ""})
    assert read_record(path) is None
