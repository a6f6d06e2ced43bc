"""Photos as pages show them."""

import io

import pytest
from PIL import Image

from ml.inference import Square
from tests.app.sending import files, row, submit
from tests.factories import butterfly, encode, exif_photo, photo
from tests.finding import meadow


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


def cut_of(lite, token):
    answer = lite.client.get(f"/photos/{token}/cut.jpg")
    with Image.open(io.BytesIO(answer.content)) as image:
        return answer, image.convert("RGB")


def test_a_cut_shows_the_animal_with_a_margin(lite):
    """A red part in a blue photo, drawn around: the cut is red in its middle and blue at its edges."""
    whole = Image.new("RGB", (1000, 800), (0, 0, 200))
    whole.paste((200, 0, 0), (600, 400, 800, 600))
    sent = files(encode(whole), square=Square(0.6, 0.5, 0.2, 0.25))
    answer, image = cut_of(lite, row(lite, submit(lite, photos=sent).token).photos[0].token)
    assert image.size == (280, 280)
    red = [image.getpixel(place)[0] > 100 for place in ((140, 140), (50, 50), (229, 229), (20, 140), (140, 260))]
    assert red == [True, True, True, False, False]
    assert answer.headers["cache-control"] == "private, no-cache"


def test_a_cut_is_made_around_what_was_found_and_moves_with_the_square(finder, lite):
    kept = row(lite, submit(lite, meadow((0.2, 0.3))).token)
    token = kept.photos[0].token
    tags = [cut_of(lite, token)[0].headers["etag"]]
    lite.work()
    answer, found = cut_of(lite, token)
    assert found.width == found.height < 480
    tags.append(answer.headers["etag"])
    again = lite.client.get(f"/photos/{token}/cut.jpg", headers={"If-None-Match": tags[-1]})
    assert (again.status_code, again.content) == (304, b"")
    lite.client.app.state.squares.of_volunteer(kept.token, 1, Square(0, 0, 0.5, 2 / 3))
    tags.append(cut_of(lite, token)[0].headers["etag"])
    assert len(set(tags)) == 3


def test_a_cut_without_a_square_is_the_whole_photo(lite, link):
    whole = lite.client.get(f"{link}/cut.jpg")
    assert whole.content == lite.client.get(f"{link}/thumb.jpg").content


def test_a_cut_at_the_edge_of_a_photo_stays_inside(lite):
    sent = files(photo(1), square=Square(0.9, 0.9, 0.1, 0.1))
    assert cut_of(lite, row(lite, submit(lite, photos=sent).token).photos[0].token)[1].size == (56, 56)


def test_an_unknown_link_is_not_found(lite):
    assert lite.client.get("/photos/nothing/display.jpg").status_code == 404


def test_a_link_does_not_tell_the_hash_or_the_submission(lite):
    kept = row(lite, submit(lite, photo(1)).token)
    [each] = kept.photos
    assert each.token not in {kept.token, each.sha256}
    assert len(each.token) >= 24
