"""A JPEG that lacks nothing but its end marker is read; one that lacks a part of its picture is refused."""

import numpy as np
import pytest
from PIL import Image, ImageFile

from ml.inference import PhotoError, PixelLimits, open_photo
from tests.factories import butterfly, encode
from tests.hostile import files

KINDS: dict[str, dict[str, object]] = {
    "baseline": {},
    "every pixel its colour": {"subsampling": 0, "quality": 95},
    "progressive": {"progressive": True},
    "fine progressive": {"progressive": True, "quality": 98},
    "restart markers": {"restart_marker_blocks": 1},
    "progressive with restart markers": {"progressive": True, "restart_marker_rows": 1},
}


def made(kind: str, mode: str = "RGB") -> bytes:
    return encode(butterfly(3, (200, 150)).convert(mode), **KINDS[kind])


@pytest.mark.parametrize("missing", [1, 2])
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_jpeg_without_its_end_marker_is_read(kind: str, mode: str, missing: int) -> None:
    content = made(kind, mode)
    whole, info = open_photo(content, max_side=None)

    image, same = open_photo(content[:-missing], max_side=None)

    assert same == info
    assert np.array_equal(image, whole)


@pytest.mark.parametrize("mode", ["RGB", "L"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_jpeg_that_lacks_a_part_of_its_picture_is_refused(kind: str, mode: str) -> None:
    content = made(kind, mode)
    for missing in [*range(3, 40), 100, 1000, len(content) // 2]:
        with pytest.raises(PhotoError, match="cut short") as refused:
            open_photo(content[:-missing], max_side=None)
        assert refused.value.kind == "undecodable", missing


@pytest.mark.parametrize("kind", ["progressive", "fine progressive"])
def test_a_progressive_jpeg_that_lacks_whole_passes_is_refused(kind: str) -> None:
    content = made(kind)
    passes = [at for at in range(len(content)) if content[at : at + 2] == b"\xff\xda"]
    tables = [content.rfind(b"\xff\xc4", 0, at) for at in passes]
    for at in {*passes[1:], *tables[1:]}:
        with pytest.raises(PhotoError, match="cut short"):
            open_photo(content[:at], max_side=None)


def test_a_jpeg_that_lacks_a_whole_colour_is_refused() -> None:
    content = files.one_by_one(64, 48)
    last = content.rindex(b"\xff\xda")

    assert open_photo(content[:-2], max_side=None)[0].size == (64, 48)
    with pytest.raises(PhotoError, match="cut short"):
        open_photo(content[:last], max_side=None)


def test_a_picture_that_is_read_at_reduced_size_is_judged_whole() -> None:
    """A few blocks of 800 pixels change nothing that 50 pixels show."""
    content = encode(butterfly(3, (800, 600)))

    assert open_photo(content[:-2], max_side=50)[0].size == (50, 38)
    with pytest.raises(PhotoError, match="cut short"):
        open_photo(content[:-10], max_side=50)


def test_a_picture_too_large_to_compare_is_compared_reduced() -> None:
    content = encode(butterfly(3, (800, 600)))
    limits = PixelLimits(progressive_jpeg=40_000)

    assert open_photo(content[:-2], max_side=50, limits=limits)[0].size == (50, 38)
    with pytest.raises(PhotoError, match="cut short"):
        open_photo(content[:-2000], max_side=50, limits=limits)


def test_of_two_pictures_in_a_file_the_first_counts() -> None:
    first = butterfly(1, (200, 150))
    content = encode(first, "MPO", save_all=True, append_images=[butterfly(2, (200, 150))])
    end = content.index(b"\xff\xd9") + 2
    whole, _ = open_photo(content, max_side=None)

    for cut in (content[:-2], content[:-500], content[:end], content[: end - 2]):
        assert np.array_equal(open_photo(cut, max_side=None)[0], whole)
    for cut in (content[: end - 10], content[: end // 2]):
        with pytest.raises(PhotoError, match="cut short"):
            open_photo(cut, max_side=None)


def test_a_damaged_jpeg_with_its_end_marker_is_not_mended() -> None:
    content = made("baseline")
    broken = content[: len(content) // 2] + b"\xff\xd9"

    with_grey, _ = open_photo(broken, max_side=None)  # as libjpeg reads it, and browsers show it

    assert with_grey.size == (200, 150)


def test_pillow_goes_on_refusing_truncated_files_elsewhere() -> None:
    open_photo(made("baseline")[:-2], max_side=None)

    assert ImageFile.LOAD_TRUNCATED_IMAGES is False
    with pytest.raises(PhotoError):
        open_photo(encode(Image.effect_noise((90, 90), 50), "PNG")[:-2000], max_side=None)
