"""Reads the convolutions of an ONNX graph.

A graph lists its nodes in the order in which they are computed. Names are kept where
the exporter kept them; what the graph does before, between and after the convolutions
is looked at only as far as a normalisation goes.
"""

from collections import defaultdict
from pathlib import Path

import numpy as np
import onnx
from google.protobuf.message import DecodeError
from onnx import inliner, numpy_helper

from common.errors import file_error
from weights.stored import ONNX_GRAPH, StoredLayer, StoredModel


def read_graph(path: Path, expected: str) -> StoredModel:
    """List the convolutions and normalisations of an ONNX file.

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
    except (DecodeError, ValueError, RuntimeError) as error:
        raise file_error(
            path, "is a damaged ONNX file or no weight file", expected
        ) from error
    if not model.graph.node:
        raise file_error(path, "is no ONNX graph", expected)
    constants = _Constants(path, model.graph)
    consumers = defaultdict(list)
    for node in model.graph.node:
        for name in node.input:
            consumers[name].append(node)
    layers: list[StoredLayer] = []
    for node in model.graph.node:
        if node.op_type == "Conv" and node.input[1] in constants:
            layers += _convolution(node, constants, consumers)
        elif node.op_type == "BatchNormalization":
            layers += _normalisation(node.input[1:5], constants)
    return StoredModel(ONNX_GRAPH, layers)


class _Constants:
    """The arrays of a graph by name, decoded when they are asked for."""

    def __init__(self, path: Path, graph: onnx.GraphProto):
        self._path = path
        self._tensors = {tensor.name: tensor for tensor in graph.initializer}
        for node in graph.node:
            if node.op_type == "Constant" and node.attribute[0].HasField("t"):
                self._tensors[node.output[0]] = node.attribute[0].t
        for node in graph.node:
            if node.op_type == "Identity" and node.input[0] in self._tensors:
                self._tensors[node.output[0]] = self._tensors[node.input[0]]

    def __contains__(self, name: str) -> bool:
        return name in self._tensors

    def __getitem__(self, name: str) -> np.ndarray:
        tensor = self._tensors[name]
        if tensor.data_location == onnx.TensorProto.EXTERNAL:
            raise file_error(self._path, f"{name} lies in another file", "it in this")
        try:
            return numpy_helper.to_array(tensor)
        except (ValueError, TypeError) as error:
            raise file_error(
                self._path, f"{name} is damaged", "an intact file, so get it again"
            ) from error


def _convolution(
    node: onnx.NodeProto, constants: _Constants, consumers: dict
) -> list[StoredLayer]:
    """Return a convolution, and what scales its outputs, which exporters unfold.

    Some add the bias in a node of its own; a normalisation may have become a product.
    """
    kernel, bias = constants[node.input[1]], None
    if len(node.input) > 2 and node.input[2] in constants:
        bias = constants[node.input[2]]
    label, output, scaled = node.input[1], node.output[0], []
    while (after := _only(consumers[output])) and after.op_type in ("Add", "Mul"):
        added = [name for name in after.input if name in constants]
        if not added or constants[added[0]].size != kernel.shape[0]:
            break
        if after.op_type == "Add" and bias is None:
            bias = constants[added[0]].reshape(-1)
        else:
            scaled.append(added[0])
        output = after.output[0]
    arrays = (kernel,) if bias is None else (kernel, bias)
    layers = [StoredLayer(label, "", arrays)]
    return layers + (_normalisation(scaled[:1] * 4, constants) if scaled else [])


def _normalisation(names: list[str], constants: _Constants) -> list[StoredLayer]:
    if not all(name in constants for name in names):
        return []
    arrays = tuple(constants[name].reshape(-1) for name in names)
    return [StoredLayer(names[0], "", arrays)]


def _only(nodes: list[onnx.NodeProto]) -> onnx.NodeProto | None:
    return nodes[0] if len(nodes) == 1 else None
