"""Photos as pages show them."""

import io

import pytest
from PIL import Image

from tests.app.sending import row, submit
from tests.factories import butterfly, encode, exif_photo, photo


@pytest.fixture
def link(lite):
    """The beginning of the links to the copies of a photo that tells its place."""
    return f"/photos/{row(lite, submit(lite, exif_photo(1)).token).photos[0].token}"


@pytest.mark.parametrize("variant", ["display", "thumb"])
def test_a_copy_is_a_jpeg_without_exif(lite, link, variant):
    answer = lite.client.get(f"{link}/{variant}.jpg")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "image/jpeg"
    with Image.open(io.BytesIO(answer.content)) as image:
        image.load()
        assert dict(image.getexif()) == {}
        assert {"exif", "comment", "icc_profile"} & set(image.info) == set()
    assert b"Exif" not in answer.content


@pytest.mark.parametrize(("variant", "longest"), [("display", 1600), ("thumb", 480)])
def test_a_copy_is_as_large_as_pages_need(lite, variant, longest):
    token = row(lite, submit(lite, encode(butterfly(1, (3000, 2000)))).token).photos[0].token
    with Image.open(io.BytesIO(lite.client.get(f"/photos/{token}/{variant}.jpg").content)) as image:
        assert max(image.size) == longest


def test_a_copy_stands_upright(lite):
    exif = Image.Exif()
    exif[0x0112] = 6
    token = row(lite, submit(lite, photo(1, exif=exif)).token).photos[0].token
    with Image.open(io.BytesIO(lite.client.get(f"/photos/{token}/display.jpg").content)) as image:
        assert image.size == (300, 400)


@pytest.mark.parametrize("format", ["PNG", "WEBP", "HEIF"])
def test_every_supported_picture_is_shown_as_a_jpeg(lite, format):
    token = row(lite, submit(lite, photo(1, format)).token).photos[0].token
    with Image.open(io.BytesIO(lite.client.get(f"/photos/{token}/display.jpg").content)) as image:
        assert (image.format, image.size) == ("JPEG", (400, 300))


@pytest.mark.parametrize("variant", ["original", "other", "..%2Foriginal"])
def test_the_original_stays_private(lite, link, variant):
    assert lite.client.get(f"{link}/{variant}.jpg").status_code == 404


def test_a_copy_that_the_browser_has_is_not_sent_again(lite, link):
    first = lite.client.get(f"{link}/display.jpg")
    again = lite.client.get(f"{link}/display.jpg", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]
    assert first.headers["cache-control"].startswith("private")


def test_each_variant_has_a_tag_of_its_own(lite, link):
    assert (
        lite.client.get(f"{link}/display.jpg").headers["etag"] != lite.client.get(f"{link}/thumb.jpg").headers["etag"]
    )


def test_an_unknown_link_is_not_found(lite):
    assert lite.client.get("/photos/nothing/display.jpg").status_code == 404


def test_a_link_does_not_tell_the_hash_or_the_submission(lite):
    kept = row(lite, submit(lite, photo(1)).token)
    [each] = kept.photos
    assert each.token not in {kept.token, each.sha256}
    assert len(each.token) >= 24
