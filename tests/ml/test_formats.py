"""A version in every other form, and versions side by side."""

import json
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
import typer
from typer.testing import CliRunner

from ml.commands.versions import COMMANDS
from ml.evaluation.tables import remark, side_by_side
from ml.export import ExportError
from ml.formats import FORMATS, export_version
from ml.inference import bundled_versions, load_classifier

RUNNER = CliRunner()
APP = typer.Typer()
for name, command in COMMANDS.items():
    APP.command(name)(command)


def test_every_form_can_be_read_by_others(tiny_version: Path, tmp_path: Path) -> None:
    """And those that answer give the version's own probabilities."""
    onnxruntime = pytest.importorskip("onnxruntime")
    written = export_version(tiny_version, tmp_path, tuple(FORMATS))
    names = {path.name for path in written}
    assert names == {
        "saved_model", "browns-tiny.keras", "browns-tiny.weights.h5", "browns-tiny.tflite", "browns-tiny.onnx",
        "MODEL_CARD.md", "model_card.json",
    }  # fmt: skip

    photos = np.random.default_rng(2).uniform(0, 255, (3, 24, 24, 3)).astype(np.float32)
    expected = np.stack([output.probabilities for output in load_classifier(tiny_version).predict(photos)])
    signature = tf.saved_model.load(str(tmp_path / "saved_model")).signatures["serving_default"]
    assert np.allclose(signature(pixels=tf.constant(photos))["probabilities"], expected, atol=1e-4)
    session = onnxruntime.InferenceSession(str(tmp_path / "browns-tiny.onnx"))
    answers = [session.run(["probabilities", "in_scope"], {"pixels": photo[None]}) for photo in photos]
    assert np.allclose(np.concatenate([probabilities for probabilities, _ in answers]), expected, atol=1e-4)
    network = tf.keras.models.load_model(tmp_path / "browns-tiny.keras")
    before = network(photos)["species"].numpy()
    for variable in network.trainable_variables:
        variable.assign(tf.zeros_like(variable))
    network.load_weights(tmp_path / "browns-tiny.weights.h5")
    assert np.array_equal(network(photos)["species"], before)


def test_the_card_for_programs_says_what_the_one_for_people_says(tiny_version: Path, tmp_path: Path) -> None:
    export_version(tiny_version, tmp_path, ("card",))
    card = json.loads((tmp_path / "model_card.json").read_text(encoding="utf-8"))
    text = (tmp_path / "MODEL_CARD.md").read_text(encoding="utf-8")

    assert card == json.loads((tiny_version / "model_card.json").read_text(encoding="utf-8"))
    assert card["made_of"]["data_fingerprint"] in text
    assert all(fingerprint in text for fingerprint in card["made_of"]["data_sources"].values())
    assert len(card["made_of"]["data_sources"]) == 2
    assert f"{card['figures']['species']['accuracy']['value']:.3f}" in text
    assert card["limits"]


def test_nothing_is_overwritten_and_unknown_forms_are_refused(tiny_version: Path, tmp_path: Path) -> None:
    export_version(tiny_version, tmp_path, ("keras",))
    with pytest.raises(ExportError, match="is there already"):
        export_version(tiny_version, tmp_path, ("keras",))
    with pytest.raises(ExportError, match="no format papyrus"):
        export_version(tiny_version, tmp_path, ("papyrus",))


def test_onnx_without_its_packages_says_what_to_install(
    tiny_version: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "tf2onnx.convert", None)
    with pytest.raises(ExportError, match=r"wingcheck\[onnx\]"):
        export_version(tiny_version, tmp_path, ("onnx",))


def test_versions_side_by_side(tiny_version: Path) -> None:
    rows = side_by_side([tiny_version, bundled_versions()[0]])

    assert rows[0]["name"] == "browns-tiny"
    assert rows[0]["species"]["accuracy"]["value"] is not None
    assert "different photos" in (remark(rows) or "")
    assert remark(side_by_side([tiny_version, tiny_version])) is None


def test_the_commands(tiny_version: Path, tmp_path: Path) -> None:
    bundled = bundled_versions()[0].name
    shown = RUNNER.invoke(APP, ["compare", str(tiny_version), bundled, "--json", str(tmp_path / "rows.json")])
    assert shown.exit_code == 0, shown.output
    assert len(json.loads((tmp_path / "rows.json").read_text(encoding="utf-8"))) == 2
    made = RUNNER.invoke(APP, ["export", str(tiny_version), str(tmp_path / "out"), "--format", "litert"])
    assert made.exit_code == 0, made.output
    assert (tmp_path / "out" / "browns-tiny.tflite").is_file()
    for words in (["compare", "nowhere"], ["export", "nowhere", str(tmp_path / "x")]):
        assert RUNNER.invoke(APP, words).exit_code == 1
