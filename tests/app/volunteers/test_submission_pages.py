"""The volunteer's form and the page of a submission."""

import re

import pytest
from sqlalchemy import func, select

from app.predictions.rules import SquareOrigin
from app.submissions.tables import Submission
from app.volunteers.dependencies import VOLUNTEER_COOKIE
from tests.app.sending import TAXA, post, row, token_of
from tests.factories import exif_photo, photo
from tests.orientations import XMP, with_segments
from tests.versions import BELIEVES_THE_CLAIM, NEVER_IN_SCOPE

JSON = {"Accept": "application/json"}


def count(service):
    with service.sessions() as session:
        return session.scalar(select(func.count()).select_from(Submission))


# --- the form --------------------------------------------------------------------------------------------------------


def test_the_form_offers_every_species_and_the_two_other_answers(lite):
    html = lite.client.get("/").text
    for value in (*TAXA, "other", "unknown"):
        assert f'name="claim" value="{value}"' in html


def test_the_form_gives_its_holder_a_cookie_and_a_key(lite):
    answer = lite.client.get("/")
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith(f"{VOLUNTEER_COOKIE}=")
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert re.search(r'name="idempotency_key" value="[\w-]{20,}"', answer.text)


def test_each_form_has_a_key_of_its_own(lite):
    keys = [re.findall(r'name="idempotency_key" value="([\w-]+)"', lite.client.get("/").text) for _ in range(2)]
    assert [len(found) for found in keys] == [1, 1]
    assert keys[0] != keys[1]


def test_the_cookie_stays_the_same_from_page_to_page(lite):
    lite.client.get("/")
    first = lite.client.cookies[VOLUNTEER_COOKIE]
    lite.client.get("/")
    assert lite.client.cookies[VOLUNTEER_COOKIE] == first


# --- sending ---------------------------------------------------------------------------------------------------------


def test_a_sent_form_leads_to_the_submission(lite):
    answer = post(lite.client, photo(1))
    assert answer.status_code == 303
    page = lite.client.get(answer.headers["location"])
    assert page.status_code == 200
    assert "We are looking at your photo" in page.text


def test_every_field_of_the_form_arrives(lite):
    token = token_of(
        post(
            lite.client,
            photo(1),
            squares=("0.1,0.2,0.3,0.4",),
            claim="other",
            claim_text="small heath",
            individual_count="4",
            event_date="2026-07-01",
            event_date_source="exif",
            place="By the pond",
            latitude="52,37",
            longitude="4.9",
            coordinate_source="device",
            note="Resting.",
            email="A@Example.ORG",
        )
    )
    kept = row(lite, token)
    assert kept.claim.verbatim == "small heath"
    assert kept.individual_count == 4
    assert (kept.event_date.isoformat(), kept.event_date_source) == ("2026-07-01", "exif")
    assert (kept.place, kept.note) == ("By the pond", "Resting.")
    assert (kept.latitude, kept.longitude, kept.coordinate_source) == (52.37, 4.9, "device")
    assert kept.volunteer.email == "A@example.org"
    assert kept.photos[0].square == [0.1, 0.2, 0.3, 0.4]
    assert kept.photos[0].filename == "0.jpg"


def test_squares_belong_to_their_photos_in_order(lite):
    token = token_of(post(lite.client, photo(1), photo(2), photo(3), squares=("", "0,0,1,1", "")))
    assert [p.square for p in row(lite, token).photos] == [None, [0, 0, 1, 1], None]


def test_whole_means_that_nothing_is_searched(lite):
    token = token_of(post(lite.client, photo(1), squares=("whole",)))
    lite.work()
    [kept] = row(lite, token).photos
    assert kept.square == [0, 0, 1, 1]
    assert [made.square_origin for made in kept.predictions] == [SquareOrigin.GIVEN]
    page = lite.client.get(f"/s/{token}").text
    assert "The computer looked at the whole photo, without a square." in page
    assert "photo__square" not in page


XMP_SAYS_TO_TURN_IT = with_segments(b"http://ns.adobe.com/xap/1.0/\0" + XMP)


@pytest.mark.parametrize(
    ("square", "shown", "kept"),
    [
        ("0,0,0.5,0.25", "80x40", [0, 0, 0.5, 0.25]),
        ("0,0,0.5,0.25", "8000x4000", [0, 0, 0.5, 0.25]),
        ("0,0,0.5,0.25", "40x80", [0, 0.5, 0.25, 0.5]),  # shown as XMP asks: it is turned back
        ("0,0,0.5,0.25", "30x80", None),  # nobody knows what was meant
        ("whole", "30x80", [0, 0, 1, 1]),
        *[
            ("0,0,0.5,0.25", told, [0, 0, 0.5, 0.25])
            for told in ("", "80", "0x0", "x", "-80x40", "1e3x40", "9" * 30 + "x1")
        ],
    ],
)
def test_a_square_lies_where_it_was_drawn_however_the_browser_showed_the_photo(lite, square, shown, kept):
    answer = post(lite.client, XMP_SAYS_TO_TURN_IT, squares=(square,), shown=shown)
    [photo_row] = row(lite, token_of(answer)).photos
    assert (photo_row.width, photo_row.height) == (80, 40)
    assert photo_row.square == (None if kept is None else pytest.approx(kept))


def test_a_script_gets_the_address_as_json(lite):
    answer = post(lite.client, photo(1), headers=JSON)
    assert answer.status_code == 201
    assert re.fullmatch(r"/s/[\w-]{20,}", answer.json()["url"])


def test_sending_again_leads_to_the_same_submission_and_says_so(lite):
    lite.client.get("/")
    first, again = post(lite.client, photo(1)), post(lite.client, photo(1))
    assert token_of(again) == token_of(first)
    assert "You already sent this" in lite.client.get(again.headers["location"]).text
    assert post(lite.client, photo(1), headers=JSON).status_code == 200
    assert count(lite) == 1


def test_a_page_reached_by_back_sends_a_new_submission_under_a_new_key(lite):
    lite.client.get("/")
    first, other = post(lite.client, photo(1)), post(lite.client, photo(2))
    assert other.status_code == 303
    assert token_of(first) != token_of(other)
    assert count(lite) == 2


def test_without_a_cookie_everything_works_too(lite):
    answer = post(lite.client, photo(1))
    assert VOLUNTEER_COOKIE in answer.headers["set-cookie"]


# --- mistakes --------------------------------------------------------------------------------------------------------

FILLED = {
    "claim": "other",
    "claim_text": "a <b>small</b> heath",
    "individual_count": "7",
    "event_date": "2026-07-01",
    "place": 'By the "pond"',
    "latitude": "52.37",
    "longitude": "4.9",
    "note": "Resting & warm",
    "email": "a@example.org",
}


def test_a_mistake_keeps_what_was_filled_in(lite):
    answer = post(lite.client, b"words", **FILLED)
    assert answer.status_code == 422
    html = answer.text
    assert 'value="a &lt;b&gt;small&lt;/b&gt; heath"' in html
    assert 'value="By the &#34;pond&#34;"' in html
    assert "Resting &amp; warm" in html
    for value in ("7", "2026-07-01", "52.37", "4.9", "a@example.org", "a-key-of-the-page"):
        assert f'value="{value}"' in html
    assert re.search(r'name="claim" value="other"\s+checked', html)
    assert count(lite) == 0


def test_all_mistakes_are_told_at_once_in_sentences(lite):
    answer = post(
        lite.client,
        b"words",
        claim="",
        individual_count="many",
        event_date="yesterday",
        latitude="north",
        longitude="4",
        email="nobody",
    )
    html = answer.text
    for sentence in (
        "0.jpg: We can’t open this file. Please use JPEG, PNG, WebP or HEIC.",
        "Please choose the species you saw.",
        "Please enter a whole number from 1 to 999.",
        "Please enter a valid date.",
        "Please enter a valid coordinate.",
        "Please enter a valid e-mail address.",
    ):
        assert sentence in html
    assert "[&#39;" not in html  # a list is no sentence


def test_a_script_gets_every_mistake_with_its_field(lite):
    answer = post(lite.client, b"words", claim="", headers=JSON)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert {error["field"] for error in answer.json()["errors"]} == {"file", "claim"}
    [about_the_photo] = [error for error in answer.json()["errors"] if error["field"] == "file"]
    assert about_the_photo["filename"] == "0.jpg"
    assert about_the_photo["message"]


def test_mistakes_are_told_in_the_language_of_the_page(lite):
    english = post(lite.client, photo(1), claim="", headers=JSON).json()["errors"][0]["message"]
    dutch = post(lite.client, photo(1), claim="", headers=JSON | {"Accept-Language": "nl"}).json()["errors"][0][
        "message"
    ]
    assert english != dutch


WRONG = [
    # field, value
    ("individual_count", "0"),
    ("individual_count", "-1"),
    ("individual_count", "1.5"),
    ("individual_count", "٣"),
    ("individual_count", "9" * 30),
    ("event_date", "2026-02-30"),
    ("event_date", "3026-01-01"),
    ("latitude", "nan"),
    ("latitude", "inf"),
    ("email", "a@"),
    ("email", "a b@example.org"),
    ("claim", "Nemo nescitus"),
    ("place", "x" * 400),
    ("note", "x" * 2500),
]


@pytest.mark.parametrize(("field", "value"), WRONG)
def test_a_field_that_can_not_be_is_named(lite, field, value):
    fields = {"longitude": "4.9"} | {field: value} if field == "latitude" else {field: value}
    answer = post(lite.client, photo(1), headers=JSON, **fields)
    assert answer.status_code == 422
    assert field in {error["field"] for error in answer.json()["errors"]}


@pytest.mark.parametrize(
    "square", ["0.1", "a,b,c,d", "0,0,0,0", "0.9,0.9,0.5,0.5", "nan,0,1,1", "-0.5,0,0.5,0.5", "0,0,inf,1"]
)
def test_a_square_that_can_not_be_is_named(lite, square):
    answer = post(lite.client, photo(1), squares=(square,), headers=JSON)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "square"


def test_a_square_that_sticks_out_by_rounding_is_moved_inside(lite):
    token = token_of(post(lite.client, photo(1), squares=("-0.005,0.5,0.5,0.505",)))
    x, y, width, height = row(lite, token).photos[0].square
    assert (x, y, width) == (0, 0.5, 0.5)
    assert y + height <= 1


@pytest.mark.parametrize("name", ["C:\\photos\\a.jpg", "/home/me/a.jpg", "../../a.jpg"])
def test_only_the_last_part_of_a_path_is_kept_as_the_file_name(lite, name):
    data = {"claim": TAXA[0]}
    answer = lite.client.post("/submissions", data=data, files={"file": (name, photo(1))}, follow_redirects=False)
    assert row(lite, token_of(answer)).photos[0].filename == "a.jpg"


def test_a_zero_byte_in_a_field_does_no_harm(service):
    answer = post(service.client, photo(1), place="a\x00b", note="\x00")
    assert row(service, token_of(answer)).place == "ab"


def test_no_photo_is_a_mistake_like_others(lite):
    answer = lite.client.post("/submissions", data={"claim": TAXA[0]}, files={"file": ("", b"")})
    assert answer.status_code == 422
    assert "Please add at least one photo." in answer.text


def test_a_form_in_another_encoding_of_forms_is_understood(lite):
    answer = lite.client.post("/submissions", data={"claim": TAXA[0]})
    assert answer.status_code == 422


# --- the page of a submission ----------------------------------------------------------------------------------------


def test_while_it_waits_the_page_asks_for_the_verdict(lite):
    token = token_of(post(lite.client, photo(1)))
    html = lite.client.get(f"/s/{token}").text
    assert f'hx-get="/s/{token}/verdict"' in html
    lite.work()
    html = lite.client.get(f"/s/{token}").text
    assert "hx-get" not in html


def test_the_fragment_is_the_verdict_alone(lite, serve):
    serve(**BELIEVES_THE_CLAIM)
    token = token_of(post(lite.client, photo(1)))
    assert "hx-get" in lite.client.get(f"/s/{token}/verdict").text
    lite.work()
    fragment = lite.client.get(f"/s/{token}/verdict")
    assert fragment.status_code == 200
    assert "<html" not in fragment.text
    assert "It looks like you are right" in fragment.text
    assert "hx-get" not in fragment.text


def test_the_page_says_why_and_what_comes_next(lite, serve, screened):
    serve(**NEVER_IN_SCOPE)
    html = lite.client.get(f"/s/{screened().token}").text
    assert "The computer can’t check this photo" in html
    assert "the only species it knows" in html
    assert "an expert will check it" in html


def test_a_photo_with_a_square_is_shown_with_it(lite):
    token = token_of(post(lite.client, photo(1), squares=("0.1,0.2,0.3,0.4",)))
    lite.work()
    page = lite.client.get(f"/s/{token}")
    assert page.status_code == 200
    assert "photo__square" in page.text


def test_a_photo_seen_before_is_said_to_be_so(lite):
    post(lite.client, photo(1))
    lite.client.cookies.clear()
    token = token_of(post(lite.client, photo(1), idempotency_key="the-key-of-another-page"))
    assert "This photo was sent before" in lite.client.get(f"/s/{token}").text


def test_where_date_and_place_came_from_is_shown(lite):
    token = token_of(post(lite.client, exif_photo(1)))
    lite.work()
    assert "from the photo" in lite.client.get(f"/s/{token}").text


def test_a_link_leaks_nowhere(lite, screened):
    page = lite.client.get(f"/s/{screened().token}")
    assert page.headers["cache-control"] == "private, no-store"
    assert page.headers["x-robots-tag"] == "noindex"
    assert page.headers["referrer-policy"] == "same-origin"


@pytest.mark.parametrize("path", ["/s/nothing", "/s/nothing/verdict", "/s/nothing/withdraw"])
def test_an_unknown_link_is_a_page_that_helps(lite, path):
    answer = lite.client.get(path)
    assert answer.status_code == 404
    assert "Page not found" in answer.text
    assert 'href="/mine"' in answer.text


@pytest.mark.parametrize("path", ["/s/%00", "/photos/%00/thumb.jpg", "/api/v1/submissions/%00"])
def test_a_zero_byte_in_a_link_is_no_failure_of_ours(service, path):
    assert service.client.get(path).status_code in {400, 404}


def test_a_screening_that_was_given_up_is_told_and_not_waited_for(lite):
    from app.core.storage import LocalStorage
    from app.submissions import photos

    token = token_of(post(lite.client, photo(1)))
    key = photos.key_of(row(lite, token).photos[0].sha256, "original")
    LocalStorage(lite.settings.photo_dir).delete(key)
    LocalStorage(lite.settings.photo_dir).put(key, b"rot")
    lite.work()
    html = lite.client.get(f"/s/{token}").text
    assert "There is no second opinion yet" in html
    assert "hx-get" not in html
