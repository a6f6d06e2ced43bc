"""A model version is whole, or it is refused with a sentence."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from ml.inference import ModelVersionError, Policy, Threshold, load_classifier, read_version


@pytest.fixture
def copied(tiny_version: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_version, tmp_path / "copied"))


def test_reads_a_version(tiny_version: Path) -> None:
    info = read_version(tiny_version)

    assert (info.name, info.version, info.task, info.head) == ("browns-tiny", "1.0.0", "drawn-browns", "sigmoid")
    assert [label.scientific_name for label in info.labels] == ["Maniola jurtina", "Pyronia tithonus"]
    assert info.labels[0].vernacular_names == {"en": "meadow brown", "nl": "bruin zandoogje"}
    assert info.labels[1].marks["nl"]
    assert (info.input_size, info.training_resolution) == (24, 24)
    assert info.has_litert
    assert info.digest.startswith("sha256:")
    assert info.metrics["species"]["accuracy"]["value"] > 0.9
    assert "Figures" in (tiny_version / "MODEL_CARD.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["model.json", "policy.json", "metrics.json", "model.tflite"])
def test_a_missing_file_is_refused(copied: Path, name: str) -> None:
    (copied / name).unlink()
    with pytest.raises(ModelVersionError, match=name):
        read_version(copied)


@pytest.mark.parametrize("name", ["model.tflite", "saved_model/saved_model.pb"])
def test_a_changed_file_is_refused(copied: Path, name: str) -> None:
    content = bytearray((copied / name).read_bytes())
    content[len(content) // 2] ^= 1
    (copied / name).write_bytes(bytes(content))
    with pytest.raises(ModelVersionError, match="hash differs"):
        load_classifier(copied)


@pytest.mark.parametrize("content", ["", "[]", "{", '{"format": 1}', '{"format": 2}', "\ud800"])
@pytest.mark.parametrize("name", ["model.json", "policy.json"])
def test_a_malformed_manifest_is_refused(copied: Path, name: str, content: str) -> None:
    (copied / name).write_text(content, encoding="utf-8", errors="surrogatepass")
    with pytest.raises(ModelVersionError):
        read_version(copied)


def edit(change: Callable[[dict], object]) -> Callable[[dict], object]:
    return change


@pytest.mark.parametrize(
    "change",
    [
        edit(lambda m: m.pop("labels")),
        edit(lambda m: m["labels"].pop()),
        edit(lambda m: m.update(labels=[{}, {}])),
        edit(lambda m: m.update(labels=None)),
        edit(lambda m: m.update(head="argmax")),
        edit(lambda m: m.update(files={})),
        edit(lambda m: m.update(files=["model.tflite"])),
        edit(lambda m: m["files"].update({"../../etc/passwd": "sha256:0"})),
        edit(lambda m: m["input"].update(size="large")),
        edit(lambda m: m.pop("parity")),
    ],
)
def test_an_incomplete_manifest_is_refused(copied: Path, change: Callable[[dict], object]) -> None:
    manifest = json.loads((copied / "model.json").read_text(encoding="utf-8"))
    change(manifest)
    (copied / "model.json").write_text(json.dumps(manifest), encoding="utf-8")
    with pytest.raises(ModelVersionError):
        read_version(copied)


def test_no_folder_is_no_version(tmp_path: Path) -> None:
    with pytest.raises(ModelVersionError, match=r"model\.json"):
        read_version(tmp_path / "nothing")


def test_a_conversion_that_disagreed_is_never_served(copied: Path) -> None:
    manifest = json.loads((copied / "model.json").read_text(encoding="utf-8"))
    manifest["parity"]["passed"] = False
    (copied / "model.json").write_text(json.dumps(manifest), encoding="utf-8")

    assert not read_version(copied).has_litert
    with pytest.raises(ModelVersionError, match="LiteRT"):
        load_classifier(copied)


@pytest.mark.parametrize(("rate", "found"), [(0.05, 0.05), (0.03, 0.01), (0.2, 0.1), (0.001, None)])
def test_policy_never_promises_more_than_asked(rate: float, found: float | None) -> None:
    thresholds = tuple(Threshold(each, 0.9, True, 0.5, 300) for each in (0.1, 0.01, 0.05))
    threshold = Policy(0.05, 0.4, 0.5, 0.85, thresholds).threshold_for(rate)

    assert (threshold and threshold.error_rate) == found
