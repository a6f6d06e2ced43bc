"""Submissions as tests send them: straight to the service, or through the page."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import event

from app.core.db import reading
from app.predictions.rules import ClaimKind
from app.submissions.form import NewPhoto, NewSubmission, SubmissionFields
from app.submissions.new_submission import Sender
from app.volunteers.submissions import Receipt, Submissions
from ml.inference import Square, read_version
from tests.conftest import Service
from tests.factories import photo
from tests.versions import BUNDLED

TAXA = [label.scientific_name for label in read_version(BUNDLED).labels]
KEY = "volunteer-key"


def files(*pictures: bytes, square: Square | None = None) -> list[NewPhoto]:
    """Pictures as the service takes them."""
    return [
        NewPhoto(f"{n}.jpg", len(data), lambda data=data: data, square)  # type: ignore[misc]
        for n, data in enumerate(pictures)
    ]


def new(*pictures: bytes, **values: Any) -> NewSubmission:
    """A complete submission, of one drawn photo unless told otherwise."""
    sent = values.pop("photos") if "photos" in values else files(*(pictures or (photo(1),)))
    language = values.pop("language", "en")
    kind, name = values.pop("claim_kind", ClaimKind.TAXON), values.pop("claimed_name", TAXA[0])
    claim = name if kind is ClaimKind.TAXON else kind.value
    fields = SubmissionFields(claim=claim, claim_text=values.pop("claim_verbatim", ""), **values)
    return NewSubmission(fields, sent, language, fields.mistakes)


def submissions(service: Service) -> Submissions:
    """The use cases of the running service."""
    found: Submissions = service.client.app.state.submissions  # type: ignore[attr-defined]
    return found


def submit(
    service: Service, *pictures: bytes, key: str | None = KEY, idempotency_key: str = "k", **values: Any
) -> Receipt:
    """Send a submission to the service."""
    return submissions(service).submit(new(*pictures, **values), Sender(key, idempotency_key))


def row(service: Service, token: str) -> Any:
    """The submission as it stands in the database, with all that belongs to it. Untyped: what is there, tests assert."""
    with reading(service.sessions) as session:
        found = submissions(service).get(session, token)
        for photo_row in found.photos:
            assert photo_row.predictions is not None  # loaded while the session is open
        return found


def form(**fields: str) -> dict[str, str]:
    """The page's fields as a volunteer fills them."""
    return {"claim": TAXA[0], "individual_count": "1", "idempotency_key": "a-key-of-the-page"} | fields


def post(
    client: Any, *pictures: bytes, headers: dict[str, str] | None = None, squares: tuple[str, ...] = (), **fields: str
):
    """Send the page's form; the answer is not followed."""
    data: dict[str, Any] = form(**fields)
    if squares:
        data["square"] = list(squares)
    sent = [("file", (f"{n}.jpg", data_, "image/jpeg")) for n, data_ in enumerate(pictures or (photo(1),))]
    return client.post("/submissions", data=data, files=sent, headers=headers or {}, follow_redirects=False)


def token_of(answer: Any) -> str:
    """The submission's token in the address that the page sends its volunteer to."""
    found = re.fullmatch(r"/s/([\w-]{20,})(\?again=1)?", answer.headers["location"])
    assert found
    return found[1]


@contextmanager
def begun(service: Service) -> Iterator[list[str]]:
    """How each transaction of the web process begins meanwhile, on SQLite: BEGIN reads, BEGIN IMMEDIATE takes the write lock."""
    found: list[str] = []
    engine = service.client.app.state.sessions.kw["bind"]  # type: ignore[attr-defined]

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        if statement.startswith("BEGIN"):
            found.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    yield found
    event.remove(engine, "before_cursor_execute", note)
