"""Two runtimes, one answer."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from ml.inference import Classifier, Runtime, bundled_versions, load_classifier

RUNTIMES: list[Runtime] = ["litert", "savedmodel"]


def folders(tiny_version: Path) -> list[Path]:
    return [tiny_version, *bundled_versions()]


def pixels_for(classifier: Classifier, count: int = 5) -> np.ndarray:
    size = classifier.info.input_size
    smooth = np.random.default_rng(3).integers(0, 256, (count, 4, 4, 3)).astype(np.float32)
    return np.kron(smooth, np.ones((1, size // 4 + 1, size // 4 + 1, 1), np.float32))[:, :size, :size]


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_answers_what_the_contract_says(tiny_version: Path, runtime: Runtime) -> None:
    for folder in folders(tiny_version):
        classifier = load_classifier(folder, runtime)
        outputs = classifier.predict(pixels_for(classifier))

        assert classifier.runtime == runtime
        assert len(outputs) == 5
        for output in outputs:
            assert output.probabilities.shape == (len(classifier.info.labels),)
            assert output.probabilities.sum() == pytest.approx(1, abs=1e-5)
            assert (output.probabilities >= 0).all()
            assert 0 <= output.in_scope <= 1
            assert output.embedding.ndim == 1
            assert output.feature_map.ndim == 3
            assert np.isfinite(output.embedding).all()
            assert np.isfinite(output.feature_map).all()


def test_both_runtimes_agree(tiny_version: Path) -> None:
    for folder in folders(tiny_version):
        one, two = (load_classifier(folder, runtime) for runtime in RUNTIMES)
        for a, b in zip(one.predict(pixels_for(one)), two.predict(pixels_for(one)), strict=True):
            np.testing.assert_allclose(a.probabilities, b.probabilities, atol=1e-3)
            assert a.in_scope == pytest.approx(b.in_scope, abs=1e-3)
            np.testing.assert_allclose(a.embedding, b.embedding, atol=1e-2, rtol=1e-2)


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_an_answer_does_not_depend_on_its_neighbours(tiny_version: Path, runtime: Runtime) -> None:
    classifier = load_classifier(tiny_version, runtime)
    pixels = pixels_for(classifier)

    together = classifier.predict(pixels)
    alone = [classifier.predict(pixels[index : index + 1])[0] for index in range(len(pixels))]

    for a, b in zip(together, alone, strict=True):
        np.testing.assert_allclose(a.probabilities, b.probabilities, atol=1e-6)


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_several_threads_at_once(tiny_version: Path, runtime: Runtime) -> None:
    classifier = load_classifier(tiny_version, runtime)
    pixels = pixels_for(classifier, 12)
    expected = [output.probabilities for output in classifier.predict(pixels)]

    def ask(index: int) -> tuple[int, np.ndarray]:
        return index % 12, classifier.predict(pixels[index % 12 : index % 12 + 1])[0].probabilities

    with ThreadPoolExecutor(8) as pool:
        for index, probabilities in pool.map(ask, range(240)):
            np.testing.assert_allclose(probabilities, expected[index], atol=1e-6)


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_no_photos_no_answers_and_wrong_shapes_are_refused(tiny_version: Path, runtime: Runtime) -> None:
    classifier = load_classifier(tiny_version, runtime)
    size = classifier.info.input_size

    assert classifier.predict(np.zeros((0, size, size, 3), np.float32)) == []
    for shape in [(size, size, 3), (1, size, size, 1), (1, size + 1, size, 3)]:
        with pytest.raises(ValueError, match="expected pixels"):
            classifier.predict(np.zeros(shape, np.float32))


def test_litert_never_imports_tensorflow(tiny_version: Path) -> None:
    code = f"""
import sys, numpy as np
from pathlib import Path
from ml.inference import load_classifier
classifier = load_classifier(Path({str(tiny_version)!r}))
classifier.predict(np.zeros((1, 24, 24, 3), np.float32))
loaded = [name for name in ("tensorflow", "keras", "sklearn", "matplotlib") if name in sys.modules]
sys.exit(f"imported {{loaded}}" if loaded or classifier.runtime != "litert" else 0)
"""
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[2])


def test_the_bundled_version_is_small_and_knows_both_browns() -> None:
    (folder,) = [each for each in bundled_versions() if each.name == "browns-mobilenetv2"]
    classifier = load_classifier(folder)

    names = [label.scientific_name for label in classifier.info.labels]
    assert names == ["Maniola jurtina", "Pyronia tithonus"]
    assert sum(file.stat().st_size for file in folder.rglob("*.tflite")) <= 15_000_000
    assert sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) <= 60_000_000


def test_a_wall_is_out_of_scope_for_the_bundled_version() -> None:
    (folder,) = [each for each in bundled_versions() if each.name == "browns-mobilenetv2"]
    classifier = load_classifier(folder)
    size = classifier.info.input_size
    walls = np.stack([np.full((size, size, 3), shade, np.float32) for shade in (0, 60, 128, 200, 255)])

    threshold = classifier.info.policy.in_scope_threshold
    assert all(output.in_scope < threshold for output in classifier.predict(walls))
