"""Models that do harm when they are loaded or asked, made with the libraries that would load them."""

from __future__ import annotations

import json
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import tensorflow as tf
from ai_edge_litert import schema_py_generated as schema
from flatbuffers import Builder
from tensorflow.core.protobuf import saved_model_pb2

from ml.inference.versions import file_digest

SIZE = 16


def saved_model(folder: Path, act: Callable[[], Any] = tf.no_op) -> Path:
    """A SavedModel for three labels that answers about pictures, and does something else besides."""
    module = tf.Module()
    module.scale = tf.Variable(0.01)

    def look(pixels: Any) -> Any:
        with tf.control_dependencies([act()]):
            return {"probabilities": tf.nn.softmax(module.scale * tf.reduce_mean(pixels, axis=[1, 2]))}

    spec = tf.TensorSpec((None, SIZE, SIZE, 3), tf.float32, name="pixels")
    module.look = tf.function(look, input_signature=[spec], autograph=False)
    tf.saved_model.save(module, str(folder), signatures={"serving_default": module.look})
    return folder


def acts(mark: Path) -> dict[str, Callable[[], Any]]:
    """By the operation that does it, what a model may try; most write the file ``mark``."""
    written = str(mark)

    def write() -> Any:
        return tf.io.write_file(written, "harm")

    def in_a_loop() -> Any:
        def body(number: Any) -> Any:
            with tf.control_dependencies([write()]):
                return number + 1

        return tf.while_loop(lambda number: number < 1, body, [0])[0]

    def in_a_branch() -> Any:
        return tf.cond(tf.constant(0.5) < tf.random.uniform(()), lambda: [write(), 1][1], lambda: 0)

    def python() -> Any:
        return tf.py_function(lambda: mark.write_text("harm"), [], tf.int64)

    def save() -> Any:
        return tf.raw_ops.SaveV2(prefix=written, tensor_names=["a"], shape_and_slices=[""], tensors=[tf.constant(1.0)])

    return {
        "WriteFile": write,
        "WriteFile in a nested function": tf.function(lambda: [write(), tf.constant(0)][1], autograph=False),
        "WriteFile in a loop": in_a_loop,
        "WriteFile in a branch": in_a_branch,
        "ReadFile": lambda: tf.io.read_file("/etc/hostname"),
        "MatchingFiles": lambda: tf.io.matching_files("/etc/*"),
        "EagerPyFunc": python,
        "PrintV2": lambda: tf.raw_ops.PrintV2(input="harm", output_stream=f"file://{written}"),
        "SaveV2": save,
        "RestoreV2": lambda: tf.raw_ops.RestoreV2(
            prefix="/tmp/x",  # noqa: S108
            tensor_names=["a"],
            shape_and_slices=[""],
            dtypes=[tf.float32],
        )[0],
    }


def writes_when_loaded(folder: Path, mark: Path) -> Path:
    """A SavedModel whose init_op writes; in the manner of TensorFlow 1, the only one in which TensorFlow runs it at once."""
    v1 = tf.compat.v1
    with tf.Graph().as_default(), v1.Session() as session:
        pixels = v1.placeholder(tf.float32, (None, SIZE, SIZE, 3), "pixels")
        answer = tf.nn.softmax(tf.reduce_mean(pixels, axis=[1, 2]))
        signature = v1.saved_model.predict_signature_def({"pixels": pixels}, {"probabilities": answer})
        builder = v1.saved_model.Builder(str(folder))
        first = tf.io.write_file(str(mark), "harm")
        builder.add_meta_graph_and_variables(session, ["serve"], {"serving_default": signature}, main_op=first)
        builder.save()
    return folder


def edited(folder: Path, change: Callable[[Any], object]) -> Path:
    """The same SavedModel with a change in its graph."""
    file = folder / "saved_model.pb"
    model = saved_model_pb2.SavedModel.FromString(file.read_bytes())
    change(model.meta_graphs[0])
    file.write_bytes(model.SerializeToString())
    return folder


def litert(file: Path, operation: int = schema.BuiltinOperator.ADD, custom: bytes | None = None, **tensor: Any) -> Path:
    """A LiteRT file with one operation on one tensor; nothing more is needed to be looked at."""
    kind = tensor.pop("type", schema.TensorType.FLOAT32)
    model = schema.ModelT()
    model.version, model.buffers = 3, [schema.BufferT()]
    code = schema.OperatorCodeT()
    code.builtinCode, code.deprecatedBuiltinCode, code.customCode = operation, min(operation, 127), custom
    graph, only, step = schema.SubGraphT(), schema.TensorT(), schema.OperatorT()
    only.shape, only.type, only.buffer = tensor.pop("shape", [1, SIZE, SIZE, 3]), kind, 0
    step.inputs, step.outputs = [0, 0], [0]
    graph.tensors, graph.operators, graph.inputs, graph.outputs = [only], [step], [0], [0]
    model.operatorCodes, model.subgraphs = [code], [graph]
    builder = Builder(1024)
    builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
    file.write_bytes(bytes(builder.Output()))
    return file


def keras_archive(file: Path, *layers: Any) -> Path:
    """A network of Keras with these layers behind its input, in an archive."""
    tf.keras.Sequential([tf.keras.layers.Input((SIZE, SIZE, 3)), *layers]).save(file)
    return file


def with_config(source: Path, file: Path, change: Callable[[dict[str, Any]], object]) -> Path:
    """The same archive of Keras with a change in its configuration."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(file, "w") as new:
        for entry in old.infolist():
            content = old.read(entry)
            if entry.filename == "config.json":
                config = json.loads(content)
                change(config)
                content = json.dumps(config).encode()
            new.writestr(entry.filename, content)
    return file


def weights(file: Path, kind: str = "") -> Path:
    """A file of weights in HDF5 that leads to another place: "link", "storage" or "virtual"; or is far larger than it looks."""
    with h5py.File(file, "w") as content:
        group = content.create_group("layers/dense/vars")
        if kind == "link":
            group["0"] = h5py.ExternalLink("/etc/passwd", "/")
        elif kind == "storage":
            group.create_dataset("0", (4,), "u1", external=[("/etc/passwd", 0, 4)])
        elif kind == "virtual":
            layout = h5py.VirtualLayout((4,), "f4")
            layout[:] = h5py.VirtualSource("/tmp/other.h5", "a", (4,))  # noqa: S108
            group.create_virtual_dataset("0", layout)
        elif kind == "huge":
            group.create_dataset("0", (100_000, 100_000), "f4", chunks=(1, 1000))
        else:
            group.create_dataset("0", data=np.zeros(4, np.float32))
    return file


def put_into(version: Path, name: str, source: Path) -> Path:
    """Put a stranger's file or folder into a version in another's place, with the hashes that belong to it."""
    target = version / name
    if target.is_dir():
        shutil.rmtree(target)
    (shutil.copytree if source.is_dir() else shutil.copy)(source, target)
    manifest = json.loads((version / "model.json").read_text(encoding="utf-8"))
    kept = [path for path in manifest["files"] if not path.startswith(f"{name}/") and path != name]
    new = [path.relative_to(version).as_posix() for path in target.rglob("*") if path.is_file()] or [name]
    manifest["files"] = {path: file_digest(version / path) for path in [*kept, *new]}
    (version / "model.json").write_text(json.dumps(manifest), encoding="utf-8")
    return version
