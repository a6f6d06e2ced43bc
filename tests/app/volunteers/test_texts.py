"""Texts: a line end is one character in every field, letters are composed, and a refused form keeps them."""

import html
import unicodedata

import pytest

from app.core.texts import one_form
from app.review.decisions import checked_text
from app.submissions.form import MAX_NAME, MAX_PLACE, MAX_TEXT
from tests.app.sending import TAXA, form, post, row, token_of
from tests.factories import photo

LINE = "On the bramble by the gate, wings half open, then off over the hedge."


def text_of(length, ends):
    """A text of that many characters, of which so many are line ends."""
    lines = "\n" * ends
    return ("a" * (length - ends - 1)) + lines + "b"


def by_form(client, **fields):
    answer = post(client, photo(1), **fields)
    return token_of(answer) if answer.status_code == 303 else None


def by_program(client, **fields):
    files = {"file": ("a.jpg", photo(1), "image/jpeg")}
    return client.post("/api/v1/submissions", data={"claim": TAXA[0]} | fields, files=files).json().get("token")


@pytest.mark.parametrize("send", [by_form, by_program])
@pytest.mark.parametrize(("field", "longest"), [("note", MAX_TEXT), ("place", MAX_PLACE), ("claim_text", MAX_NAME)])
def test_line_ends_count_once(lite, send, field, longest):
    text = text_of(longest, 28)
    claim = {"claim": "other"} if field == "claim_text" else {}
    token = send(lite.client, **{field: text.replace("\n", "\r\n")}, **claim)
    assert token is not None
    kept = row(lite, token)
    assert (kept.claim.verbatim if field == "claim_text" else getattr(kept, field)) == text
    assert send(lite.client, **{field: text_of(longest + 1, 28)}, **claim) is None


def test_an_answer_and_a_remark_count_the_same():
    text = text_of(2000, 28)
    assert checked_text(text.replace("\n", "\r\n"), "answer", 2000) == text


@pytest.mark.parametrize(
    ("sent", "kept"), [("a\r\nb\rc\nd", "a\nb\nc\nd"), ("Sankt Po\u0308lten", "Sankt P\u00f6lten"), ("a\x00b", "ab")]
)
def test_texts_have_one_form(sent, kept):
    assert one_form(sent) == kept


def test_the_place_is_kept_composed(lite):
    token = by_form(lite.client, place=unicodedata.normalize("NFD", "Sankt Pölten"))
    assert row(lite, token).place == "Sankt Pölten"


def test_a_refused_form_keeps_every_value_and_names_the_photos_to_choose_again(lite):
    sent = {
        "claim": "other",
        "claim_text": "small heath",
        "individual_count": "3",
        "event_date": "2026-07-01",
        "place": 'Sint-Jan’s "garden"',
        "latitude": "52,1",
        "longitude": "5",
        "note": text_of(MAX_TEXT + 1, 2),
        "email": "a@example.org",
    }
    files = [
        ("file", (name, data, "image/jpeg")) for name, data in (("good.jpg", photo(1)), ("notes.jpg", b"Dear diary"))
    ]
    answer = lite.client.post("/submissions", data=form(**sent), files=files)
    assert answer.status_code == 422
    text = html.unescape(answer.text)
    assert 'value="other" checked' in text
    for name in ("claim_text", "individual_count", "event_date", "place", "latitude", "longitude", "email"):
        assert f'value="{sent[name]}"' in text, name
    assert sent["note"] in text
    assert "choose your photos again; the browser does not keep them: good.jpg" in text
    assert "notes.jpg: We can’t open this file." in text
    assert 'role="alert"' not in answer.text  # the summary gets the focus, and would be read twice
    assert 'id="summary" role="group" aria-labelledby="summary-title" tabindex="-1" autofocus' in answer.text


def test_the_same_form_twice_without_cookies_is_one_submission(lite):
    answers = []
    for _ in range(2):
        lite.client.cookies.clear()
        answers.append(post(lite.client, photo(1), idempotency_key="a-key-that-the-page-gave"))
    assert [token_of(answer) for answer in answers] == [token_of(answers[0])] * 2
    assert answers[1].headers["location"].endswith("?again=1")
    lite.client.cookies.clear()
    assert token_of(post(lite.client, photo(1), idempotency_key="the-key-of-another-page")) != token_of(answers[0])


def test_sent_again_with_an_address_it_is_one_and_the_address_is_kept(lite):
    lite.client.get("/")
    first = post(lite.client, photo(1))
    again = post(lite.client, photo(1), email="a@example.org")
    assert token_of(again) == token_of(first)
    assert row(lite, token_of(first)).volunteer.email == "a@example.org"
    post(lite.client, photo(1), email="other@example.org")
    assert row(lite, token_of(first)).volunteer.email == "a@example.org"
