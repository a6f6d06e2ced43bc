"""What people do on the pages, in their words, so that the stories stay short."""

import re
from datetime import date, timedelta

from playwright.sync_api import FilePayload, Locator, Page, expect
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.db import reading
from app.submissions.tables import Submission
from app.submissions.words import HEADLINES
from tests import factories
from tests.running import Server, eventually

VERDICT = re.compile("|".join([*(re.escape(text) for text in HEADLINES.values()), "The computer thinks: "]))
SEND = "Send for a second opinion"
YESTERDAY = date.today() - timedelta(days=1)


def file(name: str, data: bytes, kind: str = "image/jpeg") -> FilePayload:
    """A file as the browser's file dialogue gives it."""
    return {"name": name, "mimeType": kind, "buffer": data}


def drawn(seed: int, name: str | None = None) -> FilePayload:
    """A drawn butterfly, another one for each seed."""
    return file(name or f"butterfly-{seed}.jpg", factories.photo(seed))


def choose(page: Page, *files: FilePayload) -> None:
    """Choose photos with the page's button."""
    page.locator("#field-file").get_by_label(re.compile("Choose photos|Add another photo")).set_input_files(list(files))


def species(page: Page, name: str) -> Locator:
    """The answer to "which species?" with this name."""
    return page.get_by_role("group", name="Which species was it?").get_by_role("radio", name=re.compile(name, re.I))


def preview(page: Page, number: int = 1) -> Locator:
    """A chosen photo as the page shows it."""
    return page.get_by_role("img", name=re.compile(f"^Your photo {number}: "))


def send(page: Page) -> None:
    """Press the button that sends."""
    page.get_by_role("button", name=SEND).click()


def see_verdict(page: Page) -> str:
    """Wait on the submission's page until its verdict is there; the headline."""
    expect(page).to_have_url(re.compile(r"/s/[\w-]{20,}"))
    headline = page.get_by_role("heading", level=1)
    expect(headline).to_have_text(VERDICT)
    return headline.inner_text().strip()


def token(page: Page) -> str:
    """The unguessable part of the page's address."""
    found = re.search(r"/s/([\w-]+)", page.url)
    assert found is not None, page.url
    return found[1]


def submission(session: Session, page: Page) -> Submission:
    """What the service keeps of the submission on this page."""
    return session.scalars(select(Submission).where(Submission.token == token(page))).one()


def sent_by_same(server: Server, page: Page) -> int:
    """How many submissions the service has from whoever sent the one on this page."""
    with reading(server.sessions) as session:
        volunteer = submission(session, page).volunteer_id
        return len(session.scalars(select(Submission.id).where(Submission.volunteer_id == volunteer)).all())


def screened(server: Server, token: str) -> dict[str, object]:
    """The submission as the interface for programs gives it, with its verdict."""

    def answer() -> dict[str, object] | None:
        found: dict[str, object] = server.client.get(f"/api/v1/submissions/{token}").raise_for_status().json()
        return None if found["waiting"] else found

    found = eventually(answer, "the verdict")
    assert found is not None
    return found


def post(server: Server, seed: int, claim: str) -> str:
    """A submission sent by a program; the token of its page."""
    answer = server.client.post(
        "/api/v1/submissions", files={"file": (f"drawn-{seed}.jpg", factories.photo(seed))}, data={"claim": claim}
    )
    found: str = answer.raise_for_status().json()["token"]
    return found


def seen_in(server: Server, data: bytes) -> tuple[str, str]:
    """Scientific names as the model sees them in a photo: the more likely one, the less likely one."""
    answer = server.client.post("/predict", files={"file": ("photo.jpg", data)}).raise_for_status().json()
    first, *_, last = (each["scientific_name"] for each in answer["results"][0]["predictions"])
    return first, last
