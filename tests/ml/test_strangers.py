"""A model that somebody else made harms nothing: what it must not hold is named, and nothing of it runs."""

import json
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import h5py
import pytest
import tensorflow as tf
from ai_edge_litert import schema_py_generated as schema

from ml.adoption import Description, adopt
from ml.architectures.registry import build
from ml.checks.keras import check_archived_weights, check_keras, check_weights
from ml.checks.litert import check_litert
from ml.checks.saved_model import check_saved_model
from ml.errors import UnsafeModel
from ml.inference import ModelVersionError, bundled_versions, load_classifier
from ml.inference.strangers import read_strangers_version, try_out
from ml.inference.versions import read_version
from ml.limited import LimitError, limited
from ml.training import TrainingError, begin_with
from tests.ml import strangers
from tests.versions import make_version

THREE = Description(labels=("Aglais io", "Vanessa atalanta", "Pieris rapae"), name="theirs", task="t", pixels="0..1")
ACTS = sorted(strangers.acts(Path("nowhere")))


@pytest.fixture(scope="module")
def mark(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file that hostile models write."""
    return tmp_path_factory.mktemp("harm") / "mark"


@pytest.fixture(autouse=True)
def nothing_is_written(mark: Path) -> Iterator[None]:
    yield
    assert not list(mark.parent.glob("mark*"))


@pytest.fixture(scope="module")
def honest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return strangers.saved_model(tmp_path_factory.mktemp("honest") / "theirs")


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory, mark: Path) -> Path:
    """A SavedModel that writes when it is asked."""
    return strangers.saved_model(tmp_path_factory.mktemp("hostile") / "theirs", strangers.acts(mark)["WriteFile"])


# --- SavedModels -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("act", ACTS)
def test_an_operation_that_does_more_than_arithmetic_is_named(act: str, mark: Path, tmp_path: Path) -> None:
    folder = strangers.saved_model(tmp_path / "theirs", strangers.acts(mark)[act])
    with pytest.raises(UnsafeModel, match=act.split()[0]) as refusal:
        adopt(folder, tmp_path / "version", THREE)
    assert "was not loaded" in str(refusal.value)
    assert not (tmp_path / "version").exists()


def test_what_runs_when_it_is_loaded_is_looked_at_too(mark: Path, tmp_path: Path) -> None:
    folder = strangers.writes_when_loaded(tmp_path / "theirs", mark)
    with pytest.raises(UnsafeModel, match="WriteFile"):
        adopt(folder, tmp_path / "version", THREE)
    tf.saved_model.load(str(folder))  # so this would have happened
    assert mark.read_text() == "harm"
    mark.unlink()


def _huge(graph: Any) -> None:
    constant = next(node for node in graph.graph_def.node if node.op == "Const")
    constant.attr["value"].tensor.tensor_shape.dim.add().size = 10**12


def _function_like_an_operation(graph: Any) -> None:
    graph.graph_def.library.function[0].signature.name = "WriteFile"


def _saver_asked_for_by_the_answer(graph: Any) -> None:
    save = graph.saver_def.save_tensor_name.partition(":")[0]
    next(node for node in graph.graph_def.node if node.name == "StatefulPartitionedCall").input.append(f"^{save}")


def _saver_that_is_a_function_of_the_model(graph: Any) -> None:
    name = next(f.signature.name for f in graph.graph_def.library.function if "save" in f.signature.name)
    graph.object_graph_def.concrete_functions[name].bound_inputs.append(0)


def _saver_called_from_a_function(graph: Any) -> None:
    functions = graph.graph_def.library.function
    save = next(f.signature.name for f in functions if "save" in f.signature.name)
    node = next(f for f in functions if "save" not in f.signature.name).node_def.add(name="x", op="PartitionedCall")
    node.attr["f"].func.name = save


def _table(graph: Any) -> None:
    graph.object_graph_def.nodes.add().resource.device = ""


def _asset(graph: Any) -> None:
    graph.asset_file_def.add().filename = "../../etc/passwd"


def _registered(graph: Any) -> None:
    graph.object_graph_def.nodes.add().registered_name = "package.Class"


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (_huge, "1000000000000"),
        (_function_like_an_operation, "like an operation"),
        (_saver_asked_for_by_the_answer, "not only its saver"),
        (_saver_that_is_a_function_of_the_model, "not only its saver"),
        (_saver_called_from_a_function, "not only its saver"),
        (_table, "a table"),
        (_asset, "passwd"),
        (_registered, "package.Class"),
    ],
)
def test_what_is_hidden_in_its_frame_is_found(change: Callable[[Any], None], named: str, tmp_path: Path) -> None:
    folder = strangers.edited(strangers.saved_model(tmp_path / "theirs"), change)
    with pytest.raises(UnsafeModel, match=named):
        check_saved_model(folder)


@pytest.mark.parametrize("name", ["saved_model.cpb", "saved_model.pbtxt", "assets/words.txt", "variables/other"])
def test_files_that_tensorflow_would_read_instead_are_refused(name: str, tmp_path: Path) -> None:
    folder = strangers.saved_model(tmp_path / "theirs")
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_bytes(b"x")
    with pytest.raises(UnsafeModel, match=Path(name).name):
        check_saved_model(folder)


@pytest.mark.parametrize("content", [b"", b"words", b"\xff" * 100])
def test_what_is_no_saved_model_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "saved_model.pb").write_bytes(content)
    with pytest.raises(UnsafeModel, match="no SavedModel"):
        check_saved_model(tmp_path)
    with pytest.raises(UnsafeModel, match="can't load"):
        check_saved_model(tmp_path / "nowhere")


def test_honest_ones_pass(honest: Path, tmp_path: Path) -> None:
    check_saved_model(honest)
    for folder in bundled_versions():
        read_strangers_version(folder)
    application = tf.keras.applications.MobileNet((32, 32, 3), alpha=0.25, weights=None, classes=3)
    application.save(tmp_path / "a.keras")
    application.export(str(tmp_path / "theirs"), verbose=False)
    check_keras(tmp_path / "a.keras")
    check_saved_model(tmp_path / "theirs")


# --- LiteRT ----------------------------------------------------------------------------------------------------------

OPERATIONS = schema.BuiltinOperator


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"operation": OPERATIONS.CUSTOM, "custom": b"Phone\x1b[31m"}, r"custom operation 'Phone\?"),
        ({"operation": OPERATIONS.CUSTOM, "custom": b"FlexWriteFile"}, "FlexWriteFile', TensorFlow's own"),
        ({"operation": OPERATIONS.WHILE}, "operation WHILE"),
        ({"operation": OPERATIONS.STABLEHLO_CUSTOM_CALL}, "STABLEHLO_CUSTOM_CALL"),
        ({"operation": 9999}, "number 9999"),
        ({"shape": [1, 100_000, 100_000, 3]}, "1×100000×100000×3"),
        ({"shape": [1] * 20}, "20 dimensions"),
        ({"type": schema.TensorType.RESOURCE}, "RESOURCE"),
    ],
)
def test_a_litert_file_holds_builtin_operations_of_bounded_size(
    values: dict[str, Any], named: str, tmp_path: Path
) -> None:
    file = strangers.litert(tmp_path / "model.tflite", **values)
    with pytest.raises(UnsafeModel, match=named):
        check_litert(file)


def test_an_honest_litert_file_passes_and_a_damaged_one_is_refused(tmp_path: Path) -> None:
    file = strangers.litert(tmp_path / "model.tflite")
    check_litert(file)
    whole = file.read_bytes()
    for content in (b"", b"words", whole[:40], whole[: len(whole) // 2], b"\xff" * 200):
        file.write_bytes(content)
        with pytest.raises(UnsafeModel, match="damaged"):
            check_litert(file)


# --- Keras -----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    layers = tf.keras.layers
    folder = tmp_path_factory.mktemp("keras")
    return strangers.keras_archive(folder / "model.keras", layers.Flatten(), layers.Dense(3))


def test_a_lambda_layer_is_refused(tmp_path: Path) -> None:
    file = strangers.keras_archive(tmp_path / "model.keras", tf.keras.layers.Lambda(lambda pixels: pixels))
    with pytest.raises(UnsafeModel, match="Lambda"):
        check_keras(file)


@pytest.mark.parametrize(
    ("entry", "named"),
    [
        ({"module": "os", "class_name": "function", "config": "system"}, r"os\.function"),
        ({"module": "builtins", "class_name": "function", "config": "exec"}, "builtins"),
        ({"module": "keras.layers", "class_name": "TFSMLayer", "config": {}}, "TFSMLayer"),
        ({"module": "keras.layers", "class_name": "Dense", "config": {}, "registered_name": "p>X"}, "p>X"),
        ({"class_name": "__lambda__", "config": {"value": ""}}, "__lambda__"),
        ({"class_name": "Dense", "config": {"units": 10**9}}, "units"),
        ({"class_name": ["Dense"]}, "Dense"),
    ],
)
def test_names_in_a_configuration_are_those_of_keras_layers(
    entry: dict[str, Any], named: str, archive: Path, tmp_path: Path
) -> None:
    def change(config: dict[str, Any]) -> None:
        config["config"]["layers"][1]["config"]["kernel_initializer"] = entry

    file = strangers.with_config(archive, tmp_path / "model.keras", change)
    with pytest.raises(UnsafeModel, match=named):
        check_keras(file)


def test_what_an_archive_may_hold_is_bounded(archive: Path, tmp_path: Path) -> None:
    for number, (name, content) in enumerate(
        {"../../up.py": b"x", "assets/words.txt": b"x", "config.json": b" " * 21_000_000}.items()
    ):
        file = tmp_path / f"{number}.keras"
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as made:
            made.writestr(name, content)
        with pytest.raises(UnsafeModel, match=name):
            check_keras(file)
    deep = strangers.with_config(archive, tmp_path / "deep.keras", lambda config: config.update(deep=_nested(150)))
    with pytest.raises(UnsafeModel, match="nests"):
        check_keras(deep)
    (tmp_path / "words.keras").write_bytes(b"words")
    with pytest.raises(UnsafeModel, match="no archive"):
        check_keras(tmp_path / "words.keras")
    assert check_archived_weights(archive) == 2


def _nested(levels: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize("kind", ["link", "storage", "virtual", "huge"])
def test_weights_lead_to_no_other_file(kind: str, tmp_path: Path) -> None:
    file = strangers.weights(tmp_path / "a.weights.h5", kind)
    with pytest.raises(UnsafeModel, match=r"another|more than"):
        check_weights(file)
    check_weights(strangers.weights(tmp_path / "honest.h5"))


def test_a_backbone_begins_with_no_such_weights(tmp_path: Path) -> None:
    file = strangers.weights(tmp_path / "a.weights.h5", "link")
    with pytest.raises(ValueError, match="were not loaded"):
        build("mobilenet_v2", size=32, labels=2, options={"weights": str(file)})


def test_training_begins_with_weights_alone(archive: Path, tmp_path: Path) -> None:
    """The configuration of the version to begin with is never built, whatever it names."""
    layers = tf.keras.layers
    network = tf.keras.Sequential([layers.Input((16, 16, 3)), layers.Flatten(), layers.Dense(3)])
    begin_with(network, archive.parent)
    other = tf.keras.Sequential([layers.Input((16, 16, 3)), layers.Flatten(), layers.Dense(3), layers.Dense(3)])
    with pytest.raises(TrainingError, match="another way"):
        begin_with(other, archive.parent)
    strangers.keras_archive(tmp_path / "model.keras", layers.Lambda(lambda pixels: pixels))
    with pytest.raises(TrainingError, match="Lambda"):
        begin_with(network, tmp_path)
    with pytest.raises(TrainingError, match=r"no model\.keras"):
        begin_with(network, tmp_path / "nowhere")
    with zipfile.ZipFile(archive) as made, h5py.File(made.open("model.weights.h5")) as content:
        assert len(content) > 0


# --- versions --------------------------------------------------------------------------------------------------------


def test_the_reference_runtime_loads_nothing_hostile(hostile: Path, tmp_path: Path) -> None:
    version = strangers.put_into(make_version(tmp_path), "saved_model", hostile)
    with pytest.raises(UnsafeModel, match="WriteFile"):
        load_classifier(version, "savedmodel")
    with pytest.raises(UnsafeModel, match="WriteFile"):
        read_strangers_version(version)
    load_classifier(version)  # LiteRT has nothing to do with it


@pytest.mark.parametrize("name", ["finder/model.tflite", "names/model.tflite", "model.tflite"])
def test_every_network_of_a_version_is_looked_at(name: str, tmp_path: Path) -> None:
    custom = strangers.litert(tmp_path / "bad.tflite", OPERATIONS.CUSTOM, b"Phone")
    version = strangers.put_into(make_version(tmp_path), name, custom)
    with pytest.raises(UnsafeModel, match="Phone"):
        read_strangers_version(version)


def test_a_version_is_tried_out_in_a_process_of_its_own(tmp_path: Path) -> None:
    """The file that is well formed and still can't answer is found before it serves."""
    version = strangers.put_into(make_version(tmp_path), "model.tflite", strangers.litert(tmp_path / "odd.tflite"))
    with pytest.raises(ModelVersionError, match="can't"):
        try_out(version)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda manifest: manifest["input"].update(size=100_000), "100000 pixels"),
        (lambda manifest: manifest["parts"]["finder"].update(size=100_000), "100000 pixels"),
        (lambda manifest: manifest.update(deep=_nested(40)), "nests"),
        (lambda manifest: manifest["files"].update({"/etc/hostname": "sha256:0"}), "/etc/hostname"),
    ],
)
def test_a_manifest_is_bounded(change: Callable[[dict[str, Any]], None], named: str, tmp_path: Path) -> None:
    version = make_version(tmp_path)
    manifest = json.loads((version / "model.json").read_text())
    change(manifest)
    (version / "model.json").write_text(json.dumps(manifest))
    with pytest.raises(ModelVersionError, match=named):
        read_version(version)


def test_a_manifest_that_is_too_large_or_endless_is_refused(tmp_path: Path) -> None:
    version = make_version(tmp_path)
    for content in ("[" * 100_000, '{"a": "' + "x" * 20_000_001 + '"}'):
        (version / "metrics.json").write_text(content)
        with pytest.raises(ModelVersionError, match=r"metrics\.json can't be read"):
            read_version(version)


def test_a_folder_of_countless_files_is_refused(tmp_path: Path) -> None:
    version = make_version(tmp_path)
    for number in range(200):
        (version / f"{number}.txt").touch()
    with pytest.raises(ModelVersionError, match="more than 200 files"):
        read_strangers_version(version)


# --- limits ----------------------------------------------------------------------------------------------------------


def test_limited_work_returns_raises_and_ends() -> None:
    assert limited(len, "abc", megabytes=4_000, seconds=60) == 3
    with pytest.raises(LimitError, match="memory"):
        limited(bytes, 3_000_000_000, megabytes=2_000, seconds=60)
    with pytest.raises(LimitError, match="exit code"):
        limited(sum, range(10**12), megabytes=4_000, seconds=1)
