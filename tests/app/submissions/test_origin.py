"""Date and place: what was given, else what the first photo's EXIF says, each with its source. EXIF is only a hint."""

import random
from datetime import date, datetime, timedelta

import pytest
from PIL import Image

from app.core.db import utcnow
from app.submissions.photos import Origin, prepare
from app.submissions.rules import Source
from ml.inference import PixelLimits
from tests.app.sending import row, submit
from tests.factories import encode, exif_photo, photo


def origin_of(content: bytes) -> Origin:
    """What a photo's EXIF says of it."""
    return prepare(content, PixelLimits()).origin


def sent(service, *pictures, **values):
    return row(service, submit(service, *pictures, **values).token)


def test_an_empty_date_and_place_are_filled_from_exif(service):
    kept = sent(service, exif_photo(1))
    assert (kept.event_date, kept.event_date_source) == (date(2026, 7, 14), Source.EXIF)
    assert (kept.latitude, kept.longitude) == (pytest.approx(52.37), pytest.approx(4.9))
    assert kept.coordinate_source is Source.EXIF
    assert kept.photos[0].taken_at == "2026-07-14T15:30:00"


def test_what_the_volunteer_gave_outranks_exif(lite):
    kept = sent(lite, exif_photo(1), event_date=date(2026, 7, 1), latitude=51.0, longitude=6.0)
    assert (kept.event_date, kept.event_date_source) == (date(2026, 7, 1), Source.TYPED)
    assert (kept.latitude, kept.longitude, kept.coordinate_source) == (51.0, 6.0, Source.TYPED)


@pytest.mark.parametrize("source", [Source.EXIF, Source.DEVICE])
def test_the_source_that_the_page_names_is_kept(lite, source):
    kept = sent(lite, photo(1), latitude=51.0, longitude=6.0, coordinate_source=source)
    assert kept.coordinate_source is source


def test_without_any_source_date_and_place_are_missing(lite):
    kept = sent(lite, photo(1))
    assert (kept.event_date, kept.event_date_source) == (None, Source.MISSING)
    assert (kept.latitude, kept.longitude, kept.coordinate_source) == (None, None, Source.MISSING)


def test_a_place_in_words_is_not_contradicted_by_exif(lite):
    kept = sent(lite, exif_photo(1), place="At my sister's")
    assert (kept.latitude, kept.coordinate_source) == (None, Source.MISSING)


def test_the_first_photo_that_knows_gives_date_and_place(lite):
    kept = sent(lite, photo(1), exif_photo(2, latitude=None), exif_photo(3, taken="2020:01:01 10:00:00"))
    assert kept.event_date == date(2026, 7, 14)
    assert kept.latitude == pytest.approx(52.37)


def test_a_camera_ahead_of_time_is_not_believed(lite):
    later = utcnow() + timedelta(days=400)
    kept = sent(lite, exif_photo(1, taken=later.strftime("%Y:%m:%d %H:%M:%S")))
    assert (kept.event_date, kept.event_date_source) == (None, Source.MISSING)


@pytest.mark.parametrize(
    ("latitude", "longitude"), [(52.37, 4.9), (-33.9, 18.4), (40.7, -74.0), (-54.8, -68.3), (0.5, 0.0), (89.9, 179.9)]
)
def test_all_four_quarters_of_the_world_are_read(latitude, longitude):
    found = origin_of(exif_photo(1, latitude=latitude, longitude=longitude))
    assert found.latitude == pytest.approx(latitude)
    assert found.longitude == pytest.approx(longitude)


@pytest.mark.parametrize(
    ("taken", "moment"),
    [
        ("2026:07:14 15:30:00", datetime(2026, 7, 14, 15, 30)),
        ("2026:07:14 15:30:00\x00", datetime(2026, 7, 14, 15, 30)),
        ("0000:00:00 00:00:00", None),
        ("2026:13:01 00:00:00", None),
        ("2026:02:30 00:00:00", None),
        ("1970:01:01 00:00:00", None),  # a clock that was never set
        ("1980:01:01 00:00:00", None),
        ("14/07/2026", None),
        ("    :  :     :  :  ", None),
        ("", None),
        ("2026:07:14", None),
    ],
)
def test_only_a_believable_moment_counts(taken, moment):
    assert origin_of(exif_photo(1, taken=taken)).taken_at == moment


UNSET = "0000:00:00 00:00:00"
SUMMER, AUTUMN, WINTER = "2026:07:19 10:00:00", "2026:09:01 11:00:00", "2026:11:20 12:00:00"


@pytest.mark.parametrize(
    ("original", "digitised", "changed", "day"),
    [
        (SUMMER, AUTUMN, WINTER, date(2026, 7, 19)),
        (None, SUMMER, WINTER, date(2026, 7, 19)),
        (UNSET, SUMMER, WINTER, date(2026, 7, 19)),
        ("1970:01:01 00:00:00", SUMMER, WINTER, date(2026, 7, 19)),
        ("    :  :     :  :  ", SUMMER, None, date(2026, 7, 19)),
        (SUMMER, UNSET, WINTER, date(2026, 7, 19)),
        (UNSET, UNSET, WINTER, None),
        (None, None, WINTER, None),  # the day of the last change
        (None, None, None, None),
    ],
)
def test_the_day_is_that_of_the_photo_not_of_its_edit(original, digitised, changed, day):
    exif = Image.Exif()
    times = exif.get_ifd(0x8769)
    for where, tag, text in ((times, 0x9003, original), (times, 0x9004, digitised), (exif, 0x0132, changed)):
        if text is not None:
            where[tag] = text
    taken = origin_of(photo(1, exif=exif)).taken_at
    assert (taken and taken.date()) == day


def gps_photo(latitude, longitude, references=("N", "E")):
    exif = Image.Exif()
    gps = exif.get_ifd(0x8825)
    gps[2], gps[4] = latitude, longitude
    for tag, letter in zip((1, 3), references, strict=True):
        if letter is not None:
            gps[tag] = letter
    return photo(1, exif=exif)


@pytest.mark.parametrize(
    ("latitude", "longitude"),
    [
        ((0.0, 0.0, 0.0), (0.0, 0.0, 0.0)),  # the Gulf of Guinea: a phone that did not know
        ((91.0, 0.0, 0.0), (4.0, 0.0, 0.0)),
        ((52.0, 0.0, 0.0), (181.0, 0.0, 0.0)),
        ((52.0,), (4.0,)),
        ((52.0, 0.0), (4.0, 0.0)),
    ],
)
def test_an_absurd_place_counts_as_none(latitude, longitude):
    found = origin_of(gps_photo(latitude, longitude))
    assert (found.latitude, found.longitude) == (None, None)


@pytest.mark.parametrize(
    ("letters", "place"),
    [
        (("N", "W"), (52.09, -5.12)),
        (("North", "West"), (52.09, -5.12)),
        (("s", "e"), (-52.09, 5.12)),
        ((" S ", "\tW\0"), (-52.09, -5.12)),
        (("N", None), (None, None)),
        ((None, "E"), (None, None)),
        (("N", ""), (None, None)),
        (("N", "N"), (None, None)),
        (("E", "N"), (None, None)),
        (("N", "O"), (None, None)),  # east in German, west in French
        (("N", "-"), (None, None)),
        ((5, 5), (None, None)),
    ],
    ids=str,
)
def test_a_place_without_its_letters_is_none(letters, place):
    found = origin_of(gps_photo((52.0, 5.0, 24.0), (5.0, 7.0, 12.0), letters))
    assert (found.latitude, found.longitude) == place


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "HEIF", "MPO"])
def test_every_format_has_its_exif(form):
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0x9003] = SUMMER
    gps = exif.get_ifd(0x8825)
    gps[1], gps[2], gps[3], gps[4] = "N", (52.0, 5.0, 24.0), "E", (5.0, 7.0, 12.0)
    options = {"save_all": True, "append_images": [Image.new("RGB", (9, 9))]} if form == "MPO" else {}
    for limits in (PixelLimits(), PixelLimits(alone_above=1)):
        found = prepare(photo(1, form, exif=exif.tobytes(), **options), limits).origin
        assert found == Origin(datetime(2026, 7, 19, 10), 52.09, 5.12)


def test_half_a_place_counts_as_none():
    exif = Image.Exif()
    gps = exif.get_ifd(0x8825)
    gps[1], gps[2] = "N", (52.0, 0.0, 0.0)
    assert origin_of(photo(1, exif=exif)) == Origin()


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("seed", range(40))
def test_damaged_exif_is_no_reason_to_refuse_a_photo(seed):
    luck = random.Random(seed)
    data = bytearray(exif_photo(1))
    start = data.index(b"Exif\x00\x00")
    for _ in range(luck.randrange(1, 60)):
        data[start + 6 + luck.randrange(200)] = luck.randrange(256)
    prepared = prepare(bytes(data), PixelLimits())
    assert (prepared.info.width * prepared.info.height) == 400 * 300
    assert prepared.origin.latitude is None or -90 <= prepared.origin.latitude <= 90


@pytest.mark.parametrize("data", [photo(1), photo(1, "PNG"), encode(Image.new("RGB", (9, 9)), "WEBP")])
def test_what_has_no_exif_has_no_origin(data):
    assert origin_of(data) == Origin()


def test_the_copies_for_pages_carry_no_exif():
    exif = Image.Exif()
    exif[0x010F] = "A camera"
    data = photo(1, exif=exif, comment=b"secret", icc_profile=b"profile" * 20)
    prepared = prepare(data, PixelLimits())
    for copy in (prepared.display, prepared.thumb):
        assert [secret for secret in (b"Exif", b"A camera", b"secret", b"ICC_PROFILE") if secret in copy] == []
