"""The privacy notice tells what is true of this installation."""

import re

from app.core.paths import TEMPLATES
from app.privacy.retention import KINDS, ORIGINALS
from app.volunteers.withdrawal import what_goes
from tests.conftest import copy_of, make_settings, running

PERIODS = {"place": 365, "volunteer": 400, "session": 8, "account": 730, "audit": 0}


def test_every_column_that_is_marked_as_personal_has_a_line_in_the_notice(lite):
    source = (TEMPLATES / "privacy" / "notice.html").read_text(encoding="utf-8")
    lines = source[source.index("kept_lines = {") : source.index("precisions = {")]
    assert set(re.findall(r'^  "(\w+)": \(', lines, re.MULTILINE)) == what_goes(everything=True)
    assert lite.client.get("/privacy").text.count("<dt>") >= len(what_goes(everything=True))


def test_every_kind_that_is_deleted_has_words():
    source = (TEMPLATES / "privacy" / "_kinds.html").read_text(encoding="utf-8")
    assert set(re.findall(r'^  "(\w+)": \(', source, re.MULTILINE)) == {ORIGINALS, *(kind.name for kind in KINDS)}


def test_its_periods_are_those_of_the_settings(tmp_path, sqlite_template):
    given = {f"{name}_retention_days": days for name, days in PERIODS.items()} | {"original_retention_days": 30}
    settings = make_settings(tmp_path, database_url=copy_of(sqlite_template, tmp_path), **given)
    with running(settings) as service:
        english = service.client.get("/privacy").text
        dutch = service.client.get("/privacy", headers={"Accept-Language": "nl"}).text
    for words in ("30 days after the record", "1 year after the record", "400 days after your last submission"):
        assert words in english
    for words in ("8 days after signing out", "2 years after they were last here", "<dd>for ever</dd>"):
        assert words in english
    assert "400 dagen" in dutch
    assert 'lang="nl"' in dutch


def test_form_and_every_page_lead_to_it(lite):
    assert lite.client.get("/").text.count('href="/privacy"') == 3
    assert 'href="/privacy"' in lite.client.get("/mine").text
