"""The layout of a JPEG, read from its markers before anything is decoded; and the chunks of a PNG."""

import struct

import pytest

from ml.inference import PhotoError, jpeg_scans, open_photo
from tests.factories import encode, photo
from tests.hostile import files
from tests.orientations import corners, with_segments


@pytest.mark.parametrize(
    ("content", "buffered", "scans"),
    [
        (files.jpeg(64, 64), False, 1),
        (files.jpeg(64, 64, "L"), False, 1),
        (files.jpeg(64, 64, progressive=True), True, 10),
        (files.one_by_one(64, 64), True, 3),
        (files.jpeg(64, 64, progressive=True) + b"\xff\xda" * 500, True, 10),  # behind its end is not the picture
        (b"\xff\xd8\xff", False, 0),
        (b"\xff\xd8\xff\xc2", False, 0),
        (b"\xff\xd8\xff\xda", False, 1),
    ],
    ids=["baseline", "grey", "progressive", "one colour at a time", "tail", "cut", "no frame", "no scan"],
)
def test_the_layout_of_a_jpeg_is_read_from_its_markers(content: bytes, buffered: bool, scans: int) -> None:
    assert jpeg_scans.layout(content) == jpeg_scans.Layout(buffered, scans)


def test_a_jpeg_that_orders_many_passes_is_refused() -> None:
    with pytest.raises(PhotoError, match="more than 100 passes") as refused:
        open_photo(files.many_scans(500), max_side=100)
    assert refused.value.kind == "too_large"


def test_a_jpeg_of_one_by_one_is_read() -> None:
    assert open_photo(files.one_by_one(400, 300), max_side=None)[0].size == (400, 300)


@pytest.mark.parametrize("name", files.MADE_OF_METADATA)
def test_a_photo_that_is_nothing_but_additions_is_refused(name: str) -> None:
    """Before its reader is asked: that one would take minutes."""
    with pytest.raises(PhotoError, match=r"than are read|pieces") as refused:
        open_photo(files.made_of(name, 38_000_000), max_side=100)
    assert refused.value.kind == "too_large"


LARGE_SEGMENTS = {
    "XMP of a depth map": [b"http://ns.adobe.com/xmp/extension/\0" + bytes(65_000)] * 150,
    "EXIF with a large note": [b"Exif\0\0II*\0" + bytes(65_000)],
    "content credentials": [b"JP" + bytes(60_000)] * 60,
    "a colour profile in pieces": [b"ICC_PROFILE\0" + bytes((n, 50)) + bytes(65_000) for n in range(1, 51)],
    "short comments": [b"comment"] * 500,
}


@pytest.mark.parametrize("name", LARGE_SEGMENTS)
def test_what_cameras_and_editors_add_is_no_reason_to_refuse(name: str) -> None:
    image, _ = open_photo(with_segments(*LARGE_SEGMENTS[name]), max_side=None)

    assert image.size == corners().size


@pytest.mark.parametrize("marker", [0xE1, 0xFE, 0xDB])
def test_segments_between_scans_count(marker: int) -> None:
    content = encode(corners(), progressive=True)
    second = content.index(b"\xff\xda", content.index(b"\xff\xda") + 2)
    crowded = content[:second] + files.segment(marker, bytes(65)) * 2000 + content[second:]

    with pytest.raises(PhotoError, match="than are read"):
        open_photo(crowded, max_side=None)


def test_a_comment_with_an_end_marker_hides_nothing() -> None:
    content = photo(1)
    hidden = content[:-2] + files.segment(0xFE, b"\xff\xd9") + b"\xff" * 1_000_000 + content[-2:]

    with pytest.raises(PhotoError, match="than are read"):
        open_photo(hidden, max_side=None)


@pytest.mark.parametrize("filling", [b"\xff" * 3000, b"\xff" * 1_000_000, bytes(1_000_000)], ids=["few", "FF", "zeros"])
def test_what_lies_behind_the_picture_does_not_count(filling: bytes) -> None:
    assert open_photo(photo(1) + filling, max_side=None)[0].size == (400, 300)


def test_a_png_in_many_small_pieces_is_read() -> None:
    content = photo(1, "PNG")
    start = content.index(b"IDAT") - 4
    (length,) = struct.unpack_from(">I", content, start)
    data = content[start + 8 : start + 8 + length]
    pieces = b"".join(files.chunk(b"IDAT", data[at : at + 16]) for at in range(0, length, 16))

    image, _ = open_photo(content[:start] + pieces + content[start + 12 + length :], max_side=None)

    assert image.size == (400, 300)
