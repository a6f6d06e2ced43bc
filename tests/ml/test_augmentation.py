"""Random changes: repeatable, the same eagerly and in tf.data, and no more than asked for."""

import dataclasses
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from ml.augmentation import augment
from ml.config import Augmentation

EVERYTHING = Augmentation(
    rotation=40, shift=0.2, shear=10, zoom=0.2, flip=True, brightness=0.2, contrast=0.2, soften=0.6
)
NOTHING = Augmentation(flip=False)
PICTURES = np.random.default_rng(1).integers(0, 256, (6, 20, 20, 3)).astype(np.uint8)


def changed(config: Augmentation, seed: tuple[int, int] = (1, 2), pictures: np.ndarray = PICTURES) -> np.ndarray:
    return np.asarray(augment(pictures, tf.constant(seed), config))


def test_nothing_asked_nothing_changed() -> None:
    assert np.array_equal(changed(NOTHING), PICTURES.astype(np.float32))


def test_the_same_eagerly_and_in_tf_data() -> None:
    @tf.autograph.experimental.do_not_convert
    def change(pictures: tf.Tensor) -> tf.Tensor:
        return augment(pictures, tf.constant([1, 2]), EVERYTHING)

    piped = next(iter(tf.data.Dataset.from_tensors(PICTURES).map(change))).numpy()

    np.testing.assert_allclose(piped, changed(EVERYTHING), atol=1e-3)


def test_the_seed_settles_it() -> None:
    assert np.array_equal(changed(EVERYTHING), changed(EVERYTHING))
    assert not np.array_equal(changed(EVERYTHING), changed(EVERYTHING, seed=(1, 3)))


def test_every_picture_changes_in_its_own_way() -> None:
    copies = np.repeat(PICTURES[:1], 6, 0)
    each = changed(EVERYTHING, pictures=copies)

    assert len({picture.tobytes() for picture in each}) == 6


def test_stays_within_range() -> None:
    bright = np.full((4, 8, 8, 3), 250, np.uint8)
    for config in (EVERYTHING, dataclasses.replace(EVERYTHING, brightness=0.9, contrast=0.9)):
        values = changed(config, pictures=bright)
        assert values.min() >= 0
        assert values.max() <= 255


@pytest.mark.parametrize("field", ["rotation", "shift", "shear", "zoom"])
def test_fills_with_the_edge_not_with_black(field: str) -> None:
    white = np.full((8, 16, 16, 3), 255, np.uint8)
    amount: dict[str, Any] = {field: 0.4 if field in {"shift", "zoom"} else 40, "flip": False}
    values = changed(Augmentation(**amount), pictures=white)

    assert values.min() == 255


def test_a_flip_is_a_mirror_image_of_about_half() -> None:
    pictures = np.repeat(PICTURES[:1], 400, 0)
    values = changed(Augmentation(flip=True), pictures=pictures)

    mirrored = np.array([np.allclose(value, pictures[0][:, ::-1], atol=0.01) for value in values])
    same = np.array([np.allclose(value, pictures[0], atol=0.01) for value in values])
    assert (mirrored ^ same).all()
    assert 150 < mirrored.sum() < 250


def test_a_shift_moves_by_at_most_its_share() -> None:
    dot = np.zeros((200, 21, 21, 3), np.uint8)
    dot[:, 10, 10] = 255
    values = changed(dataclasses.replace(NOTHING, shift=0.2), pictures=dot)

    rows, columns = (np.abs((values[..., 0] * axis).sum((1, 2)) / values[..., 0].sum((1, 2)) - 10)
                     for axis in np.indices((21, 21)))  # fmt: skip
    assert max(rows.max(), columns.max()) <= 0.2 * 21 + 0.1
    assert rows.max() > 2
