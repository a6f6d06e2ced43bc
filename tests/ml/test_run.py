"""From a folder of pictures to a model version that answers, and back to its figures."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from typer.testing import CliRunner

from ml.cli import app
from ml.config import load_config
from ml.datasets.examples import divide
from ml.evaluation.evaluation import evaluate
from ml.export import Parity, compare
from ml.inference import load_classifier, network_input, open_photo, read_version
from ml.run import train_version
from tests.ml.runs import QUIET

RUNNER = CliRunner()


def test_learns_to_tell_drawings_apart(tiny_version: Path, drawn_data: Path) -> None:
    classifier = load_classifier(tiny_version)
    size = classifier.info.input_size
    right = 0
    files = [(index, file) for index, label in enumerate(("maniola_jurtina", "pyronia_tithonus"))
             for file in sorted((drawn_data / "pair" / label).glob("*.jpg"))[:20]]  # fmt: skip
    for index, file in files:
        image, _ = open_photo(file, max_side=None)
        pixels = network_input(image, square=None, size=size, training_resolution=classifier.info.training_resolution)
        right += classifier.predict(pixels[None])[0].probabilities.argmax() == index
    assert right >= 0.9 * len(files)


def test_evaluation_finds_what_training_reported(tiny_version: Path, drawn_data: Path) -> None:
    reported = json.loads((tiny_version / "metrics.json").read_text(encoding="utf-8"))
    for runtime in ("litert", "savedmodel"):
        measured = evaluate(tiny_version, data=drawn_data, runtime=runtime, rounds=20).figures
        assert measured["same_data"]
        assert measured["species"]["accuracy"] == reported["species"]["accuracy"]
        assert measured["scope"]["auroc"]["all"] == reported["scope"]["auroc"]["all"]


def test_every_figure_has_an_interval(tiny_version: Path) -> None:
    metrics = json.loads((tiny_version / "metrics.json").read_text(encoding="utf-8"))

    assert set(metrics["species"]) == {
        "accuracy",
        "auroc",
        "balanced_accuracy",
        "brier",
        "log_loss",
        "calibration_error",
        "coverage_at_1_percent_error",
        "coverage_at_2_percent_error",
        "coverage_at_5_percent_error",
    }
    for figure in metrics["species"].values():
        assert figure["low"] <= figure["high"]
    assert {"all", "unseen_labels", "plain"} <= set(metrics["scope"]["auroc"])


def test_the_signature_for_bytes_answers_like_the_one_for_arrays(tiny_version: Path, drawn_data: Path) -> None:
    """Within what two JPEG decoders may differ by."""
    files = sorted((drawn_data / "pair").glob("*/*.jpg"))[::20]
    loaded = tf.saved_model.load(str(tiny_version / "saved_model"))
    given = loaded.signatures["serve_bytes"](encoded=tf.constant([file.read_bytes() for file in files]))
    pixels = np.stack(
        [network_input(open_photo(f, max_side=None)[0], square=None, size=24, training_resolution=24) for f in files]
    )
    expected = loaded.signatures["serving_default"](pixels=tf.constant(pixels))

    assert np.abs(given["probabilities"].numpy() - expected["probabilities"].numpy()).max() < 0.1


def test_three_labels_and_no_outsiders(drawn_data: Path, tmp_path: Path) -> None:
    """A softmax head through the same road; without outsiders everything is in scope."""
    table = drawn_data / "other" / "labels.csv"
    assert table.is_file()
    tiny = load_config("tiny")
    config = dataclasses.replace(
        tiny,
        species=dataclasses.replace(tiny.species, labels=("maniola_jurtina", "pyronia_tithonus", "aglais_io")),
        outsiders=None,
        resize="pad",
        optimisation=dataclasses.replace(tiny.optimisation, epochs=1),
    )
    data = tmp_path / "data"
    _with_a_third_label(drawn_data, data)
    folder = tmp_path / "three"
    train_version(config, data, folder, command="test", options=QUIET, rounds=5)

    info = read_version(folder)
    output = load_classifier(folder).predict(np.zeros((1, 24, 24, 3), np.float32))[0]
    assert (info.head, len(info.labels), output.in_scope) == ("softmax", 3, 1.0)
    assert output.probabilities.shape == (3,)
    assert info.metrics["scope"] is None
    assert info.resize == "pad"


def _with_a_third_label(source: Path, target: Path) -> None:
    """The drawn pair, its first label once more under a third name."""
    (target / "pair").mkdir(parents=True)
    lines = (source / "pair" / "labels.csv").read_text(encoding="utf-8").splitlines()
    more = [line.replace("maniola_jurtina", "aglais_io") for line in lines if line.startswith("maniola")]
    (target / "pair" / "labels.csv").write_text("\n".join([*lines, *more]) + "\n", encoding="utf-8")
    for label in ("maniola_jurtina", "pyronia_tithonus"):
        (target / "pair" / label).symlink_to(source / "pair" / label)
    (target / "pair" / "aglais_io").symlink_to(source / "pair" / "maniola_jurtina")


def outputs(**changes: np.ndarray) -> dict[str, np.ndarray]:
    plain = {"probabilities": np.array([[0.4, 0.6]]), "in_scope": np.array([0.5])}
    return plain | {"embedding": np.zeros((1, 2)), "feature_map": np.zeros((1, 1, 1, 2))} | changes


@pytest.mark.parametrize(
    ("conversion", "passed"),
    [
        (outputs(), True),
        (outputs(in_scope=np.array([0.5009])), True),
        (outputs(in_scope=np.array([0.502])), False),
        (outputs(probabilities=np.array([[np.nan, np.nan]])), False),
        (outputs(feature_map=np.full((1, 1, 1, 2), np.inf)), False),
    ],
)
def test_a_conversion_must_agree_and_be_finite(conversion: dict[str, np.ndarray], passed: bool) -> None:
    parity = compare(outputs(), conversion)

    assert isinstance(parity, Parity)
    assert parity.passed is passed


def test_train_and_evaluate_from_the_command_line(tmp_path: Path) -> None:
    data, folder = tmp_path / "drawn", tmp_path / "version"
    assert RUNNER.invoke(app, ["draw", str(data)]).exit_code == 0
    made = RUNNER.invoke(
        app, ["train", "tiny", "--data", str(data), "--out", str(folder), "--epochs", "1", "--seed", "3"]
    )

    assert made.exit_code == 0, made.output
    assert "images/s" in made.output
    metrics = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    assert metrics["command"] == "wingcheck train tiny --data DATA --seed 3 --epochs 1"
    assert str(tmp_path) not in (folder / "model.json").read_text(encoding="utf-8")

    figures, card = tmp_path / "figures.json", tmp_path / "card.md"
    arguments = ["evaluate", str(folder), "--data", str(data), "--json", str(figures), "--card", str(card)]
    measured = RUNNER.invoke(app, arguments)
    assert measured.exit_code == 0, measured.output
    assert json.loads(figures.read_text(encoding="utf-8"))["same_data"]
    assert "in-scope AUROC" in card.read_text(encoding="utf-8")

    again = RUNNER.invoke(app, ["train", "tiny", "--data", str(data), "--out", str(folder), "--epochs", "1"])
    assert again.exit_code == 1
    assert (folder / "model.json").is_file()


@pytest.mark.parametrize(
    "arguments",
    [
        ["train", "nothing", "--data", "."],
        ["train", "tiny", "--data", "/nowhere"],
        ["evaluate", "/nowhere", "--data", "."],
        ["evaluate", ".", "--data", ".", "--runtime", "abacus"],
        ["train", "article", "--data", ".", "--weights", "imagenet"],
    ],
)
def test_refuses_with_a_sentence(arguments: list[str]) -> None:
    result = RUNNER.invoke(app, arguments)

    assert result.exit_code == 1
    assert "Traceback" not in result.output


def test_nothing_is_left_of_an_export_that_failed(
    drawn_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ml.export import ExportError

    monkeypatch.setattr("ml.export.check_parity", lambda *_: Parity(0.5, 1, False))
    with pytest.raises(ExportError, match="differ"):
        train_version(
            load_config("tiny").with_changes(epochs=1), drawn_data, tmp_path / "new", command="test",
            options=QUIET,
        )  # fmt: skip
    assert not (tmp_path / "new").exists()


def test_other_data_is_said_to_be_other(tiny_version: Path, tmp_path: Path) -> None:
    from ml.datasets.synthetic import write_drawn_folder

    other = write_drawn_folder(tmp_path, per_label=40, outsiders=60, seed=9)

    assert not evaluate(tiny_version, data=other, rounds=5).figures["same_data"]
    assert divide(load_config("tiny"), other).counts["train"]


def test_the_mean_over_views_is_the_mean_over_views() -> None:
    """One batch through the network gives what each view by itself gives."""
    from ml.architectures.registry import build
    from ml.export import viewing_graph
    from ml.steps import predict_raw

    config = dataclasses.replace(load_config("tiny"), zoom_views=(0.75,))
    network = build("article", size=24, labels=2)
    pixels = np.random.default_rng(1).integers(0, 256, (3, 24, 24, 3)).astype(np.float32)
    middle = tf.image.resize(pixels[:, 3:21, 3:21], (24, 24)).numpy()
    views = [pixels, middle, pixels[:, :, ::-1], middle[:, :, ::-1]]

    together = predict_raw(viewing_graph(network, config), pixels)

    for name in ("species", "scope"):
        apart = np.mean([predict_raw(network, view)[name] for view in views], axis=0)
        np.testing.assert_allclose(together[name], apart, atol=1e-4)
    plain = dataclasses.replace(config, zoom_views=(), flip_average=False)
    assert viewing_graph(network, plain) is network
