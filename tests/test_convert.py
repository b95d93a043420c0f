"""Conversion: the same features and Q-values out of a Keras 3 file, or no file."""

import keras
import numpy as np
import pytest
import trunk_files
from trunk_files import TRUNKS, write_trunk

from common import command_line
from common.epochs import read_settings, write_settings
from common.errors import InputError
from common.files import sha256_of
from weights import convert, layouts
from weights.convert import Settings, convert_q_network, convert_trunk
from weights.layouts import read_trunk
from weights.vgg16 import build_vgg16, trunk_identity

pytestmark = pytest.mark.slow


def run(*words) -> None:
    command_line.run(convert.main, Settings, [str(word) for word in words])


@pytest.mark.parametrize(
    "layout", ["keras_0", "tf_th_kernels", "keras_archive", "onnx"]
)
def test_trunk(layout, tmp_path, random_layers, capsys):
    source = write_trunk(tmp_path, layout, random_layers)
    dest = tmp_path / "out" / "converted.weights.h5"
    run(source, dest)
    printed = capsys.readouterr().out
    assert "13 convolutions" in printed
    flipped = TRUNKS[layout][2]
    assert ("not flipped" in printed) != flipped
    assert "trunk: VGG-16 of unknown origin" in printed
    assert "largest difference of the features" in printed
    model = build_vgg16()
    model.load_weights(dest)
    for name, arrays in random_layers.items():
        for found, expected in zip(
            model.get_layer(name).get_weights(), arrays, strict=True
        ):
            np.testing.assert_array_equal(found, expected)
    assert read_trunk(dest).layout == layouts.KERAS_3


def test_check_is_independent_of_the_conversion(tmp_path, random_layers, monkeypatch):
    """A converter that forgets to turn kernels is caught, and nothing is written."""
    source = write_trunk(tmp_path, "keras_1", random_layers)
    dest = tmp_path / "dest.weights.h5"
    flip = layouts._flip
    monkeypatch.setattr(
        layouts, "_flip", lambda kernel, axes, flipped: flip(kernel, axes, False)
    )
    with pytest.raises(InputError, match="not written: its features would differ"):
        convert_trunk(source, dest)
    assert not dest.exists()


def test_rotation_can_be_asked_for(tmp_path, random_layers, capsys):
    source = tmp_path / "plain.h5"
    trunk_files.keras_2(source, random_layers, trunk_files.channels_first)
    dest = tmp_path / "dest.weights.h5"
    run(source, dest, "--rotate", "no")
    assert "not flipped: asked for" in capsys.readouterr().out
    kernel, _ = read_trunk(dest).layers["block3_conv1"]
    np.testing.assert_array_equal(kernel, random_layers["block3_conv1"][0])


def test_the_trunk_stays_what_it_is(tmp_path, random_layers):
    source = write_trunk(tmp_path, "th_th_kernels", random_layers)
    dest = tmp_path / "dest.weights.h5"
    convert_trunk(source, dest)
    assert trunk_identity(dest) == trunk_identity(source)


def golden_arrays(seed: int) -> tuple[list[np.ndarray], np.ndarray, np.ndarray]:
    """Draw a record's network, descriptor (512, 7, 7) and history."""
    random = np.random.RandomState(seed)
    shapes = [(25112, 1024), 1024, (1024, 1024), 1024, (1024, 6), 6]
    deviations = [0.01, 0.01, 0.05, 0.01, 0.05, 0.01]
    arrays = [
        random.normal(0, deviation, shape).astype(np.float32)
        for deviation, shape in zip(deviations, shapes, strict=True)
    ]
    features = np.maximum(random.normal(0, 1, (512, 7, 7)), 0).astype(np.float32)
    history = np.zeros(24, np.float32)
    history[[3, 10]] = 1
    return arrays, features, history


def test_golden_q_values(golden, tmp_path, capsys):
    records = golden("q_values")
    assert records
    for record in records:
        arrays, features, history = golden_arrays(record["seed"])
        source, dest = tmp_path / "model0", tmp_path / "model0.weights.h5"
        trunk_files.q_network_keras_1(source, arrays)
        run("--q_network", source, dest)
        printed = capsys.readouterr().out
        assert "channel, row, column" in printed and "Q-values" in printed
        network = keras.Sequential(
            [
                keras.Input((25112,)),
                keras.layers.Dense(1024, "relu", kernel_initializer="zeros"),
                keras.layers.Dense(1024, "relu", kernel_initializer="zeros"),
                keras.layers.Dense(6),
            ]
        )
        network.load_weights(dest)
        state = np.concatenate([features.transpose(1, 2, 0).ravel(), history])
        found = keras.ops.convert_to_numpy(network(state[None]))[0]
        np.testing.assert_allclose(found, record["q_values"], rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("layout", ["keras_0", "keras_1", "keras_3"])
@pytest.mark.parametrize("order", ["auto", "channel_row_column", "row_column_channel"])
def test_q_network_layouts_and_orders(layout, order, tmp_path, capsys):
    random = np.random.default_rng(2)
    shapes = [(25112, 3), (3,), (3, 4), (4,), (4, 6), (6,)]
    arrays = [random.normal(0, 0.1, shape).astype(np.float32) for shape in shapes]
    source = tmp_path / "model0"
    getattr(trunk_files, f"q_network_{layout}")(source, arrays)
    run("--q_network", source, tmp_path / "q.weights.h5", "--feature_order", order)
    kernel = layouts.read_q_network(tmp_path / "q.weights.h5").arrays[0]
    first = order == "channel_row_column" or (order == "auto" and layout != "keras_3")
    assert np.array_equal(kernel, arrays[0]) != first
    assert f"ordered {'channel' if first else 'row'}, " in capsys.readouterr().out


def test_what_a_checkpoint_was_trained_with_is_passed_on(tmp_path):
    random = np.random.default_rng(2)
    shapes = [(25112, 3), (3,), (3, 4), (4,), (4, 6), (6,)]
    source, dest = tmp_path / "model0.weights.h5", tmp_path / "q.weights.h5"
    trunk_files.q_network_keras_3(source, [random.normal(size=s) for s in shapes])
    convert_q_network(source, dest)
    assert read_settings(dest) is None
    write_settings(source, {"detector": "image_zooms"})
    convert_q_network(source, dest)
    assert read_settings(dest) == {"detector": "image_zooms"}


def test_permutation_is_checked(tmp_path, monkeypatch):
    random = np.random.default_rng(2)
    shapes = [(25112, 3), (3,), (3, 4), (4,), (4, 6), (6,)]
    source, dest = tmp_path / "model0", tmp_path / "q.weights.h5"
    trunk_files.q_network_keras_1(source, [random.normal(size=s) for s in shapes])
    monkeypatch.setattr(layouts, "_rows_to_channels_last", lambda kernel: kernel)
    with pytest.raises(InputError, match="Q-values would differ"):
        convert_q_network(source, dest)
    assert not dest.exists()


def test_destinations_that_cannot_be(tmp_path, blank_layers):
    source = write_trunk(tmp_path, "keras_3", blank_layers)
    before = sha256_of(source)
    in_a_file = source / "dest.weights.h5"
    cases = {
        tmp_path / "dest.h5": "a name ending in .weights.h5",
        tmp_path / ".weights.h5": "a name ending in .weights.h5",
        tmp_path / "x" / ".." / source.name: "is SOURCE",
        in_a_file: "cannot be written",
    }
    (tmp_path / "folder.weights.h5").mkdir()
    cases[tmp_path / "folder.weights.h5"] = "is a folder"
    for dest, reason in cases.items():
        with pytest.raises(SystemExit) as caught:
            run(source, dest)
        line = str(caught.value)
        assert line.startswith("error: ") and reason in line and str(dest) in line
        assert "\n" not in line
    assert sha256_of(source) == before


def test_bad_source_leaves_the_destination_alone(tmp_path):
    source, dest = tmp_path / "bad.h5", tmp_path / "dest.weights.h5"
    source.write_bytes(b"bad")
    dest.write_bytes(b"earlier")
    for words in ((), ("--q_network",)):
        with pytest.raises(SystemExit, match=f"error: {source}: is no weight file"):
            run(*words, source, dest)
    assert dest.read_bytes() == b"earlier"
    assert sorted(file.name for file in tmp_path.iterdir()) == [
        "bad.h5",
        "dest.weights.h5",
    ]
