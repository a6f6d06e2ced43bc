"""What admins do with models, in their words, so that the stories stay short."""

import json
from pathlib import Path
from typing import Any

from playwright.sync_api import Page

from app.db import transaction
from app.domain.accounts import Role
from app.services import classifiers
from app.settings import Settings
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
        return classifiers.import_version(session, made, Settings(_env_file=None, data_dir=server.data)).id


def answered_by(server: Server, number: str) -> None:
    """Wait until /predict answers with this version."""

    def now() -> bool:
        answer = server.client.post("/predict", files={"file": ("photo.jpg", factories.photo(1))}).raise_for_status()
        return bool(answer.json()["model"]["version"] == number)

    eventually(now, f"/predict answers with {number}", 20)
