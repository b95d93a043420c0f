"""Every layout read back as it was meant, every damaged file one line."""

import gzip
import io
import pickle
import warnings
import zipfile
from pathlib import Path

import h5py
import keras
import ml_dtypes
import numpy as np
import onnx
import onnx.reference
import pytest
import trunk_files
from trunk_files import TRUNKS, write_trunk

from common.errors import InputError
from weights import layouts
from weights.layouts import (
    BLOCKS,
    CONVOLUTIONS,
    IMAGENET_CORNER,
    read_q_network,
    read_trunk,
)
from weights.vgg16 import load_vgg16

pytestmark = pytest.mark.slow


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
    assert trunk.flipped == TRUNKS[layout][2]
    for kernel, bias in trunk.layers.values():
        assert kernel.dtype == bias.dtype == np.float32
        assert kernel.flags.c_contiguous


def test_layouts_are_told_from_the_file(tmp_path, blank_layers):
    expected = {
        "keras_0": layouts.KERAS_0,
        "keras_1": layouts.KERAS_1,
        "keras_3": layouts.KERAS_3,
        "keras_archive": layouts.KERAS_3,
        "onnx": layouts.ONNX_GRAPH,
    }
    for layout, description in expected.items():
        path = write_trunk(tmp_path, layout, blank_layers)
        path = path.rename(tmp_path / "weights")  # whatever the name says
        assert read_trunk(path).layout == description


def with_imagenet_corner(layers):
    kernel, bias = layers["block1_conv1"]
    kernel = kernel.copy()
    kernel[0, 0, 0, :3] = IMAGENET_CORNER
    return layers | {"block1_conv1": (kernel, bias)}


@pytest.mark.parametrize(
    "convert", ["theano", "channels_first", "as_stored", "flipped"]
)
def test_imagenet_kernel_decides_over_the_name(convert, tmp_path, blank_layers):
    layers = with_imagenet_corner(blank_layers)
    wrong = {"theano": "tf_kernels", "flipped": "tf_kernels"}.get(convert, "th_kernels")
    path = tmp_path / f"{wrong}.h5"
    trunk_files.keras_2(path, layers, getattr(trunk_files, convert))
    trunk = read_trunk(path)
    assert trunk.flipped == (convert in ("theano", "flipped"))
    assert_same(trunk.layers, layers)


def test_guess_is_called_a_guess_and_can_be_overruled(tmp_path, random_layers):
    path = tmp_path / "plain.h5"
    trunk_files.keras_2(path, random_layers, trunk_files.channels_first)
    trunk = read_trunk(path)
    assert trunk.flipped and "guess" in trunk.reason
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
    assert "is a web page" in refusal(path)
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


@pytest.mark.parametrize(
    "layout", ["keras_0", "keras_2_whole", "keras_archive", "onnx"]
)
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
    assert "layers/conv2d/vars/0 lies in another file" in refusal(path)


# --- networks that are like VGG-16 -------------------------------------------------


def with_more(layers, blocks=(2, 2, 4, 4, 4)):
    """VGG-16's layers among those of a deeper or shallower network of its kind."""
    found = {}
    for block, count in enumerate(blocks, start=1):
        filters = layers[f"block{block}_conv1"][1]
        for number in range(1, count + 1):
            name = f"block{block}_conv{number}"
            kernel = np.zeros((3, 3, len(filters), len(filters)), np.float32)
            found[name] = layers.get(name, (kernel, filters))
    return found


KINDS = {
    "VGG-19": (2, 2, 4, 4, 4),
    "VGG-13": (2, 2, 2, 2, 2),
    "VGG-11": (1, 1, 2, 2, 2),
}
NAMELESS = ["keras_0", "keras_1", "keras_3_nameless", "onnx_nameless"]


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("layout", [*NAMELESS, "keras_archive", "keras_2_nested"])
def test_siblings_are_refused_by_name(layout, name, tmp_path, blank_layers):
    layers = with_more(blank_layers, KINDS[name])
    line = refusal(write_trunk(tmp_path, layout, layers))
    assert f"holds {sum(KINDS[name])} convolutions, which is {name}" in line
    assert "expected VGG-16's 13" in line


@pytest.mark.parametrize("layout", NAMELESS)
def test_another_number_of_convolutions_is_refused(layout, tmp_path, blank_layers):
    layers = with_more(blank_layers, (2, 2, 3, 3, 4))
    line = refusal(write_trunk(tmp_path, layout, layers))
    assert "holds 14 convolutions; expected VGG-16's 13" in line


def keras_vgg(
    normalised=True,
    head=False,
    make=keras.layers.BatchNormalization,
    use_bias=True,
):
    """A network as Keras users write it, narrow images, layers without names."""
    x = image = keras.Input((32, 32, 3))
    for count, filters in BLOCKS:
        for _ in range(count):
            x = keras.layers.Conv2D(
                filters,
                3,
                padding="same",
                use_bias=use_bias,
                kernel_initializer="zeros",
            )(x)
            if normalised:
                x = make()(x)
            x = keras.layers.ReLU()(x)
        x = keras.layers.MaxPooling2D()(x)
    if head:
        x = keras.layers.Dense(64, kernel_initializer="zeros")(
            keras.layers.Flatten()(x)
        )
        x = keras.layers.BatchNormalization()(x)
        x = keras.layers.Dense(512, kernel_initializer="zeros")(x)
        x = keras.layers.BatchNormalization()(x)
    return keras.Model(image, x)


@pytest.mark.parametrize("name", ["bn.h5", "bn.keras", "bn.weights.h5"])
@pytest.mark.parametrize("nested", [False, True])
def test_batch_normalisation_is_refused(name, nested, tmp_path):
    model = keras_vgg()
    if nested:
        model = keras.Sequential([keras.Input((32, 32, 3)), model])
    save(model, tmp_path / name)
    line = refusal(tmp_path / name)
    assert "VGG-16 with batch normalisation" in line


def test_a_normalisations_scale_is_not_taken_for_a_bias(tmp_path):
    path = tmp_path / "bn.weights.h5"
    save(keras_vgg(use_bias=False), path)
    assert "VGG-16 with batch normalisation" in refusal(path)


def bare_normalisation():
    return keras.layers.BatchNormalization(scale=False, center=False)


@pytest.mark.parametrize("name", ["n.h5", "n.keras", "n.weights.h5"])
@pytest.mark.parametrize(
    "make", [bare_normalisation, lambda: keras.layers.GroupNormalization(8)]
)
def test_any_normalisation_is_refused(make, name, tmp_path):
    save(keras_vgg(make=make), tmp_path / name)
    assert "normalisation, another network" in refusal(tmp_path / name)


@pytest.mark.parametrize("name", ["n.h5", "n.keras"])
@pytest.mark.parametrize("frozen", ["batch_normalization", "conv2d_5"])
def test_frozen_layers_of_nested_models_keep_their_place(frozen, name, tmp_path):
    """Keras 2's layout lists trainable weights first."""
    keras.utils.clear_session(free_memory=False)
    normalised = frozen.startswith("batch")
    inner = keras_vgg(normalised=normalised)
    for number, layer in enumerate(inner.layers):
        if layer.name.startswith(frozen):
            layer.trainable = False
        if len(layer.weights) == 2:
            layer.set_weights([w + number for w in layer.get_weights()])
    model = keras.Sequential([keras.Input((32, 32, 3)), inner])
    save(model, tmp_path / name)
    if normalised:
        assert "with batch normalisation" in refusal(tmp_path / name)
        return
    biases = [bias[0] for _, bias in read_trunk(tmp_path / name).layers.values()]
    assert biases == sorted(biases) and len(set(biases)) == 13


def test_an_order_that_nothing_tells_is_not_guessed(tmp_path, blank_layers):
    path = write_trunk(tmp_path, "keras_3_nameless", blank_layers)
    with h5py.File(path, "r+") as file:
        for number in range(13):
            suffix = f"_{number}" if number else ""
            file.move(f"layers/conv2d{suffix}", f"{'abcdefghijklm'[number]}_three")
    assert "have no names that tell their order" in refusal(path)


def test_layers_called_as_in_the_paper(tmp_path, random_layers):
    path = tmp_path / "subclassed.weights.h5"
    with h5py.File(path, "w") as file:
        for name, arrays in reversed(random_layers.items()):
            own = name.replace("block", "conv").replace("_conv", "_")
            for number, array in enumerate(arrays):
                file[f"{own}/vars/{number}"] = array
    assert_same(read_trunk(path).layers, random_layers)


def test_blocks_may_be_models_of_their_own(tmp_path, random_layers):
    path = tmp_path / "blocks.weights.h5"
    with h5py.File(path, "w") as file:
        for name, arrays in random_layers.items():
            group = file.create_group(f"layers/{name[:6]}/layers/{name}/vars")
            for number, array in enumerate(arrays):
                group[str(number)] = array
    assert_same(read_trunk(path).layers, random_layers)


def test_convolutions_on_top_do_not_make_it_vgg_19(tmp_path, blank_layers):
    wide = (np.zeros((3, 3, 512, 4096), np.float32), np.zeros(4096, np.float32))
    layers = trunk_files.numbered(blank_layers) | dict.fromkeys(
        ("14", "15", "16"), wide
    )
    line = refusal(write_trunk(tmp_path, "keras_3_nameless", layers))
    assert "holds 16 convolutions; expected VGG-16's 13" in line


@pytest.mark.parametrize("name", ["head.h5", "head.keras"])
def test_a_normalised_head_is_none_of_the_trunks_affair(name, tmp_path):
    save(keras_vgg(normalised=False, head=True), tmp_path / name)
    assert len(read_trunk(tmp_path / name).layers) == 13


def test_where_nothing_tells_a_head_from_a_trunk_the_way_on_is_said(tmp_path):
    path = tmp_path / "head.weights.h5"
    save(keras_vgg(normalised=False, head=True), path)
    assert "on top of the trunk alone, a .keras file of the model" in refusal(path)


@pytest.mark.parametrize("name", ["nested.h5", "nested.keras", "nested.weights.h5"])
def test_what_keras_itself_saves_is_read_at_any_depth(name, tmp_path):
    trunk = keras.applications.VGG16(False, None, input_shape=(32, 32, 3))
    random = np.random.default_rng(0)
    trunk.set_weights([random.normal(size=w.shape) for w in trunk.weights])
    image = keras.Input((32, 32, 3))
    inner = keras.Model(image, keras.layers.Dropout(0.1)(trunk(image)))
    head = keras.layers.Conv2D(8, 3, kernel_initializer="zeros", padding="same")
    model = keras.Sequential([keras.Input((32, 32, 3)), inner, head])
    save(model, tmp_path / name)
    layers = read_trunk(tmp_path / name).layers
    for (kernel, bias), layer in zip(
        layers.values(), [n for n in trunk.layers if "conv" in n.name], strict=True
    ):
        np.testing.assert_array_equal(kernel, layer.get_weights()[0])
        np.testing.assert_array_equal(bias, layer.get_weights()[1])


def save(model, path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # .h5 is Keras's past
        if path.name.endswith(".weights.h5"):
            model.save_weights(path)
        else:
            model.save(path)


def test_two_trunks_are_one_too_many(tmp_path, blank_layers):
    path = write_trunk(tmp_path, "keras_3_deep", blank_layers)
    with h5py.File(path, "r+") as file:
        file.copy("layers/a/layers/b/layers/c", file, "layers/d")
    line = refusal(path)
    assert "several trunks: layers/a/layers/b/layers/c/layers, layers/d/layers" in line


def test_a_convolution_without_its_bias(tmp_path, blank_layers):
    path = write_trunk(tmp_path, "keras_3", blank_layers)
    with h5py.File(path, "r+") as file:
        del file["layers/conv2d_4/vars/1"]
    assert "block3_conv1 has no bias" in refusal(path)


# --- ONNX --------------------------------------------------------------------------


def onnx_variant(path: Path, layers, change) -> Path:
    """Write a graph as ``change`` leaves it."""
    trunk_files.onnx_graph(path, layers)
    model = onnx.load(path)
    change(model.graph)
    onnx.save(model, path)
    return path


def unfold_bias(graph) -> None:
    """Add each bias in a node of its own, (1, filters, 1, 1)."""
    nodes = []
    for node in graph.node:
        if node.op_type != "Conv":
            nodes.append(node)
            continue
        *inputs, bias = node.input
        output = node.output[0]
        del node.input[2]
        node.output[0] = f"{output}/before"
        added = onnx.helper.make_node("Add", [node.output[0], bias], [output])
        nodes += [node, added]
    for tensor in graph.initializer:
        if tensor.name.endswith("bias"):
            tensor.dims[:] = [1, tensor.dims[0], 1, 1]
    del graph.node[:]
    graph.node.extend(nodes)


def constants_as_nodes(graph) -> None:
    nodes = [
        onnx.helper.make_node("Constant", [], [tensor.name], value=tensor)
        for tensor in graph.initializer
    ]
    nodes += graph.node
    del graph.initializer[:]
    del graph.node[:]
    graph.node.extend(nodes)


@pytest.mark.parametrize("change", [unfold_bias, constants_as_nodes])
def test_onnx_as_other_exporters_write_it(change, tmp_path, random_layers):
    path = onnx_variant(tmp_path / "vgg.onnx", random_layers, change)
    assert_same(read_trunk(path).layers, random_layers)


def behind_convolutions(operator: str):
    """Put a node between each convolution and its ReLU."""

    def change(graph) -> None:
        nodes = []
        for node in graph.node:
            if node.op_type == "Conv":
                output, bias = node.output[0], node.input[2]
                node.output[0] = f"{output}/before"
                count = {"BatchNormalization": 4, "InstanceNormalization": 2}
                inputs = [node.output[0], *[bias] * count.get(operator, 1)]
                nodes += [node, onnx.helper.make_node(operator, inputs, [output])]
            else:
                nodes.append(node)
        del graph.node[:]
        graph.node.extend(nodes)

    return change


@pytest.mark.parametrize(
    ("operator", "words"),
    [
        ("BatchNormalization", "is VGG-16 with batch normalisation"),
        ("InstanceNormalization", "has InstanceNormalization at block1_conv1"),
        ("Mul", "has Mul at block1_conv1"),
        ("Sub", "has Sub at block1_conv1"),
        ("LeakyRelu", "has LeakyRelu at block1_conv1"),
    ],
)
def test_onnx_of_another_network(operator, words, tmp_path, blank_layers):
    change = behind_convolutions(operator)
    path = onnx_variant(tmp_path / "other.onnx", blank_layers, change)
    assert words in refusal(path)


@pytest.mark.parametrize("name", ["strides", "dilations"])
def test_onnx_of_other_convolutions(name, tmp_path, blank_layers):
    def change(graph) -> None:
        graph.node[2].attribute.append(onnx.helper.make_attribute(name, [2, 2]))

    path = onnx_variant(tmp_path / "other.onnx", blank_layers, change)
    assert f"has {name} of 2 at block1_conv2" in refusal(path)


def test_pytorchs_trunk_takes_other_pixels(tmp_path, random_layers):
    path = tmp_path / "torch.onnx"
    layers = trunk_files.numbered(random_layers)
    trunk_files.onnx_graph(path, layers, names="features.{}.weight")
    assert "is PyTorch's VGG-16 (features.0.weight)" in refusal(path)


def damage(what: str):
    def change(graph) -> None:
        if what == "no inputs":
            del graph.node[0].input[:]
        elif what == "an empty constant":
            graph.node.insert(0, onnx.helper.make_node("Constant", [], ["x"]))
        elif what == "an unknown type":
            graph.initializer[0].data_type = 99

    return change


@pytest.mark.parametrize("what", ["no inputs", "an empty constant", "an unknown type"])
def test_damaged_onnx_is_one_line(what, tmp_path, blank_layers):
    path = onnx_variant(tmp_path / "damaged.onnx", blank_layers, damage(what))
    assert "damaged ONNX" in refusal(path)


def test_an_onnx_graph_with_a_loop_comes_to_an_end(tmp_path, random_layers):
    def change(graph) -> None:
        start = onnx.helper.make_node("Identity", [graph.node[0].output[0]], ["loop"])
        loop = onnx.helper.make_node("Identity", ["loop"], ["loop"])
        graph.node.extend([loop, start])

    path = onnx_variant(tmp_path / "loop.onnx", random_layers, change)
    assert_same(read_trunk(path).layers, random_layers)


def test_onnx_in_bfloat16(tmp_path, random_layers):
    rounded = {
        name: tuple(array.astype(ml_dtypes.bfloat16) for array in arrays)
        for name, arrays in random_layers.items()
    }
    path = tmp_path / "half.onnx"
    trunk_files.onnx_graph(path, rounded)
    expected = {
        name: tuple(array.astype(np.float32) for array in arrays)
        for name, arrays in rounded.items()
    }
    assert_same(read_trunk(path).layers, expected)


def test_onnx_that_keeps_its_weights_elsewhere(tmp_path, random_layers):
    path = tmp_path / "vgg.onnx"
    trunk_files.onnx_graph(path, random_layers)
    onnx.save(onnx.load(path), path, save_as_external_data=True, location="data")
    assert "lies in another file" in refusal(path)


def test_onnx_computes_what_the_trunk_does(tmp_path, random_layers):
    """ONNX's own evaluator, on two blocks of the graph, against the trunk in Keras."""
    path = write_trunk(tmp_path, "onnx", random_layers)
    image = np.random.default_rng(0).normal(0, 50, (1, 8, 12, 3)).astype(np.float32)
    model = onnx.load(path)
    del model.graph.output[:], model.graph.node[10:]
    output = onnx.helper.make_tensor_value_info("block2_conv2/pool", 1, None)
    model.graph.output.append(output)
    run = onnx.reference.ReferenceEvaluator(model)
    (expected,) = run.run(None, {"image": image.transpose(0, 3, 1, 2)})
    found = load_vgg16(path, ("block2_pool",))(image)
    found = keras.ops.convert_to_numpy(found).transpose(0, 3, 1, 2)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("share", [0.3, 0.999])
def test_onnx_cut_short(share, tmp_path, blank_layers):
    path = write_trunk(tmp_path, "onnx", blank_layers)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    assert "damaged ONNX" in refusal(path)


def test_keras_archive_cut_short(tmp_path, blank_layers):
    path = write_trunk(tmp_path, "keras_archive", blank_layers)
    path.write_bytes(path.read_bytes()[:-100])
    assert "cut short or a damaged archive" in refusal(path)


@pytest.mark.parametrize("layout", ["keras_archive", "onnx"])
def test_any_damage_is_one_line_or_none(layout, tmp_path):
    """A hundred files with a few bytes changed; HDF5's are in test_hdf5.py."""
    random = np.random.default_rng(0)
    arrays = (np.ones((3, 3, 3, 4), np.float32), np.ones(4, np.float32))
    path = write_trunk(tmp_path, layout, {"block1_conv1": arrays})
    intact = np.frombuffer(path.read_bytes(), np.uint8)
    lines = set()
    for number in range(100):
        data = intact.copy()
        start = 0 if number % 2 else len(data) - 400  # where archives list what is in
        places = start + np.flatnonzero(data[start:])
        places = random.choice(places, random.integers(1, 9))
        data[places] = random.integers(0, 256, len(places))
        path.write_bytes(data)
        lines.add(refusal(path))
    assert any("damaged" in line for line in lines) and len(lines) > 1


# --- files that are no weights -----------------------------------------------------

LFS = (
    b"version https://git-lfs.github.com/spec/v1\n"
    b"oid sha256:4665a5ea423c2713d436b5ee50593a9640e0018c1550b5a0002f74190d6caea8\n"
    b"size 58889256\n"
)


def zipped(**members: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in members.items():
            archive.writestr(name.replace("__", "/").replace("_dot_", "."), data)
    return buffer.getvalue()


NO_WEIGHTS = {
    "saved page": (b"<!-- saved from url=(0014)about --><html>", "a web page"),
    "page in UTF-16": ("<html></html>".encode("utf-16"), "a web page"),
    "web page": (b"\n<!DOCTYPE html><html><body>Sign in</body></html>", "a web page"),
    "LFS": (LFS, "Git LFS pointer"),
    "PyTorch": (zipped(model__data_dot_pkl=b"x"), "a PyTorch pickle"),
    "older PyTorch": (pickle.dumps({"a": [1, 2]}, protocol=2), "a PyTorch pickle"),
    "SavedModel graph": (
        b"\x08\x01\x12\xd3\x10\n\x10serve",
        "is the graph of a TensorFlow SavedModel",
    ),
    "archive": (zipped(readme_dot_txt=b"x"), "a ZIP archive without model.weights.h5"),
    "arrays": (zipped(a_dot_npy=b"x"), "an archive of NumPy's"),
    "gzip": (gzip.compress(b"x"), "a gzip archive"),
    "safetensors": (b"\x02\0\0\0\0\0\0\0" + b'{"a":1}', "a safetensors file"),
    "text": (b"hello", "no weight file of a known kind"),
}


@pytest.mark.parametrize("what", NO_WEIGHTS)
@pytest.mark.parametrize("name", ["vgg16.h5", "vgg16.keras", "vgg16.onnx"])
def test_what_is_no_weight_file_is_called_what_it_is(what, name, tmp_path):
    content, words = NO_WEIGHTS[what]
    (tmp_path / name).write_bytes(content)
    for read in (read_trunk, read_q_network):
        line = refusal(tmp_path / name, read)
        assert words in line
        assert "expected" in line


def test_saved_model_folders(tmp_path):
    (tmp_path / "saved_model.pb").write_bytes(b"")
    assert "is a TensorFlow SavedModel" in refusal(tmp_path)


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
