"""The finder: composites that say where the animal is, targets that say it again, and a small training."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from ml.config import FinderData, load_config
from ml.export import write_part
from ml.finding.composites import Marked, Material, measuring_composite, training_composite, training_picture
from ml.finding.network import STRIDE, finder_network, served_finder, targets
from ml.finding.training import FinderError, learn
from ml.inference import ModelVersionError, Square, load_recogniser
from ml.inference.finder import animals
from ml.run import train_version
from ml.training import RunOptions
from tests.ml.runs import silent

RED, GREEN, BLUE = (220, 20, 20), (20, 160, 20), (20, 20, 220)


def plain(colour: tuple[int, int, int], size: tuple[int, int] = (90, 90)) -> Image.Image:
    return Image.new("RGB", size, colour)


def material(**changes: object) -> Material:
    pictures = {"animals": [plain(RED)], "backgrounds": [plain(GREEN, (120, 90))], "distractors": [plain(BLUE)]}
    return Material(**(pictures | changes))


def redness(pixels: np.ndarray, box: tuple[float, float, float]) -> float:
    """Mean of red less green over the middle half of an animal's square."""
    size = len(pixels)
    x, y, side = (value * size for value in box)
    part = pixels[int(y - side / 4) : int(y + side / 4) + 1, int(x - side / 4) : int(x + side / 4) + 1].astype(float)
    return float((part[..., 0] - part[..., 1]).mean())


def test_an_animal_lies_where_the_composite_says() -> None:
    random = np.random.default_rng(3)
    counts = set()
    for _ in range(120):
        pixels, boxes = training_composite(material(), 128, random)
        counts.add(len(boxes))
        assert pixels.shape == (128, 128, 3)
        assert pixels.dtype == np.uint8
        for x, y, side in boxes:
            assert 0 < side <= 1
            assert side / 2 - 0.02 <= x <= 1.02 - side / 2
            assert side / 2 - 0.02 <= y <= 1.02 - side / 2
        for box in boxes:
            # In any light, and whatever shows through: redder than the green around it.
            assert redness(pixels, box) > -60
    assert counts == {0, 1, 2}


def test_a_part_of_a_marked_photo_holds_its_animal() -> None:
    photo = plain(GREEN, (200, 120))
    photo.paste(RED, (50, 40, 90, 80))
    marked = Marked(photo, Square(50 / 200, 40 / 120, 40 / 200, 40 / 120))
    random = np.random.default_rng(5)
    shown = 0
    for _ in range(60):
        pixels, boxes = training_picture(material(marked=[marked], animals=[plain(BLUE)]), 96, random)
        if len(boxes) == 1 and redness(pixels, boxes[0]) > 60:
            shown += 1
    assert shown >= 10  # about a third are parts of marked photos


@pytest.mark.parametrize("share", [0.25, 0.1, 0.04])
def test_a_measuring_composite_has_the_share_it_promises_away_from_the_middle(share: float) -> None:
    picture, (left, top, side) = measuring_composite(
        plain(RED), plain(GREEN), share, np.random.default_rng(1), (640, 480)
    )
    assert picture.size == (640, 480)
    assert side**2 / (640 * 480) == pytest.approx(share, rel=0.02)
    assert 0 <= left <= 640 - side
    assert 0 <= top <= 480 - side
    off = max(abs(left + side / 2 - 320) / 320, abs(top + side / 2 - 240) / 240)
    assert off > 0.25
    middle = np.asarray(picture)[top + side // 2, left + side // 2].astype(int)
    assert middle[0] > middle[1] + 20


def test_targets_mark_the_middle_and_lead_to_the_square() -> None:
    heat, box, counts = targets([(0.5, 0.25, 0.2)], 16)
    assert heat[4, 8] == 1.0
    assert heat.max() == 1.0
    assert (heat == 1.0).sum() == 1
    assert heat[0, 0] < 0.01
    row, column = 4, 8
    assert box[row, column] == pytest.approx([0.5 * 16 - 8.5, 0.25 * 16 - 4.5, np.log(0.2)])
    assert counts[row, column] == 1.0
    assert counts[12, 2] == 0.0


def test_a_served_finder_answers_where_its_boxes_point() -> None:
    """An untrained network: whatever it answers, the geometry of boxes must hold, cell by cell."""
    network = finder_network(64, None)
    served = served_finder(network)
    pixels = np.random.default_rng(2).integers(0, 256, (1, 64, 64, 3)).astype(np.float32)
    raw, answer = network(pixels), served(pixels)
    boxes, cells = np.asarray(answer["boxes"])[0], 64 // STRIDE
    box = np.asarray(raw["box"])[0]
    assert np.asarray(answer["scores"]).shape == (1, cells, cells)
    assert boxes[2, 5, 0] == pytest.approx((box[2, 5, 0] + 5.5) / cells, abs=1e-5)
    assert boxes[2, 5, 1] == pytest.approx((box[2, 5, 1] + 2.5) / cells, abs=1e-5)
    assert boxes[2, 5, 2] == pytest.approx(np.exp(box[2, 5, 2]), rel=1e-4)


def small_network(seed: int) -> Any:
    """Four layers in the form of a finder: MobileNetV2 takes half a minute to compile."""
    import tensorflow as tf

    tf.keras.utils.set_random_seed(seed)
    layers = tf.keras.layers
    pixels = tf.keras.Input((64, 64, 3), name="pixels")
    x = layers.Rescaling(1 / 127.5, offset=-1.0)(pixels)
    x = layers.Conv2D(16, 8, strides=8, activation="relu")(x)
    x = layers.Conv2D(32, 5, padding="same", activation="relu")(x)
    heat = layers.Conv2D(1, 1, bias_initializer=tf.keras.initializers.Constant(-3.0))(x)
    return tf.keras.Model(pixels, {"heat": layers.Reshape((8, 8))(heat), "box": layers.Conv2D(3, 1)(x)})


def test_a_finder_learns_to_find_and_the_same_seed_gives_the_same_finder() -> None:
    """Red squares on green: the surest cell lies on the animal."""
    networks, told = [small_network(4), small_network(4)], []
    for network in networks:
        assert learn(
            network, material(), FinderData(size=64, steps=150, batch=8, learning_rate=3e-3), 1,
            report=lambda step, steps, loss: told.append((step, steps, loss)),
        )  # fmt: skip
    for one, two in zip(*(network.get_weights() for network in networks), strict=True):
        np.testing.assert_allclose(one, two, atol=1e-4)
    assert [step for step, _, _ in told] == [50, 100, 150] * 2
    assert told[2][2] < told[0][2]
    served, random, hits = served_finder(networks[0]), np.random.default_rng(9), 0
    for _ in range(20):
        picture, (left, top, side) = measuring_composite(plain(RED), plain(GREEN), 0.2, random, (64, 48))
        canvas = np.full((1, 64, 64, 3), 128, np.float32)
        canvas[0, :48] = np.asarray(picture)
        answer = served(canvas, training=False)
        best = animals(np.asarray(answer["scores"])[0], np.asarray(answer["boxes"])[0], (64, 48), 0.0)[0].square
        x, y = (best.x + best.width / 2) * 64, (best.y + best.height / 2) * 48
        hits += left <= x <= left + side and top <= y <= top + side
    assert hits >= 16


def test_a_finder_stops_when_it_is_asked_to() -> None:
    asked = iter([False, True])
    assert not learn(
        small_network(1),
        material(),
        FinderData(size=64, steps=50, batch=2, learning_rate=1e-3),
        1,
        stopped=lambda: next(asked),
    )


def test_without_pictures_there_is_no_finder() -> None:
    with pytest.raises(FinderError, match="some are missing"):
        learn(finder_network(64, None), material(backgrounds=[]), FinderData(size=64, steps=1, batch=2), 1)
    with pytest.raises(ValueError, match="multiple of 32"):
        finder_network(100, None)


def test_a_run_takes_a_finder_over_and_serves_it_under_both_runtimes(drawn_data: Path, tmp_path: Path) -> None:
    parent = tmp_path / "parent"
    photos = np.random.default_rng(1).integers(0, 256, (4, 64, 64, 3)).astype(np.float32)
    parity = write_part(served_finder(small_network(1)), parent / "finder", photos, ("scores", "boxes"))
    facts = {"size": 64, "threshold": 0.0, "parity": dataclasses.asdict(parity)}
    (parent / "model.json").write_text(json.dumps({"parts": {"finder": facts}}), encoding="utf-8")
    folder = tmp_path / "version"
    metrics = train_version(
        load_config("tiny").with_changes(epochs=1), drawn_data, folder, command="test", rounds=5,
        options=RunOptions(report=silent, say=silent, parts=parent),
    )  # fmt: skip

    assert metrics["species"]["accuracy"]["photos"] > 0
    image = plain(GREEN, (200, 120))
    found = [load_recogniser(folder, runtime).find(image) for runtime in ("litert", "savedmodel")]
    assert found[0]
    for one, two in zip(*found, strict=True):
        assert vars(one.square) == pytest.approx(vars(two.square), abs=1e-3)
        assert one.score == pytest.approx(two.score, abs=1e-3)
    look = load_recogniser(folder).look(image)
    assert (look.origin, look.searched) == ("found", True)
    assert look.square == found[0][0].square
    drawn = Square(0.1, 0.1, 0.3, 0.5)
    given = load_recogniser(folder).look(image, drawn)
    assert (given.origin, given.square, given.searched) == ("given", drawn, False)
    (folder / "finder" / "model.tflite").write_bytes(b"damaged")
    with pytest.raises(ModelVersionError, match=r"finder/model\.tflite is not the file that was exported"):
        load_recogniser(folder)
