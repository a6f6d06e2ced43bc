"""What admins do with models and collected photos, in their words, so that the stories stay short."""

import json
from pathlib import Path
from typing import Any

from playwright.sync_api import Locator, Page, expect

from app.core.db import transaction
from app.core.roles import Role
from app.core.settings import Settings
from app.predictions import registry
from tests import factories
from tests.browser.conftest import NewPerson
from tests.browser.review_steps import sign_in
from tests.people import make_user
from tests.running import Server, eventually
from tests.versions import make_version

DESKTOP = {"viewport": {"width": 1280, "height": 900}}
REASON = "The field day needs it, and nobody sends the other species."


def admin(new_person: NewPerson, server: Server, *console: str, **options: Any) -> Page:
    """An admin, signed in by hand; ``console``: messages of the console that are meant to come."""
    person = new_person(at=server.url, **(DESKTOP | options))
    person.expects(*console)
    sign_in(person.page, make_user(server.sessions, Role.ADMIN))
    return person.page


def add_version(server: Server, folder: Path, number: str, accuracy: float, **metrics: Any) -> int:
    """Register the bundled network under another number, as right as that on a thousand photos; its id."""
    made = make_version(folder, number)
    figures = json.loads((made / "metrics.json").read_text()) | metrics
    figures["species"]["accuracy"] = {
        "value": accuracy,
        "low": accuracy - 0.001,
        "high": accuracy + 0.001,
        "photos": 1000,
    }
    (made / "metrics.json").write_text(json.dumps(figures))
    with transaction(server.sessions) as session:
        return registry.import_version(session, made, Settings(_env_file=None, data_dir=server.data)).id


def answered_by(server: Server, number: str) -> None:
    """Wait until /predict answers with this version."""

    def now() -> bool:
        answer = server.client.post("/predict", files={"file": ("photo.jpg", factories.photo(1))}).raise_for_status()
        return bool(answer.json()["model"]["version"] == number)

    eventually(now, f"/predict answers with {number}", 20)


def collect(page: Page, number: int) -> None:
    """From the list of collections to the page of one that has ended: all species, so many photos of each."""
    page.goto("/admin/collections")
    page.get_by_role("link", name="Collect photos").click()
    for species in page.get_by_role("group", name="Species").get_by_role("checkbox").all():
        species.check()
    page.get_by_role("button", name="Continue").click()
    page.get_by_label("Maximum photos per species").fill(str(number))
    page.get_by_label("Longest side").select_option("240 pixels")
    page.get_by_role("button", name="Start collecting").click()
    expect(page.get_by_text("Fetching photos from Flickr")).to_be_visible()
    expect(page.locator(".tag--done")).to_be_visible(timeout=180_000)


def decided(page: Page, what: str) -> Locator:
    """The photos of the grid that stand so."""
    return page.locator(f'[data-decision="{what}"]')


def press(page: Page, keys: str) -> None:
    """One key after the other."""
    for key in keys.split():
        page.keyboard.press(key)
