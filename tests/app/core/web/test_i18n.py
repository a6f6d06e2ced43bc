"""Which language a request gets, and how things are written in it."""

from datetime import UTC, date, datetime

import pytest

from app.core.web.i18n import LANGUAGES, Language, from_header

HEADERS = [
    # Accept-Language, language where the default is English
    ("nl", "nl"),
    ("en", "en"),
    ("NL", "nl"),
    ("nl-BE", "nl"),
    ("en-GB,en;q=0.9,nl;q=0.8", "en"),
    ("nl,en", "nl"),
    ("en,nl", "en"),
    ("en;q=0.5,nl;q=0.6", "nl"),
    ("fr,nl;q=0.1", "nl"),
    ("fr", "en"),
    ("*", "en"),
    ("", "en"),
    ("nl;q=0", "en"),
    ("nl;q=", "nl"),
    ("nl;q=high", "en"),
    ("nl;q=nan,en;q=0.1", "en"),
    (";;;,,,=", "en"),
    ("nl" * 5000, "en"),
]


@pytest.mark.parametrize(("header", "language"), HEADERS, ids=[str(n) for n in range(len(HEADERS))])
def test_the_browser_asks_for_a_language(header, language):
    assert from_header(header, "en") == language


@pytest.mark.parametrize("header", ["", "fr", "*"])
def test_where_none_of_ours_fits_the_default_is_used(header):
    assert from_header(header, "nl") == "nl"


@pytest.mark.parametrize(("code", "written"), [("en", "14 July 2026"), ("nl", "14 juli 2026")])
def test_days_are_written_as_people_write_them(code, written):
    assert Language(code).date(date(2026, 7, 14)) == written


@pytest.mark.parametrize("code", LANGUAGES)
def test_moments_tell_day_and_time(code):
    written = Language(code).moment(datetime(2026, 7, 14, 15, 30, tzinfo=UTC))
    assert "14" in written
    assert "2026" in written


def test_an_unknown_message_stays_as_it_is():
    assert Language("nl").gettext("No such message, %(name)s", name="x") == "No such message, x"


def test_a_percent_sign_without_places_stays():
    assert Language("en").gettext("100 %") == "100 %"
