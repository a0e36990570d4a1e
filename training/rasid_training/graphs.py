"""Graphs: what is taken out of an exported ONNX graph because it computes nothing, or tells of the machine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper


def tidy(path: Path) -> None:
    """Tidy the graph in a file.

    - Notes of the exporter on the source code go: its lines, with the paths of this machine.
    - Attention is guarded against rows in which everything is masked; nothing is masked here, so the guard goes.
    - The shape of a reshaping, computed in several nodes where one size is free, becomes a constant.
    """
    proto = onnx.load(path)
    _forget_sources(proto)
    _drop_guards(proto.graph)
    _fix_shapes(proto.graph)
    _drop_unused(proto.graph)
    onnx.checker.check_model(proto)
    onnx.save(proto, path)


def _forget_sources(proto: Any) -> None:
    del proto.metadata_props[:]
    graph = proto.graph
    for item in (graph, *graph.node, *graph.input, *graph.output, *graph.value_info, *graph.initializer):
        item.doc_string = ""
        del item.metadata_props[:]


def _drop_guards(graph: Any) -> None:
    """Where(IsNaN(p), 0, p) of a Softmax p becomes p."""
    makers = {output: node for node in graph.node for output in node.output}
    replaced = {}
    for node in graph.node:
        if node.op_type != "Where":
            continue
        guard, kept = makers.get(node.input[0]), makers.get(node.input[2])
        if (
            guard
            and kept
            and guard.op_type == "IsNaN"
            and kept.op_type == "Softmax"
            and guard.input[0] == kept.output[0]
        ):
            replaced[node.output[0]] = kept.output[0]
    for node in graph.node:
        for place, name in enumerate(node.input):
            node.input[place] = replaced.get(name, name)


def _fix_shapes(graph: Any) -> None:
    """A shape put together of constants and one free size becomes a constant with -1 in its place."""
    constants = {item.name: numpy_helper.to_array(item) for item in graph.initializer}
    makers = {output: node for node in graph.node for output in node.output}
    for node in graph.node:
        maker = makers.get(node.input[1]) if node.op_type == "Reshape" else None
        if maker is None or maker.op_type != "Concat":
            continue
        parts = [constants.get(name) for name in maker.input]
        sizes = np.concatenate([np.array([-1]) if part is None else part for part in parts])
        if sum(part is None for part in parts) == 1 and (sizes != 0).all() and (sizes == -1).sum() == 1:
            name = f"{node.output[0]}_shape"
            graph.initializer.append(numpy_helper.from_array(sizes.astype(np.int64), name))
            node.input[1] = name


def _drop_unused(graph: Any) -> None:
    outputs = {output.name for output in graph.output}
    while True:
        used = outputs | {name for node in graph.node for name in node.input}
        unused = [node for node in graph.node if not used & set(node.output)]
        if not unused:
            break
        for node in unused:
            graph.node.remove(node)
    used = {name for node in graph.node for name in node.input}
    for item in [item for item in graph.initializer if item.name not in used]:
        graph.initializer.remove(item)
