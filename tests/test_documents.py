"""What the documents say about the code is what the code says."""

import re
from pathlib import Path

import pytest

from app.core.settings import Settings
from scripts.settings_table import PAGE, with_table

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]


def test_the_table_of_settings_is_up_to_date():
    page = PAGE.read_text(encoding="utf-8")
    assert with_table(page) == page, "app/core/settings.py was changed: run `make docs`"


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_is_explained(name):
    assert Settings.model_fields[name].description


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_between_documents_lead_somewhere(page):
    links = re.findall(r"\]\((?!https?:|mailto:|#)([^)#\s]+)", page.read_text(encoding="utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_every_test_that_holds_a_promise_exists():
    page = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
    named = re.findall(r"(tests/[\w/]+\.py)::(\w+)", page)
    functions = {path: set(re.findall(r"^def (\w+)\(", (ROOT / path).read_text(), re.M)) for path, _ in named}
    assert [f"{path}::{name}" for path, name in named if name not in functions[path]] == []
    promises = re.findall(r"^\| (.+) \| (.+) \|$", page.partition("## Promises")[2].partition("## OWASP")[0], re.M)[2:]
    assert len(promises) > 20
    assert [promise for promise, held_by in promises if "::" not in held_by] == []
