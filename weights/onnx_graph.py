"""Reads the convolutions of an ONNX graph.

A graph lists its nodes in the order in which they are computed. Names are kept where
the exporter kept them. What lies between two convolutions is looked at too: the tensors
of another network may fit.
"""

from collections import defaultdict
from pathlib import Path

import numpy as np
import onnx
from google.protobuf.message import DecodeError
from onnx import inliner, numpy_helper

from common.errors import file_error
from weights.stored import ONNX_GRAPH, StoredLayer, StoredModel

_SAME_NETWORK = {"Relu", "MaxPool", "Pad", "Identity", "Dropout", "Transpose"}
"""Nodes that VGG-16 has between its convolutions, or that change nothing."""


def read_graph(path: Path, expected: str) -> StoredModel:
    """List the convolutions of an ONNX file, and what is computed between them.

    Args:
        path: the file.
        expected: what should be there, for the error.

    Raises:
        InputError: the file is damaged, no ONNX, or keeps its weights in other files.
    """
    try:
        model = onnx.load_model(path, load_external_data=False)
        if model.functions:
            model = inliner.inline_local_functions(model)
        if not model.graph.node:
            raise file_error(path, "is no ONNX graph", expected)
        return StoredModel(ONNX_GRAPH, _convolutions(path, model.graph))
    # Whatever a damaged graph lacks shows itself somewhere on the way.
    except (DecodeError, ValueError, RuntimeError, LookupError, TypeError) as error:
        raise file_error(
            path, "is a damaged ONNX file or no weight file", expected
        ) from error


def _convolutions(path: Path, graph: onnx.GraphProto) -> list[StoredLayer]:
    constants = _Constants(path, graph)
    consumers = defaultdict(list)
    for node in graph.node:
        for name in node.input:
            consumers[name].append(node)
    return [
        _convolution(node, constants, consumers)
        for node in graph.node
        if node.op_type == "Conv" and node.input[1] in constants
    ]


class _Constants:
    """The arrays of a graph by name, decoded when they are asked for."""

    def __init__(self, path: Path, graph: onnx.GraphProto):
        self._path = path
        self._tensors = {tensor.name: tensor for tensor in graph.initializer}
        self._changes: dict[str, onnx.NodeProto] = {}
        for node in graph.node:
            if node.op_type == "Constant" and node.attribute[0].HasField("t"):
                self._tensors[node.output[0]] = node.attribute[0].t
            elif node.op_type in ("Identity", "Cast", "Transpose"):
                if node.input[0] in self:
                    self._changes[node.output[0]] = node

    def __contains__(self, name: str) -> bool:
        return name in self._tensors or name in self._changes

    def __getitem__(self, name: str) -> np.ndarray:
        if name in self._changes:
            node = self._changes[name]
            array = self[node.input[0]]
            axes = [list(a.ints) for a in node.attribute if a.name == "perm"]
            is_transposed = node.op_type == "Transpose"
            return (
                array.transpose(axes[0] if axes else None) if is_transposed else array
            )
        tensor = self._tensors[name]
        if tensor.data_location == onnx.TensorProto.EXTERNAL:
            raise file_error(self._path, f"{name} lies in another file", "it in this")
        array = numpy_helper.to_array(tensor)
        is_bfloat16 = tensor.data_type == onnx.TensorProto.BFLOAT16
        return array.astype(np.float32) if is_bfloat16 else array


def _convolution(
    node: onnx.NodeProto, constants: _Constants, consumers: dict
) -> StoredLayer:
    """Return a convolution; some exporters add its bias in a node of its own."""
    kernel, bias = constants[node.input[1]], None
    if len(node.input) > 2 and node.input[2] in constants:
        bias = constants[node.input[2]]
    foreign = [
        f"{attribute.name} of {max(attribute.ints or [attribute.i])}"
        for attribute in node.attribute
        if attribute.name in ("strides", "dilations", "group")
        and set(attribute.ints or [attribute.i]) != {1}
    ]
    reached = list(consumers[node.output[0]])
    seen = {node.output[0]}
    while reached:
        after = reached.pop(0)
        if after.op_type == "Conv" or seen.issuperset(after.output):
            continue
        added = [name for name in after.input if name in constants]
        is_bias = after.op_type == "Add" and bias is None and added
        if is_bias and constants[added[0]].size == kernel.shape[0]:
            bias = constants[added[0]].reshape(-1)
        elif after.op_type not in _SAME_NETWORK:
            foreign.append(after.op_type)
            continue
        seen.update(after.output)
        for output in after.output:
            reached += consumers[output]
    arrays = (kernel,) if bias is None else (kernel, bias)
    return StoredLayer(node.input[1], "", arrays, tuple(foreign))
