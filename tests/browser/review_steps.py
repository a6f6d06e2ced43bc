"""What reviewers do at the desk, in their words, so that the stories stay short."""

import re
from dataclasses import dataclass
from functools import cache
from itertools import count

from PIL import Image
from playwright.sync_api import Page, expect
from sqlalchemy import func, select

from app.accounts.tables import User
from app.core.db import reading, transaction
from app.core.roles import Role
from app.review.rules import TaskState
from app.review.tables import Identification, ReviewTask
from app.submissions.tables import Submission
from ml.inference import Recogniser, bundled_versions, load_recogniser, open_photo
from tests import factories
from tests.browser.conftest import NewPerson, Person
from tests.people import PASSWORD, make_user
from tests.running import Server, eventually

DESK = {"viewport": {"width": 1280, "height": 860}}
TABLET = {"viewport": {"width": 820, "height": 1180}, "has_touch": True}
_seeds = count(3000)
_LARGEST_DRAWN, _MOST_DRAWINGS = 240, 60
BROWN, GATEKEEPER = "Maniola jurtina", "Pyronia tithonus"


@dataclass
class Sent:
    """A submission of a test: its number at the desk, and the link of its volunteer."""

    id: int
    token: str


def send_many(
    server: Server, many: int, place: str, claim: str = BROWN, *, orange: bool = True, size: int = 240
) -> list[Sent]:
    """So many drawn photos from one place, each with this claim; screened. Orange ones look like gatekeepers to the network."""
    tokens = []
    for _ in range(many):
        photo = drawn((size, size * 3 // 4), gatekeeper=orange)
        answer = server.client.post(
            "/api/v1/submissions", files={"file": ("drawn.jpg", photo)}, data={"claim": claim, "place": place}
        )
        tokens.append(answer.raise_for_status().json()["token"])
    return on_desk(server, tokens)


def drawn(size: tuple[int, int], *, gatekeeper: bool) -> bytes:
    """The next drawing that the bundled network takes for what it is meant to be: a small one, enlarged to ``size``."""
    for _ in range(_MOST_DRAWINGS):
        width = min(size[0], _LARGEST_DRAWN)
        picture = factories.butterfly(next(_seeds), (width, width * size[1] // size[0]), gatekeeper)
        photo = factories.encode(picture.resize(size, Image.Resampling.BICUBIC))
        image, _ = open_photo(photo, max_side=_network().decoding_side)
        if (_network().look(image).output.probabilities.argmax() == 1) == gatekeeper:
            return photo
    raise AssertionError(f"none of {_MOST_DRAWINGS} drawings of {size} pixels looks as it should")


@cache
def _network() -> Recogniser:
    return load_recogniser(bundled_versions()[0])


def on_desk(server: Server, tokens: list[str]) -> list[Sent]:
    """Wait until these submissions are on the desk."""

    def all_there() -> dict[str, int] | None:
        with reading(server.sessions) as session:
            query = select(Submission.token, Submission.id).join(ReviewTask, ReviewTask.submission_id == Submission.id)
            found = {row[0]: row[1] for row in session.execute(query.where(Submission.token.in_(tokens)))}
        return found if len(found) == len(tokens) else None

    found = eventually(all_there, "every submission is on the desk")
    assert found is not None
    return [Sent(found[token], token) for token in tokens]


def reviewer(new_person: NewPerson, server: Server, role: Role = Role.REVIEWER, **options: object) -> Person:
    """Somebody of that role, signed in by hand."""
    user = make_user(server.sessions, role)
    person = new_person(at=server.url, **(DESK | options))
    sign_in(person.page, user)
    return person


def sign_in(page: Page, user: User) -> None:
    """Through the door."""
    page.goto("/sign-in?next=/review")
    page.get_by_label("E-mail address").fill(user.email)
    page.get_by_label("Password").first.fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page).to_have_url(re.compile("/review$"))


def item_on(page: Page) -> int:
    """The number of the item on the desk, once it may be decided."""
    article = page.locator("article.desk[data-ready]")
    expect(article).to_have_count(1)
    return int(article.get_attribute("data-item") or 0)


def press(page: Page, key: str) -> int:
    """Press a key that goes on to another item; the number of the one that comes."""
    before = item_on(page)
    page.keyboard.press(key)
    expect(page.locator(f'article.desk[data-ready]:not([data-item="{before}"])')).to_have_count(1)
    return item_on(page)


def told(server: Server, submission_id: int) -> list[tuple[str, str | None, str | None]]:
    """What the record holds: kind, taxon, status code, oldest first."""
    with reading(server.sessions) as session:
        query = select(Identification).where(Identification.submission_id == submission_id).order_by(Identification.id)
        return [
            (
                row.kind.value,
                row.taxon.scientific_name if row.taxon else None,
                row.verification_status.value if row.verification_status else None,
            )
            for row in session.scalars(query)
        ]


def state(server: Server, submission_id: int) -> TaskState:
    """Whose turn it is."""
    with reading(server.sessions) as session:
        return session.get_one(ReviewTask, submission_id).state


def eventually_told(server: Server, submission_id: int, *expected: tuple[str, str | None, str | None]) -> None:
    """Decisions travel behind the page: wait until the record holds exactly this."""
    eventually(lambda: told(server, submission_id) == list(expected), f"{expected} for {submission_id}", 20)


def decided(server: Server, items: list[Sent]) -> int:
    """How many of these are decided."""
    with reading(server.sessions) as session:
        query = (
            select(func.count())
            .select_from(ReviewTask)
            .where(ReviewTask.submission_id.in_([item.id for item in items]), ReviewTask.state == TaskState.DECIDED)
        )
        return session.scalar(query) or 0


def make_blind(server: Server, item: Sent) -> None:
    """Hide claim and second opinion of one item, as an audit's are."""
    with transaction(server.sessions) as session:
        session.get_one(ReviewTask, item.id).blind = True
