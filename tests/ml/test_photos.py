"""The one decode: every format, every orientation, every lie."""

import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from ml.inference import PhotoError, PixelLimits, open_photo

ORIENTATION = 0x0112


def picture(width: int = 60, height: int = 40) -> Image.Image:
    """Left half red, right half blue, a green bar on top: no two orientations look alike."""
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[:, : width // 2, 0] = 200
    pixels[:, width // 2 :, 2] = 200
    pixels[: height // 4, :, 1] = 200
    return Image.fromarray(pixels)


def encoded(image: Image.Image, form: str, **options: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, form, **options)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("form", "named", "options"),
    [
        ("JPEG", "JPEG", {}),
        ("JPEG", "JPEG", {"progressive": True}),
        ("PNG", "PNG", {}),
        ("WEBP", "WEBP", {}),
        ("HEIF", "HEIC", {}),
        ("MPO", "MPO", {"save_all": True, "append_images": [picture()]}),
    ],
)
def test_reads_every_supported_format(form: str, named: str, options: dict[str, object]) -> None:
    image, info = open_photo(encoded(picture(), form, **options), max_side=None)

    assert (info.width, info.height, info.format) == (60, 40, named)
    assert (image.mode, image.size) == ("RGB", (60, 40))
    assert np.abs(np.asarray(image, float) - np.asarray(picture(), float)).mean() < 6


@pytest.mark.parametrize("form", ["GIF", "BMP", "TIFF", "ICO", "AVIF"])
def test_refuses_other_pictures(form: str) -> None:
    with pytest.raises(PhotoError) as refused:
        open_photo(encoded(picture(), form), max_side=None)
    assert refused.value.kind == "unsupported"


@pytest.mark.parametrize("content", [b"", b"\xff", b"hello", b"<svg/>", b"%PDF-1.7", b"\0" * 100])
def test_refuses_what_is_no_picture(content: bytes) -> None:
    with pytest.raises(PhotoError) as refused:
        open_photo(content, max_side=None)
    assert refused.value.kind == "unsupported"


def test_goes_by_content_not_by_name(tmp_path: Path) -> None:
    file = tmp_path / "photo.gif"
    file.write_bytes(encoded(picture(), "JPEG"))

    assert open_photo(file, max_side=None)[1].format == "JPEG"


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("form", ["JPEG", "PNG"])
def test_turns_a_photo_upright(form: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    content = encoded(picture(), form, exif=exif)

    image, info = open_photo(content, max_side=None)

    expected = ImageOps.exif_transpose(Image.open(io.BytesIO(content))).convert("RGB")
    assert image.size == expected.size == (info.width, info.height)
    assert np.array_equal(np.asarray(image), np.asarray(expected))


@pytest.mark.parametrize("orientation", [0, 9, 65535])
def test_ignores_an_impossible_orientation(orientation: int) -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = orientation

    assert open_photo(encoded(picture(), "JPEG", exif=exif), max_side=None)[0].size == (60, 40)


def test_damaged_exif_does_not_matter() -> None:
    content = encoded(picture(), "JPEG", exif=b"Exif\0\0MM\0*\xff\xff\xff\xff" + b"\xee" * 40)

    assert open_photo(content, max_side=None)[0].size == (60, 40)


def test_a_heic_is_turned_once_by_its_own_rotation() -> None:
    """Phones write the rotation twice; the standard says that the file's own counts and the one in EXIF does not."""
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    both = encoded(picture(64, 32), "HEIF", exif=exif.tobytes())
    exif_only = encoded(picture(64, 32), "HEIF", exif=exif)
    assert b"irot" in both
    assert b"irot" not in exif_only

    turned, info = open_photo(both, max_side=None)

    assert turned.size == (info.width, info.height) == (32, 64)
    assert open_photo(exif_only, max_side=None)[0].size == (64, 32)


@pytest.mark.parametrize("form", ["PNG", "WEBP"])
def test_lays_transparency_on_white(form: str) -> None:
    clear = Image.new("RGBA", (20, 20), (0, 0, 0, 0))
    clear.paste((10, 20, 30, 255), (0, 0, 10, 20))

    pixels = np.asarray(open_photo(encoded(clear, form, lossless=True), max_side=None)[0])

    assert pixels[5, 15].tolist() == [255, 255, 255]
    assert pixels[5, 5].tolist() == [10, 20, 30]


def test_lays_a_transparent_palette_colour_on_white() -> None:
    palette = Image.new("P", (10, 10), 1)
    palette.putpalette([0, 0, 0, 200, 10, 10])
    palette.paste(0, (0, 0, 5, 10))

    pixels = np.asarray(open_photo(encoded(palette, "PNG", transparency=0), max_side=None)[0])

    assert pixels[5, 2].tolist() == [255, 255, 255]
    assert pixels[5, 8].tolist() == [200, 10, 10]


@pytest.mark.parametrize("mode", ["L", "1", "LA", "P"])
def test_makes_everything_rgb(mode: str) -> None:
    assert open_photo(encoded(picture().convert(mode), "PNG"), max_side=None)[0].mode == "RGB"


def test_reads_cmyk() -> None:
    image, _ = open_photo(encoded(picture().convert("CMYK"), "JPEG"), max_side=None)

    assert np.abs(np.asarray(image, float) - np.asarray(picture(), float)).mean() < 6


def test_scales_16_bits_down() -> None:
    wide = Image.fromarray(np.full((8, 8), 128 * 257, np.uint16))

    assert np.unique(np.asarray(open_photo(encoded(wide, "PNG"), max_side=None)[0])).tolist() == [128]


@pytest.mark.parametrize("form", ["PNG", "WEBP"])
def test_takes_the_first_frame(form: str) -> None:
    other = Image.new("RGB", (60, 40), (0, 255, 0))
    content = encoded(picture(), form, save_all=True, append_images=[other], lossless=True)

    image, _ = open_photo(content, max_side=None)

    assert np.array_equal(np.asarray(image), np.asarray(picture()))


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "HEIF"])
def test_a_cut_off_photo_is_undecodable(form: str) -> None:
    noise = Image.fromarray(np.random.default_rng(1).integers(0, 255, (200, 200, 3)).astype(np.uint8))
    content = encoded(noise, form)

    with pytest.raises(PhotoError) as refused:
        open_photo(content[: len(content) // 2], max_side=None)
    assert refused.value.kind == "undecodable"


@pytest.mark.parametrize(
    ("form", "options", "limits"),
    [
        ("JPEG", {}, PixelLimits(jpeg=2399)),
        ("JPEG", {"progressive": True}, PixelLimits(progressive_jpeg=2399)),
        ("PNG", {}, PixelLimits(png=2399)),
        ("WEBP", {}, PixelLimits(webp=2399)),
        ("HEIF", {}, PixelLimits(heic=2399)),
    ],
)
def test_each_format_has_its_limit(form: str, options: dict[str, object], limits: PixelLimits) -> None:
    with pytest.raises(PhotoError) as refused:
        open_photo(encoded(picture(), form, **options), max_side=None, limits=limits)
    assert refused.value.kind == "too_large"
    assert "million pixels" in refused.value.detail


def test_refuses_from_the_header_before_decoding(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object) -> None:
        raise AssertionError("decoded")

    content = encoded(picture(), "PNG")
    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", never)
    with pytest.raises(PhotoError) as refused:
        open_photo(content, max_side=None, limits=PixelLimits(png=10))
    assert refused.value.kind == "too_large"


def test_a_decompression_bomb_is_too_large() -> None:
    """A PNG header that claims more than Pillow itself would open."""
    content = bytearray(encoded(picture(), "PNG"))
    content[16:24] = (50_000).to_bytes(4, "big") * 2
    import zlib

    content[29:33] = zlib.crc32(bytes(content[12:29])).to_bytes(4, "big")
    with pytest.raises(PhotoError) as refused:
        open_photo(bytes(content), max_side=None, limits=PixelLimits(png=10**12))
    assert refused.value.kind == "too_large"


@pytest.mark.parametrize("form", ["JPEG", "PNG"])
def test_max_side_reduces_and_never_enlarges(form: str) -> None:
    content = encoded(picture(900, 600), form)

    small, info = open_photo(content, max_side=90)
    same, _ = open_photo(content, max_side=2000)

    assert small.size == (90, 60)
    assert same.size == (info.width, info.height) == (900, 600)
    reference = picture(900, 600).resize((90, 60), Image.Resampling.LANCZOS)
    assert np.abs(np.asarray(small, float) - np.asarray(reference, float)).mean() < 4


def test_a_needle_keeps_a_pixel() -> None:
    assert open_photo(encoded(Image.new("RGB", (3000, 1)), "PNG"), max_side=100)[0].size == (100, 1)


SAMPLES = [
    encoded(picture(), form, **options)
    for form, options in [("JPEG", {}), ("PNG", {}), ("WEBP", {}), ("HEIF", {}), ("JPEG", {"progressive": True})]
] + [encoded(picture(), "MPO", save_all=True, append_images=[picture()])]


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_nothing_but_photo_errors_for_damaged_bytes(data: st.DataObject) -> None:
    content = bytearray(data.draw(st.sampled_from(SAMPLES)))
    for _ in range(data.draw(st.integers(1, 12))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(content)))
    try:
        image, _ = open_photo(bytes(content[: cut or len(content)]), max_side=64)
    except PhotoError:
        return
    assert image.mode == "RGB"
    assert max(image.size) <= 64


@settings(max_examples=200, deadline=None)
@given(st.sampled_from([b"", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"\0\0\0\x18ftypheic"]), st.binary(max_size=400))
def test_nothing_but_photo_errors_for_any_bytes(start: bytes, rest: bytes) -> None:
    with pytest.raises(PhotoError):
        open_photo(start + rest, max_side=None)


@pytest.mark.parametrize(("width", "height"), [(900, 700), (523, 901), (600, 30)])
@pytest.mark.parametrize("form", ["HEIF", "PNG", "JPEG"])
def test_a_costly_photo_comes_out_as_any_other(form: str, width: int, height: int) -> None:
    content = encoded(picture(width, height), form)
    ordinary, info = open_photo(content, max_side=100)
    costly, same = open_photo(content, max_side=100, limits=PixelLimits(alone_above=1))

    assert info == same
    assert np.array_equal(np.asarray(ordinary), np.asarray(costly))


@pytest.mark.parametrize(("width", "height"), [(900, 700), (523, 901), (600, 30)])
def test_strips_make_the_same_picture_as_the_whole(width: int, height: int) -> None:
    opaque = picture(width, height)
    clear = opaque.convert("RGBA")

    expected, _ = open_photo(encoded(opaque, "PNG"), max_side=100)
    in_strips, _ = open_photo(encoded(clear, "PNG"), max_side=100)

    assert np.array_equal(np.asarray(in_strips), np.asarray(expected))
