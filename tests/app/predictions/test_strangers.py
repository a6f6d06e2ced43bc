"""A version that somebody else made harms nothing, whichever command it is given to."""

import json

import pytest
import tensorflow as tf
from ai_edge_litert.schema_py_generated import BuiltinOperator

from app.core.settings import get_settings
from app.predictions import classifiers, registry
from tests.factories import photo
from tests.ml import strangers
from tests.running import free_port
from tests.versions import BUNDLED_NUMBER, make_version, registered


@pytest.fixture(scope="module")
def mark(tmp_path_factory):
    """The file that the hostile networks write."""
    return tmp_path_factory.mktemp("harm") / "mark"


@pytest.fixture(scope="module")
def networks(tmp_path_factory, mark):
    """Networks that do harm, by the place in a version where they belong."""
    folder = tmp_path_factory.mktemp("hostile")
    lambda_layer = tf.keras.layers.Lambda(lambda pixels: pixels)
    return {
        "saved_model": strangers.saved_model(folder / "theirs", strangers.acts(mark)["WriteFile"]),
        "model.keras": strangers.keras_archive(folder / "model.keras", lambda_layer),
        "model.tflite": strangers.litert(folder / "model.tflite", BuiltinOperator.CUSTOM, b"FlexWriteFile"),
    }


@pytest.fixture
def version(tmp_path, networks):
    """A version with hostile networks in these places."""

    def make(*names):
        folder = make_version(tmp_path, "2.0.0")
        for name in names:
            strangers.put_into(folder, name, networks[name])
        return folder

    return make


NAMED = {"saved_model": "WriteFile", "model.keras": "Lambda", "model.tflite": "FlexWriteFile"}


@pytest.mark.parametrize("name", NAMED)
def test_it_is_neither_imported_nor_served(wingcheck, database, version, mark, name):
    folder = version(name)
    for command in (["models", "import", folder], ["run", "--model", folder, "--port", str(free_port())]):
        code, _, err = wingcheck(*command)
        assert code == 1
        assert NAMED[name] in err
        assert len(err.splitlines()) == 1
    assert registered(database) == [(BUNDLED_NUMBER, True)]
    assert not list(get_settings().model_dir.glob("*"))
    assert not mark.exists()


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("model.tflite", ["predict", "a.jpg", "--model", "{version}"]),
        ("model.tflite", ["evaluate", "{version}", "--photos", "photos"]),
        ("saved_model", ["evaluate", "{version}", "--photos", "photos", "--runtime", "savedmodel"]),
        ("saved_model", ["models", "export", "{version}", "out", "--format", "onnx"]),
        ("saved_model", ["models", "adopt", "{version}/saved_model", "out", "--label", "a", "--label", "b"]),
        ("model.keras", ["explain", "a.jpg", "--model", "{version}", "--method", "grad-cam"]),
        ("model.keras", ["models", "export", "{version}", "out", "--format", "weights"]),
    ],
    ids=lambda value: value if isinstance(value, str) else " ".join(value[:2]),
)
def test_a_command_that_would_load_it_names_what_it_holds(wingcheck, version, mark, tmp_path, name, arguments):
    (tmp_path / "a.jpg").write_bytes(photo())
    folder = version(name)
    code, _, err = wingcheck(*[argument.format(version=folder) for argument in arguments])
    assert code == 1
    assert NAMED[name] in err
    assert not mark.exists()
    assert not (tmp_path / "out" / "model.json").exists()


def test_a_hostile_artefact_beside_an_honest_conversion_never_runs(wingcheck, version, mark, tmp_path):
    (tmp_path / "a.jpg").write_bytes(photo())
    code, out, _ = wingcheck("predict", "a.jpg", "--json", "--model", version("saved_model", "model.keras"))
    assert code == 0
    assert json.loads(out)[0]["predictions"]
    assert not mark.exists()


def test_what_was_imported_is_served_by_litert_whatever_is_set(lite, tmp_path):
    settings = lite.settings.model_copy(update={"runtime": "savedmodel"})
    with lite.sessions() as session:
        version = registry.import_version(session, make_version(tmp_path, "2.0.0"), lite.settings)
        assert classifiers.load(session, version, settings).recogniser.runtime == "litert"
