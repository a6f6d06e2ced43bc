"""``wingcheck evaluate`` and ``wingcheck explain`` on the drawn model, as a person types them."""

import html
import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from ml.cli import app
from ml.datasets.examples import Examples
from ml.evaluation.breakdown import _label_by_label, answers_for
from ml.evaluation.evaluation import evaluate
from ml.explanation import Explainer, grad_cam, overlay, pixel_gradient
from ml.inference import bundled_versions, load_classifier, network_input, open_photo
from ml.keras_files import load_network

RUNNER = CliRunner()


def run(*words: str) -> str:
    result = RUNNER.invoke(app, list(words), env={"COLUMNS": "200"})
    assert result.exit_code == 0, result.output
    return result.output


@pytest.fixture(scope="module")
def written(tiny_version: Path, drawn_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A whole evaluation of the drawn model beside itself: figures.json, report.html, card.md."""
    folder = tmp_path_factory.mktemp("evaluation")
    files = [word for name in ("json", "report", "card") for word in (f"--{name}", str(folder / name))]
    said = run(
        "evaluate",
        str(tiny_version),
        "--data",
        str(drawn_data),
        "--against",
        str(tiny_version),
        "--rounds",
        "50",
        *files,
    )
    assert "can't support at most 1 % wrong: this needs 299 calibration photos" in said
    assert "No significant difference" in said
    return folder


def test_the_figures_fit_each_other(written: Path) -> None:
    figures = json.loads((written / "json").read_text(encoding="utf-8"))
    confusion = np.array(figures["confusion"])
    shown = confusion.sum()

    assert figures["same_data"]
    assert (
        shown
        == figures["species"]["accuracy"]["photos"]
        == sum(each["photos"] for each in figures["per_label"].values())
    )
    assert figures["species"]["accuracy"]["value"] == pytest.approx(np.trace(confusion) / shown, abs=1e-4)
    assert len(figures["mistakes"]) == min(12, shown - np.trace(confusion))
    assert figures["calibration"]["after"]["error"] == pytest.approx(
        figures["species"]["calibration_error"]["value"], abs=1e-4
    )
    assert {"balanced_accuracy", "brier", "log_loss"} <= figures["species"].keys()
    assert {"all", "plain", "object"} <= figures["scope"]["auroc"].keys()
    assert figures["speed"]["megabytes"]["model.tflite"] > 0
    assert figures["paired"]["accuracy"]["value"] == 0
    assert figures["paired"]["differing"] == []


def test_the_report_is_one_file_that_says_the_same(written: Path) -> None:
    page = html.unescape((written / "report").read_text(encoding="utf-8"))
    figures = json.loads((written / "json").read_text(encoding="utf-8"))

    assert f"of {figures['species']['accuracy']['photos']} test photos correctly" in page
    assert page.count("<svg") == 4
    assert page.count("data:image/jpeg;base64,") == 2 * len(figures["mistakes"])
    assert not re.search(r'(src|href)="(?!data:|#)', page)
    assert "<script" not in page
    for threshold in figures["coverage"]["thresholds"]:
        assert threshold["sentence"] in page
    assert "balanced accuracy" in page
    assert "in-scope AUROC" in (written / "card").read_text(encoding="utf-8")


def test_any_data_set_measures(tiny_version: Path, drawn_data: Path, tmp_path: Path) -> None:
    """Its test part where it has parts; a class that the model does not know counts as another subject."""
    for part in ("train", "test"):
        (tmp_path / part).mkdir()
        for label in ("maniola_jurtina", "pyronia_tithonus"):
            (tmp_path / part / label).symlink_to(drawn_data / "pair" / label)
    (tmp_path / "test" / "wall").symlink_to(drawn_data / "other" / "plain")
    found = evaluate(tiny_version, photos=tmp_path, rounds=5, worst=0).figures

    assert found["photos"] == {"test": {"Maniola jurtina": 60, "Pyronia tithonus": 60, "other species": 100}}
    assert found["scope"]["auroc"]["other species"]["value"] > 0.5
    assert "sentence" not in found["coverage"]["thresholds"][0]
    assert found["mistakes"] == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["evaluate", "{version}", "--photos", "{empty}"], "no folder with photos"),
        (["evaluate", "{version}", "--photos", "{strange}"], "has no photo of Maniola jurtina"),
        (["evaluate", "{version}", "--photos", "{drawn}/pair", "--against", "nowhere"], "nowhere"),
        (["explain", "{version}/model.json", "--model", "{version}"], "JPEG, PNG"),
        (["explain", "{photo}", "--model", "{version}", "--square", "1,2"], "four numbers"),
        (["explain", "{photo}", "--model", "{version}", "--method", "tea leaves"], "tea leaves"),
        (["explain", "{photo}", "--model", "{version}", "--method", "activation"], "no activation weights"),
    ],
)
def test_refuses_with_a_sentence(
    words: list[str], said: str, tiny_version: Path, drawn_data: Path, tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "strange" / "a_cat").mkdir(parents=True)
    photo = drawn_data / "pair" / "maniola_jurtina" / "0001.jpg"
    (tmp_path / "strange" / "a_cat" / "1.jpg").symlink_to(photo)
    places = {
        "version": tiny_version, "empty": tmp_path / "empty", "strange": tmp_path / "strange", "drawn": drawn_data,
        "photo": photo,
    }  # fmt: skip
    result = RUNNER.invoke(app, [word.format(**places) for word in words])

    assert result.exit_code == 1
    assert said in " ".join(result.output.split())


@pytest.mark.parametrize("method", [None, "grad-cam", "gradient"])
def test_explain_draws_a_sheet(method: str | None, tiny_version: Path, drawn_data: Path, tmp_path: Path) -> None:
    photo = drawn_data / "pair" / "pyronia_tithonus" / "0002.jpg"
    words = ["explain", str(photo), "--model", str(tiny_version), "--out", str(tmp_path / "sheet.png")]
    said = run(*words, *([] if method is None else ["--method", method]))

    assert "Pyronia tithonus: " in said
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.width > 3 * 320


def test_grad_cam_looks_at_the_butterfly(tiny_version: Path, drawn_data: Path) -> None:
    """The wings and not the corners; and the two labels of one logit are each other's opposite."""
    classifier, network = load_classifier(tiny_version), load_network(tiny_version)
    middle = corners = 0.0
    for number in range(1, 9):
        image, _ = open_photo(drawn_data / "pair" / "pyronia_tithonus" / f"{number:04}.jpg", max_side=None)
        pixels = network_input(image, square=None, size=24, training_resolution=24)
        heat = grad_cam(network, pixels, 1)
        opposite = grad_cam(network, pixels, 0)
        assert heat.shape == classifier.predict(pixels[None])[0].feature_map.shape[:2]
        assert 0 <= heat.min() <= heat.max() <= 1
        assert not np.array_equal(heat, opposite)
        third = len(heat) // 3
        middle += heat[third:-third, third:-third].mean()
        corners += np.mean([heat[:third, :third].mean(), heat[-third:, -third:].mean()])
    assert middle > corners


def test_gradients_by_pixels_have_the_photos_size(tiny_version: Path) -> None:
    heat = pixel_gradient(load_network(tiny_version), np.full((24, 24, 3), 99.0, np.float32), 0)

    assert heat.shape == (24, 24)
    assert heat.max() == 1


def test_the_bundled_model_explains_itself_without_tensorflow(drawn_data: Path) -> None:
    classifier = load_classifier(bundled_versions()[0], "litert")
    size = classifier.info.input_size
    pixels = np.random.default_rng(1).uniform(0, 255, (size, size, 3)).astype(np.float32)

    look = Explainer(classifier).look(pixels, classifier.predict(pixels[None])[0], 0)

    assert look.method == "activation"


def test_what_nothing_spoke_for_stays_dark() -> None:
    picture = Image.new("RGB", (20, 20), (200, 30, 30))
    dark = np.asarray(overlay(picture, np.zeros((4, 4), np.float32)), int)
    light = np.asarray(overlay(picture, np.ones((4, 4), np.float32)), int)

    assert dark.max() < 120
    assert np.abs(light[5:-5, 5:-5] - [200, 30, 30]).max() <= 1


def test_photos_of_several_labels_are_asked_label_by_label() -> None:
    """Three photos, two labels, each a bit: both, the first, the second. The first label is missed once."""
    pixels = np.zeros((3, 0, 4, 4, 3), np.uint8)
    names = np.array(["1", "2", "3"])
    examples = Examples(
        pixels=pixels, copies=pixels, classes=np.array([3, 1, 2]), subjects=np.full(3, -1), names=names,
        kinds=names, bundles=names, unseen=np.zeros(3, bool), pictures=np.empty(3, object),
    )  # fmt: skip
    told = answers_for(np.array([[0.9, 0.8], [0.4, 0.1], [0.2, 0.7]]), examples, ["a", "b"], several=True)
    found = _label_by_label(told, ["a", "b"], 5)

    assert told.names == ("1: a", "1: b", "2: a", "2: b", "3: a", "3: b")
    assert told.classes.tolist() == [1, 1, 1, 0, 0, 1]
    assert (found["a"]["recall"]["value"], found["a"]["precision"]["value"], found["a"]["photos"]) == (0.5, 1.0, 2)
    assert (found["b"]["recall"]["value"], found["b"]["precision"]["value"], found["b"]["photos"]) == (1.0, 1.0, 2)
