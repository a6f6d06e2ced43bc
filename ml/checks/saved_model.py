"""A SavedModel is looked at as data: every node of every graph and every function, and what is done when it is loaded."""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from google.protobuf.message import DecodeError

from ml.checks.allowed import RESTORING, SAVING, TENSORFLOW
from ml.checks.limits import LARGEST_WEIGHTS, shown
from ml.checks.protobuf import message
from ml.errors import UnsafeModel

# Others that TensorFlow would read in their place, such as saved_model.cpb, are refused.
_FILES = re.compile(
    r"saved_model\.pb|fingerprint\.pb|keras_metadata\.pb|variables/variables\.(index|data-\d{5}-of-\d{5})"
)
# An operation's name begins with a capital or one underscore. A function that were called like one would be run in its place.
_FUNCTION = re.compile(r"[a-z]|__")
_LARGEST_GRAPH = 256_000_000  # bytes
_MOST_NODES = 300_000
_MOST_NUMBERS = 500_000_000  # in constants and weights together
_ELSEWHERE = "elsewhere"
_passed: set[bytes] = set()  # digests of graphs that were looked at already


def check_saved_model(folder: Path) -> None:
    """Look at a SavedModel without running anything of it.

    Args:
        folder: that holds ``saved_model.pb``.

    Raises:
        UnsafeModel: it holds an operation that is not allowed, a file that does not belong there, or too much; the message
            names what.
    """
    for path in folder.rglob("*"):
        name = path.relative_to(folder).as_posix()
        if not path.is_dir() and not _FILES.fullmatch(name):
            raise UnsafeModel(
                f"{folder} holds the file {shown(name)}, which does not belong to a SavedModel of an image network. It was not "
                "loaded."
            )
    _SavedModel(folder).check()


class _SavedModel:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        file = folder / "saved_model.pb"
        self._numbers = self._nodes = 0
        try:
            size = file.stat().st_size
            if size > _LARGEST_GRAPH:
                raise UnsafeModel(f"{file} has {size // 1_000_000} MB; {_LARGEST_GRAPH // 1_000_000} MB are allowed.")
            self._content = file.read_bytes()
        except OSError as error:
            raise UnsafeModel(f"TensorFlow can't load {folder}: {error.strerror}.") from error
        weights = sum(path.stat().st_size for path in folder.rglob("variables*") if path.is_file())
        if weights > LARGEST_WEIGHTS:
            raise UnsafeModel(f"The weights of {folder} have {weights // 1_000_000} MB; that is too much.")

    def check(self) -> None:
        """Look at the graphs, unless the same ones were allowed before in this process."""
        digest = hashlib.sha256(self._content).digest()
        if digest in _passed:
            return
        try:
            model = message("SavedModel").FromString(self._content)
        except DecodeError as error:
            raise UnsafeModel(f"{self._folder}/saved_model.pb is no SavedModel: {error}.") from error
        if not model.meta_graphs:
            raise UnsafeModel(f"{self._folder}/saved_model.pb is no SavedModel: it holds no graph.")
        for graph in model.meta_graphs:
            self._check_objects(graph)
            saving = _functions_with(graph, SAVING)
            self._check_saver(graph, saving, _functions_with(graph, RESTORING) - saving)
            self._check_nodes(graph, saving)
        _passed.add(digest)

    def _check_objects(self, graph: Any) -> None:
        """What loading makes: files that are read, tables and queues, classes that registered themselves."""
        for thing in graph.objects.objects:
            self._count(thing.variable.shape)
            if thing.HasField("asset") or thing.HasField("resource"):
                raise self._refusal("a table or a file that is read when it is loaded")
            if thing.registered_name or thing.registered_saver:
                raise self._refusal(f"an object of the class {shown(thing.registered_name or thing.registered_saver)}")
        if graph.assets:
            raise self._refusal(f"the file {shown(graph.assets[0].file)}, read when it is loaded")

    def _check_saver(self, graph: Any, saving: set[str], restoring: set[str]) -> None:
        """A function that saves, or restores, is called by the one node that is there for it. Nothing else asks for the node
        that saves.
        """
        node, callers = _node_of(graph.saver.save), _callers(graph)
        for functions, caller in ((saving, node), (restoring, graph.saver.restore)):
            if strange := next((name for name in sorted(functions) if callers[name] != [caller]), None):
                raise self._refusal(
                    f"operations that read or write files, SaveV2 or RestoreV2, in {shown(strange)}, which is not only its saver"
                )
        if saving and _is_needed(graph, node):
            raise self._refusal(
                f"SaveV2, which writes files, behind the node {shown(node)}, which is not only its saver"
            )

    def _check_nodes(self, graph: Any, saving: set[str]) -> None:
        functions = {function.signature.name for function in graph.graph.library.functions}
        if odd := next((name for name in functions if not _FUNCTION.match(name)), None):
            raise self._refusal(f"a function called {shown(odd)}, like an operation")
        self._check_each(graph.graph.nodes, functions | TENSORFLOW, "its main graph")
        for function in graph.graph.library.functions:
            name = function.signature.name
            allowed = functions | TENSORFLOW | RESTORING | (SAVING if name in saving else frozenset())
            self._check_each(function.nodes, allowed, f"the function {shown(name)}")

    def _check_each(self, nodes: Any, allowed: frozenset[str] | set[str], where: str) -> None:
        self._nodes += len(nodes)
        if self._nodes > _MOST_NODES:
            raise self._refusal(f"more than {_MOST_NODES} operations")
        for node in nodes:
            if node.op not in allowed:
                raise self._refusal(f"the operation {shown(node.op)} ({shown(node.name)} in {where})")
            for attribute in node.attributes:
                self._check_value(attribute.value)

    def _check_value(self, value: Any) -> None:
        # Only one of these counts for TensorFlow, the last in the file; all are looked at.
        if value.HasField("tensor"):
            self._count(value.tensor.shape)
        if value.HasField("shape"):
            self._numbers_in(value.shape)
        if value.HasField("many"):
            for tensor in value.many.tensors:
                self._count(tensor.shape)
            for shape in value.many.shapes:
                self._numbers_in(shape)

    def _count(self, shape: Any) -> None:
        """Add the numbers of a constant or of weights to what there is."""
        self._numbers += self._numbers_in(shape)
        if self._numbers > _MOST_NUMBERS:
            raise self._refusal(f"more than {_MOST_NUMBERS // 1_000_000} million numbers in constants and weights")

    def _numbers_in(self, shape: Any) -> int:
        numbers = 1
        for side in shape.sides:
            numbers *= max(side.size, 1)  # -1 for a side that is open
        if numbers > _MOST_NUMBERS:
            raise self._refusal(
                f"a tensor of the shape {'×'.join(str(side.size) for side in shape.sides[:8])}, too large"
            )
        return numbers

    def _refusal(self, what: str) -> UnsafeModel:
        return UnsafeModel(
            f"{self._folder} holds {what}. No image network needs that here, and it is not allowed, because a model that "
            "is loaded can do what its operations do. It was not loaded. Ask its maker for an export without it."
        )


def _functions_with(graph: Any, operations: frozenset[str]) -> set[str]:
    return {
        function.signature.name
        for function in graph.graph.library.functions
        if any(node.op in operations for node in function.nodes)
    }


def _callers(graph: Any) -> dict[str, list[str]]:
    """By function, everything that names it: nodes of the main graph, by their names; whatever else, by what it is."""
    callers = defaultdict[str, list[str]](list)
    for node in graph.graph.nodes:
        for function in _functions_of(node):
            callers[function].append(node.name)
    library = graph.graph.library
    others = [function for other in library.functions for node in other.nodes for function in _functions_of(node)]
    others += [function for gradient in library.gradients for function in (gradient.function, gradient.gradient)]
    others += [entry.key for entry in graph.objects.functions]
    for thing in graph.objects.objects:
        others += [*thing.function.names, thing.bare_function.name, thing.captured.function]
    for function in others:
        callers[function].append(_ELSEWHERE)
    return callers


def _functions_of(node: Any) -> Iterator[str]:
    """The functions that a node may call."""
    yield node.op
    for attribute in node.attributes:
        value = attribute.value
        if value.HasField("function"):
            yield value.function.name
        if value.HasField("many"):
            yield from (named.name for named in value.many.functions)


def _is_needed(graph: Any, node: str) -> bool:
    """Whether anything but the saver asks for a node of the main graph: another node, a signature, what runs first."""
    asked = [name for other in graph.graph.nodes for name in other.inputs]
    asked += [graph.saver.restore]
    asked += [name for collection in graph.collections for name in collection.value.nodes.names]
    for signature in graph.signatures:
        asked += [tensor.value.name for tensor in (*signature.value.inputs, *signature.value.outputs)]
    return node in {_node_of(name) for name in asked}


def _node_of(tensor: str) -> str:
    """``^name`` and ``name:0`` are the node ``name``."""
    return tensor.removeprefix("^").partition(":")[0]
