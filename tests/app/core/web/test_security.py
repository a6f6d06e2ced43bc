"""What every answer carries, and who may send a form."""

import re

import pytest
from fastapi.testclient import TestClient

import app.volunteers.pages.site
from app.core.paths import STATIC, TEMPLATES
from app.core.web.assets import static_files
from tests.app.sending import post, row, submit
from tests.conftest import copy_of, make_settings, running
from tests.factories import photo

ANSWERS = [
    ("GET", "/"),
    ("GET", "/species"),
    ("GET", "/nothing"),
    ("GET", "/docs"),
    ("GET", "/openapi.json"),
    ("GET", "/healthz"),
    ("GET", "/metrics"),
    ("GET", "/static/css/site.css"),
    ("GET", "/static/css/core/base.css"),
    ("GET", "/language/nl"),
    ("GET", "/api/v1/taxa"),
    ("POST", "/predict"),
    ("POST", "/submissions"),
    ("DELETE", "/"),
]


@pytest.mark.parametrize(("method", "path"), ANSWERS)
def test_every_answer_carries_the_headers(lite, method, path):
    headers = lite.client.request(method, path, follow_redirects=False).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert headers["x-frame-options"] == "DENY"
    assert "microphone=()" in headers["permissions-policy"]
    assert "default-src 'self'" in headers["content-security-policy"]


def test_an_error_of_ours_carries_them_too_and_tells_nothing(lite, monkeypatch):
    def broken(*_):
        raise RuntimeError("a secret detail")

    monkeypatch.setattr(app.volunteers.pages.site, "taxon_view", broken)
    answer = lite.client.get("/species")
    assert answer.status_code == 500
    assert "default-src 'self'" in answer.headers["content-security-policy"]
    assert "a secret detail" not in answer.text
    assert "This is our fault" in answer.text


def test_a_photo_carries_them_too(lite):
    token = row(lite, submit(lite).token).photos[0].token
    assert lite.client.get(f"/photos/{token}/thumb.jpg").headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("path", ["/", "/species", "/about", "/mine", "/docs", "/nothing"])
def test_pages_have_no_inline_script_or_style(lite, path):
    html = lite.client.get(path).text
    assert re.findall(r"<script(?![^>]*\ssrc=)[^>]*>", html) == []
    assert "<style" not in html
    assert re.findall(r'\s(?:style|on\w+)="', html) == []


@pytest.mark.parametrize("path", ["/", "/species", "/about", "/mine", "/nothing"])
def test_pages_load_nothing_from_another_host(lite, path):
    html = lite.client.get(path).text
    assert re.findall(r'(?:src|href|action)="(?:https?:)?//[^"]*"', html) == []


def test_styles_and_scripts_name_no_other_host():
    files = [*STATIC.rglob("css/*.css"), *STATIC.rglob("js/*.js"), *TEMPLATES.rglob("*.html")]
    # A link that a person follows loads nothing.
    others = re.compile(r"(?<!<a href=\")https?://(?!www\.w3\.org/)[\w.-]+")
    assert {str(path): others.findall(path.read_text()) for path in files if others.search(path.read_text())} == {}


# --- forms from elsewhere --------------------------------------------------------------------------------------------

ALLOWED = [
    {},
    {"Sec-Fetch-Site": "same-origin"},
    {"Sec-Fetch-Site": "none"},
    {"Origin": "http://testserver"},
    {"Sec-Fetch-Site": "same-origin", "Origin": "null"},
]
REFUSED = [
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "cross-site", "Origin": "http://testserver"},
    {"Origin": "https://evil.example"},
    {"Origin": "http://testserver.evil.example"},
    {"Origin": "null"},
    {"Origin": "http://testserver:81"},
    {"Origin": "http://["},
]


@pytest.mark.parametrize("headers", ALLOWED, ids=str)
def test_a_form_of_our_own_is_taken(lite, headers):
    assert post(lite.client, photo(1), headers=headers).status_code == 303


@pytest.mark.parametrize("headers", REFUSED, ids=str)
def test_a_form_from_another_site_is_refused(lite, headers):
    answer = post(lite.client, photo(1), headers=headers)
    assert answer.status_code == 403
    assert "This form was not sent from our website" in answer.text


def test_behind_tls_cookies_travel_over_https_only(tmp_path, sqlite_template):
    settings = make_settings(tmp_path, database_url=copy_of(sqlite_template, tmp_path), secure_cookies=True)
    with running(settings) as service:
        assert "Secure" in service.client.get("/").headers["set-cookie"]
        assert "Secure" in service.client.get("/language/nl", follow_redirects=False).headers["set-cookie"]


# --- how long it is kept, and as what --------------------------------------------------------------------------------

KEPT = [
    ("/", "private, no-store"),
    ("/species", "private, no-cache"),
    ("/mine", "private, no-store"),
    ("/nothing", "no-store"),
    ("/api/v1/taxa", "no-store"),
    ("/healthz", "no-store"),
    ("/static/css/core/base.css", "no-cache"),
    ("/static/css/core/base.css?v=1234567890", "public, max-age=31536000, immutable"),
]


@pytest.mark.parametrize(("path", "kept"), KEPT)
def test_every_kind_of_answer_says_how_long_it_is_kept(lite, path, kept):
    assert lite.client.get(path).headers["cache-control"] == kept


def test_what_holds_behind_tls_only(tmp_path, sqlite_template, lite):
    assert "strict-transport-security" not in lite.client.get("/").headers
    settings = make_settings(tmp_path / "b", database_url=lite.settings.database_url, secure_cookies=True)
    with running(settings) as service:
        assert service.client.get("/").headers["strict-transport-security"] == "max-age=31536000"


def test_pages_and_pictures_are_for_no_other_site(lite):
    headers = lite.client.get("/").headers
    assert headers["cross-origin-opener-policy"] == headers["cross-origin-resource-policy"] == "same-origin"


def test_static_files_have_types_of_our_own_and_none_that_runs_as_a_page(tmp_path, monkeypatch):
    for name in ("a.html", "a.xhtml", "a.svg", "a.js", "a", "a.pdf"):
        (tmp_path / name).write_text("<script>alert(1)</script>")
    monkeypatch.setattr("app.core.web.assets.STATIC", tmp_path)
    client = TestClient(static_files())
    for name in ("a.html", "a.xhtml", "a", "a.pdf"):
        headers = client.get(f"/{name}").headers
        assert headers["content-type"] == "application/octet-stream"
        assert headers["content-disposition"] == "attachment"
    assert client.get("/a.js").headers["content-type"].startswith("text/javascript")
    assert "sandbox" in client.get("/a.svg").headers["content-security-policy"]


def test_a_photo_is_a_picture_and_nothing_else(lite):
    token = row(lite, submit(lite).token).photos[0].token
    for variant in ("thumb", "display"):
        headers = lite.client.get(f"/photos/{token}/{variant}.jpg").headers
        assert headers["content-type"] == "image/jpeg"
        assert "sandbox" in headers["content-security-policy"]
        assert headers["cache-control"].startswith("private")
