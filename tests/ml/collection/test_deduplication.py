"""Copies are near, other pictures are far."""

import io

import numpy as np
import pytest
from PIL import Image, ImageEnhance

from ml.collection.deduplication import NearDuplicates, groups, perceptual_hash
from ml.datasets.synthetic import plain_picture
from tests.ml.collection.flickr_server import picture


def opened(seed: int, **values) -> Image.Image:
    return Image.open(io.BytesIO(picture(seed, width=240, height=180, **values)))


def hamming(one: int, other: int) -> int:
    """How many bits differ."""
    return (one ^ other).bit_count()


@pytest.mark.parametrize(
    "altered",
    [
        lambda image: image.resize((120, 90)),
        lambda image: image.resize((500, 375)),
        lambda image: ImageEnhance.Brightness(image).enhance(1.15),
        lambda image: ImageEnhance.Color(image).enhance(0.3),
        lambda image: image.convert("L"),
    ],
    ids=["smaller", "larger", "brighter", "paler", "grey"],
)
@pytest.mark.parametrize("seed", range(5))
def test_a_copy_is_within_the_distance(seed, altered):
    assert hamming(perceptual_hash(opened(seed)), perceptual_hash(altered(opened(seed)))) <= 6


@pytest.mark.parametrize("seed", range(5))
def test_a_recompressed_copy_is_within_the_distance(seed):
    assert hamming(perceptual_hash(opened(seed)), perceptual_hash(opened(seed, quality=30))) <= 6


def test_other_pictures_are_beyond_it():
    hashes = [perceptual_hash(opened(seed)) for seed in range(60)]
    nearest = min(hamming(one, other) for at, one in enumerate(hashes) for other in hashes[at + 1 :])
    assert nearest > 10


def test_a_hash_has_64_bits_and_is_the_same_every_time():
    for kind in ("colour", "gradient", "noise"):
        image = Image.fromarray(plain_picture(kind, 75, np.random.default_rng(1)))
        assert 0 <= perceptual_hash(image) < 2**64
        assert perceptual_hash(image) == perceptual_hash(image.copy())


def test_the_index_knows_the_nearest_and_grows():
    index = NearDuplicates(distance=3)
    assert index.nearest(0) is None
    for number in range(1000):
        index.add(str(number), (number * 0x9E3779B97F4A7C15) % 2**64)
    assert len(index) == 1000
    target = (700 * 0x9E3779B97F4A7C15) % 2**64
    assert index.nearest(target) == ("700", 0)
    assert index.nearest(target ^ 0b101) == ("700", 2)
    assert index.nearest(target ^ 0b11110000) is None


def test_of_equally_near_ones_the_earliest_is_named():
    index = NearDuplicates(distance=2)
    index.add("first", 0b01)
    index.add("second", 0b10)
    assert index.nearest(0) == ("first", 1)


@pytest.mark.parametrize("distance", [-1, 65])
def test_an_impossible_distance_is_refused(distance):
    with pytest.raises(ValueError, match="distance"):
        NearDuplicates(distance)


def test_groups_tie_through_each_other():
    assert groups([0, 2**64 - 1, 0b11, 0b1111, 2**64 - 2], distance=2) == [0, 1, 0, 0, 1]
    assert groups([], distance=2) == []


def test_without_any_distance_only_equal_hashes_are_grouped():
    assert groups([5, 7, 5], distance=0) == [0, 1, 0]
