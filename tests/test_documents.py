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
