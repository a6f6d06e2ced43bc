"""HEAD is GET without its body, wherever there is something to get."""

import pytest

from tests.app.sending import row, submit
from tests.factories import photo

PATHS = ["/", "/species", "/nothing", "/healthz", "/static/css/site.css", "/api/v1/taxa", "/language/nl"]


@pytest.mark.parametrize("path", PATHS)
def test_head_answers_as_get_does_without_a_body(lite, path):
    got = lite.client.get(path, follow_redirects=False)
    asked = lite.client.head(path, follow_redirects=False)
    assert (asked.status_code, asked.content) == (got.status_code, b"")
    for name in ("content-type", "content-length", "location", "etag"):
        assert asked.headers.get(name) == got.headers.get(name)


def test_a_photo_can_be_asked_for_without_its_bytes(lite):
    token = submit(lite, photo(1)).token
    path = f"/photos/{row(lite, token).photos[0].token}/thumb.jpg"
    assert int(lite.client.head(path).headers["content-length"]) == len(lite.client.get(path).content)


def test_what_only_takes_a_form_still_refuses(lite):
    assert lite.client.head("/submissions").status_code == 405


def test_it_is_logged_under_its_own_name_and_route(lite, caplog):
    with caplog.at_level("INFO", logger="app.access"):
        lite.client.head("/species")
    assert [(line.method, line.route) for line in caplog.records if line.name == "app.access"] == [("HEAD", "/species")]
