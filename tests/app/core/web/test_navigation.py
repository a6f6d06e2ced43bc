"""What the header leads to, by role, and which entry a page belongs under."""

import re

import pytest

from app.core.roles import Role
from app.core.web.navigation import ENTRIES, entry_of
from tests.people import signed_in


@pytest.mark.parametrize("role", Role)
def test_everything_in_the_header_leads_somewhere(lite, role):
    browser = signed_in(lite, role)
    page = browser.get("/account").text
    header = page[page.index('class="nav"') : page.index("</nav>")]
    paths = re.findall(r'href="([^"]+)"', header)
    assert paths == [entry.path for entry in ENTRIES if role.includes(entry.role)] + ["/"]
    for path in paths:
        answer = browser.get(path)
        assert answer.status_code == 200, path
        assert header_of(answer.text).count('aria-current="page"') == 1


def header_of(page):
    return page[page.index('class="nav"') : page.index("</nav>")]


def test_volunteers_see_what_is_theirs(lite):
    header = header_of(lite.client.get("/").text)
    assert re.findall(r'href="([^"]+)"', header) == ["/", "/mine", "/species", "/about"]
    assert "Sign out" not in lite.client.get("/").text


@pytest.mark.parametrize(
    ("path", "entry"),
    [
        ("/review", "/review"),
        ("/review/7", "/review"),
        ("/review/figures", "/review"),
        ("/admin/people/7", "/admin/people"),
        ("/admin/log", "/admin/people"),
        ("/reviewer", None),
        ("/", None),
    ],
)
def test_a_page_belongs_under_the_nearest_entry(path, entry):
    found = entry_of(ENTRIES, path)
    assert (found.path if found else None) == entry
