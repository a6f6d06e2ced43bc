"""The few messages of TensorFlow's that a check reads, declared here so that reading them takes no TensorFlow.

The numbers are those of TensorFlow's .proto files (saved_model, meta_graph, graph, function, node_def, attr_value, tensor,
tensor_shape, saved_object_graph), which never change. Fields that are not declared are skipped.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

_PACKAGE = "wingcheck.checks"
_SCALARS = {
    "string": descriptor_pb2.FieldDescriptorProto.TYPE_STRING,
    "int64": descriptor_pb2.FieldDescriptorProto.TYPE_INT64,
}
# Message → field → its number and type; a "*" behind the type means that it is repeated.
_MESSAGES: dict[str, dict[str, tuple[int, str]]] = {
    "SavedModel": {"meta_graphs": (2, "MetaGraph*")},
    "MetaGraph": {
        "graph": (2, "Graph"),
        "saver": (3, "Saver"),
        "collections": (4, "CollectionEntry*"),
        "signatures": (5, "SignatureEntry*"),
        "assets": (6, "Asset*"),
        "objects": (7, "ObjectGraph"),
    },
    "Graph": {"nodes": (1, "Node*"), "library": (2, "Library")},
    "Library": {"functions": (1, "Function*"), "gradients": (2, "Gradient*")},
    "Gradient": {"function": (1, "string"), "gradient": (2, "string")},
    "Function": {"signature": (1, "Signature"), "nodes": (3, "Node*")},
    "Signature": {"name": (1, "string")},
    "Node": {"name": (1, "string"), "op": (2, "string"), "inputs": (3, "string*"), "attributes": (5, "AttributeEntry*")},
    "AttributeEntry": {"key": (1, "string"), "value": (2, "Attribute")},
    "Attribute": {"many": (1, "AttributeList"), "shape": (7, "Shape"), "tensor": (8, "Tensor"), "function": (10, "Named")},
    "AttributeList": {"shapes": (7, "Shape*"), "tensors": (8, "Tensor*"), "functions": (9, "Named*")},
    "Named": {"name": (1, "string")},
    "Tensor": {"shape": (2, "Shape")},
    "Shape": {"sides": (2, "Side*")},
    "Side": {"size": (1, "int64")},
    "Saver": {"save": (2, "string"), "restore": (3, "string")},
    "CollectionEntry": {"key": (1, "string"), "value": (2, "Collection")},
    "Collection": {"nodes": (1, "NodeList")},
    "NodeList": {"names": (1, "string*")},
    "SignatureEntry": {"key": (1, "string"), "value": (2, "Endpoint")},
    "Endpoint": {"inputs": (1, "TensorEntry*"), "outputs": (2, "TensorEntry*")},
    "TensorEntry": {"key": (1, "string"), "value": (2, "TensorInfo")},
    "TensorInfo": {"name": (1, "string")},
    "Asset": {"file": (2, "string")},
    "ObjectGraph": {"objects": (1, "Object*"), "functions": (2, "FunctionEntry*")},
    "FunctionEntry": {"key": (1, "string")},
    "Object": {
        "asset": (5, "Empty"),
        "function": (6, "SavedFunction"),
        "variable": (7, "Variable"),
        "bare_function": (8, "Named"),
        "resource": (10, "Empty"),
        "captured": (12, "Captured"),
        "registered_name": (13, "string"),
        "registered_saver": (16, "string"),
    },
    "Variable": {"shape": (2, "Shape")},
    "SavedFunction": {"names": (1, "string*")},
    "Captured": {"function": (2, "string")},
    "Empty": {},
}  # fmt: skip


@cache
def message(name: str) -> Any:
    """The class of a message, such as ``SavedModel``."""
    pool = descriptor_pool.DescriptorPool()
    file = descriptor_pb2.FileDescriptorProto(name="wingcheck_checks.proto", package=_PACKAGE, syntax="proto3")
    for title, fields in _MESSAGES.items():
        declared = file.message_type.add(name=title)
        for field, (number, kind) in fields.items():
            _declare(declared, field, number, kind)
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{_PACKAGE}.{name}"))


def _declare(message: descriptor_pb2.DescriptorProto, name: str, number: int, kind: str) -> None:
    types = descriptor_pb2.FieldDescriptorProto
    field = message.field.add(name=name, number=number, label=types.LABEL_OPTIONAL)
    if kind.endswith("*"):
        field.label = types.LABEL_REPEATED
    kind = kind.removesuffix("*")
    if kind in _SCALARS:
        field.type = _SCALARS[kind]
    else:
        field.type, field.type_name = types.TYPE_MESSAGE, f".{_PACKAGE}.{kind}"
