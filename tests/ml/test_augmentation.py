"""Random changes: repeatable, the same eagerly and in tf.data, and no more than asked for."""

import dataclasses
from typing import Any, get_args

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image, ImageOps

from ml.augmentation.changes import augment
from ml.augmentation.mixing import Mix, mix, mixed
from ml.augmentation.randaugment import COLOURS, KINDS, _coloured
from ml.augmentation.settings import CHANGES, Fill
from ml.config import Augmentation

EVERYTHING = Augmentation(
    rotation=40, shift=0.2, shear=10, zoom=0.2, flip=True, brightness=0.2, contrast=0.2, soften=0.6,
    flip_vertical=True, quarter_turns=True, crop=0.3, affine=0.1, perspective=0.1, hue=0.1, cutout=0.4, randaugment=3,
    share=0.9,
)  # fmt: skip
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


def alone(**changes: Any) -> Augmentation:
    return dataclasses.replace(NOTHING, **changes)


def test_every_key_has_a_name_and_an_example() -> None:
    keys = {field.name for field in dataclasses.fields(Augmentation)}

    assert {change.key for change in CHANGES} == keys - {"fill", "fill_value", "cutout_value", "magnitude", "share"}


@pytest.mark.parametrize("change", [each for each in CHANGES if each.key != "mixup"], ids=lambda each: each.key)
def test_every_change_changes_and_repeats(change: Any) -> None:
    config = alone(**{change.key: change.example})
    one, again, other = changed(config), changed(config), changed(config, seed=(5, 6))

    assert np.array_equal(one, again)
    assert not np.array_equal(one, other)
    assert not np.allclose(one, PICTURES)
    assert one.min() >= 0
    assert one.max() <= 255


def test_asking_for_one_more_change_alters_no_other() -> None:
    """Each has random numbers of its own, so a recipe can be changed one key at a time."""
    dot = np.zeros((1, 21, 21, 3), np.uint8)
    dot[:, 10, 10] = 255
    turned, brighter = (changed(alone(shift=0.3, **more), pictures=dot) for more in ({}, {"brightness": (0.1, 0.1)}))

    np.testing.assert_allclose(np.clip(turned + 25.5, 0, 255), brighter, atol=0.01)


def test_a_pair_is_the_ends_of_a_range() -> None:
    moved = changed(alone(shift_x=(0.25, 0.25)))
    np.testing.assert_allclose(moved[:, :, :15], PICTURES[:, :, 5:], atol=0.01)

    down = changed(alone(shift_y=(0.25, 0.25)))
    np.testing.assert_allclose(down[:, :15], PICTURES[:, 5:], atol=0.01)

    brighter = changed(alone(brightness=(0.1, 0.1)))
    np.testing.assert_allclose(brighter, np.clip(PICTURES + 25.5, 0, 255), atol=0.01)


@pytest.mark.parametrize(("zoom", "side"), [((0.5, 0.5), 8), ((2.0, 2.0), 2)])
def test_zoom_goes_in_below_one_and_out_above(zoom: tuple[float, float], side: int) -> None:
    square = np.zeros((1, 16, 16, 3), np.uint8)
    square[:, 6:10, 6:10] = 255

    seen = changed(alone(zoom=zoom), pictures=square)[0, 8, :, 0]

    assert seen.sum() / 255 == pytest.approx(side, abs=0.51)


def test_quarter_turns_are_exact() -> None:
    pictures = np.repeat(PICTURES[:1], 60, 0)
    turned = [np.rot90(PICTURES[0], times).astype(np.float32) for times in range(4)]

    found = [[np.allclose(value, each, atol=0.1) for each in turned]
             for value in changed(alone(quarter_turns=True), pictures=pictures)]  # fmt: skip
    assert all(sum(row) == 1 for row in found)
    assert all(np.any(found, axis=0))


def test_upside_down_is_upside_down() -> None:
    pictures = np.repeat(PICTURES[:1], 40, 0)
    values = changed(alone(flip_vertical=True), pictures=pictures)

    turned = [np.allclose(value, PICTURES[0][::-1], atol=0.1) for value in values]
    same = [np.allclose(value, PICTURES[0], atol=0.1) for value in values]
    assert all(a != b for a, b in zip(turned, same, strict=True))
    assert 8 < sum(turned) < 32


def test_a_crop_never_shows_what_is_outside() -> None:
    black = np.zeros((30, 24, 24, 3), np.uint8)

    assert changed(alone(crop=0.5, fill="constant", fill_value=255.0), pictures=black).max() == 0
    assert changed(alone(shift=0.3, fill="constant", fill_value=255.0), pictures=black).max() == 255


@pytest.mark.parametrize("key", ["perspective", "affine"])
def test_corners_move_no_further_than_asked(key: str) -> None:
    """A white picture on black: how much black comes in at each side."""
    white = np.full((200, 40, 40, 3), 255, np.uint8)
    seen = changed(alone(**{key: 0.1}, fill="constant"), pictures=white)[..., 0] > 127

    lost = 1 - seen[:, 20, :].mean(1)
    assert 0.02 < lost.max() <= 0.2 + 0.03
    assert seen[:, 12:28, 12:28].all()


@pytest.mark.parametrize(
    ("fill", "expected"), [("nearest", [3, 3]), ("reflect", [3, 2]), ("wrap", [0, 1]), ("constant", [7, 7])]
)
def test_what_lies_outside_is_filled_as_asked(fill: str, expected: list[int]) -> None:
    row = np.tile(np.arange(4, dtype=np.uint8)[None, None, :, None], (1, 4, 1, 3))
    moved = changed(alone(shift_x=(0.5, 0.5), fill=fill, fill_value=7.0), pictures=row)

    assert moved[0, 0, :, 0].tolist() == pytest.approx([2, 3, *expected], abs=0.01)
    assert fill in get_args(Fill)


def test_hue_leaves_brightness_and_grey_alone() -> None:
    luma = np.array([0.299, 0.587, 0.114])
    middle = (PICTURES // 4 + 90).astype(np.uint8)
    np.testing.assert_allclose(changed(alone(hue=0.2), pictures=middle) @ luma, middle @ luma, atol=0.6)

    grey = np.repeat(PICTURES[..., :1], 3, -1)
    np.testing.assert_allclose(changed(alone(hue=0.5), pictures=grey), grey, atol=0.6)


def test_cutout_covers_a_square() -> None:
    white = np.full((50, 30, 30, 3), 255, np.uint8)
    covered = changed(alone(cutout=(0.5, 0.5), cutout_value=0.0), pictures=white)[..., 0] == 0

    rows, columns = covered.any(2).sum(1), covered.any(1).sum(1)
    assert (covered.sum((1, 2)) == rows * columns).all()
    assert rows.max() == 15
    assert rows.min() >= 7  # the middle of the square is always inside
    assert (changed(alone(cutout=0.5), pictures=white) == 255).all()  # in the mean colour


@pytest.mark.parametrize("share", [0.0, 0.5, 0.75])
def test_a_chosen_share_of_each_batch_is_changed(share: float) -> None:
    pictures = np.repeat(PICTURES[:1], 20, 0)
    config = dataclasses.replace(EVERYTHING, share=share, cutout=0.0, brightness=(0.2, 0.3))

    touched = [(changed(config, seed=(1, step), pictures=pictures) != PICTURES[0]).any((1, 2, 3)) for step in range(3)]

    assert [each.sum() for each in touched] == [20 * share] * 3
    assert share == 0 or not np.array_equal(touched[0], touched[1])


def test_mixup_by_hand() -> None:
    how = Mix(tf.constant([1, 0]), tf.constant([0.75, 1.0]))
    pictures = PICTURES[:2].astype(np.float32)

    result = np.asarray(mixed(pictures, how))

    np.testing.assert_allclose(result[0], 0.75 * pictures[0] + 0.25 * pictures[1], atol=0.01)
    np.testing.assert_allclose(result[1], pictures[1], atol=0.01)


def test_mixup_draws_partners_and_shares() -> None:
    how = mix(200, tf.constant([1, 2]), alone(mixup=0.4))
    share = np.asarray(how.share)

    assert sorted(np.asarray(how.partner)) == list(range(200))
    assert 0.5 <= share.min() < 0.6
    assert 0.95 < share.max() <= 1
    some = np.asarray(mix(200, tf.constant([1, 2]), alone(mixup=0.4, share=0.25)).share)
    assert (some < 1).sum() <= 50


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("autocontrast", ImageOps.autocontrast),
        ("equalise", ImageOps.equalize),
        ("posterise", lambda image: ImageOps.posterize(image, 6)),
        ("solarise", lambda image: ImageOps.solarize(image, 128)),
    ],
)
def test_randaugment_changes_colours_as_pillow_does(name: str, expected: Any) -> None:
    soft = np.random.default_rng(1).integers(40, 168, (1, 160, 160, 3)).astype(np.uint8)
    wanted = np.asarray(expected(Image.fromarray(soft[0]))).astype(np.float32)

    values = np.asarray(_coloured(name, tf.constant(soft, tf.float32), tf.ones((1, 1, 1, 1)), 0.5))[0]

    assert np.abs(values - wanted).mean() < 2


def test_randaugment_without_magnitude_keeps_the_strength_of_colours() -> None:
    soft = tf.constant(PICTURES // 2 + 40, tf.float32)
    for name in ("brightness", "contrast", "colour", "sharpness", "posterise"):
        np.testing.assert_allclose(_coloured(name, soft, tf.ones((6, 1, 1, 1)), 0.0), soft, atol=0.01)
    assert len(KINDS) == 14
    assert set(COLOURS) < set(KINDS)
