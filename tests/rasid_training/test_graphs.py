"""Exported graphs: what is taken out of them changes nothing that they compute."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from rasid_training.graphs import tidy


def _graph(path: Path) -> None:
    """A guarded softmax, reshaped by a shape that is computed; with a note on its source."""
    node = helper.make_node
    nodes = [
        node("Softmax", ["x"], ["p"], axis=-1),
        node("IsNaN", ["p"], ["none"]),
        node("Where", ["none", "zero", "p"], ["guarded"]),
        node("Shape", ["x"], ["length"], start=0, end=1),
        node("Concat", ["length", "two", "two"], ["shape"], axis=0),
        node("Reshape", ["guarded", "shape"], ["y"]),
        # A guard of something that may well be no number stays.
        node("IsNaN", ["x"], ["wrong"]),
        node("Where", ["wrong", "zero", "x"], ["z"]),
        # So does a shape with two free sizes.
        node("Shape", ["x"], ["both"]),
        node("Concat", ["length", "length"], ["square"], axis=0),
        node("Expand", ["zero", "square"], ["w"]),
    ]
    nodes[0].doc_string = "File /home/someone/model.py"
    constants = [
        numpy_helper.from_array(np.array(0.0, dtype=np.float32), "zero"),
        numpy_helper.from_array(np.array([2], dtype=np.int64), "two"),
    ]
    value = helper.make_tensor_value_info
    outputs = [value("y", TensorProto.FLOAT, ["n", 2, 2]), value("z", TensorProto.FLOAT, ["n", 4])]
    outputs.append(value("w", TensorProto.FLOAT, ["n", "n"]))
    graph = helper.make_graph(nodes, "g", [value("x", TensorProto.FLOAT, ["n", 4])], outputs, constants)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10), path)


def _run(path: Path, x: np.ndarray) -> list[np.ndarray]:
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return session.run(None, {"x": x})


def test_a_graph_that_is_tidied_computes_the_same(tmp_path: Path) -> None:
    path = tmp_path / "graph.onnx"
    _graph(path)
    inputs = [np.random.default_rng(n).normal(size=(n, 4)).astype(np.float32) for n in (1, 3, 8)]
    before = [_run(path, x) for x in inputs]
    tidy(path)
    for x, expected in zip(inputs, before, strict=True):
        for one, other in zip(_run(path, x), expected, strict=True):
            np.testing.assert_array_equal(one, other)
    assert _run(path, np.full((1, 4), np.nan, dtype=np.float32))[1].tolist() == [[0.0] * 4]
    proto = onnx.load(path)
    kinds = Counter(node.op_type for node in proto.graph.node)
    assert kinds == {"Softmax": 1, "Reshape": 1, "IsNaN": 1, "Where": 1, "Shape": 1, "Concat": 1, "Expand": 1}
    assert b"someone" not in proto.SerializeToString()
