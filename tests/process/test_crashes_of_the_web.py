"""The web process killed at every named moment. What was answered is there and whole, nothing is half there."""

from collections.abc import Iterator

import pytest
from sqlalchemy import select

from app.core.db import reading
from app.submissions.rules import SubmissionStatus
from app.submissions.tables import Submission
from tests.app.sending import TAXA
from tests.parts import Site, Visitor, stop, was_killed
from tests.running import eventually, free_port

# Whether the submission is there after a crash at that moment, before its volunteer sends it again.
SENDING = {
    "photo-stored": False,
    "all-photos-stored": False,
    "row-written": False,
    "committed": True,
    "message-sent": True,
    "answered": True,
}
WITHDRAWING = ["withdrawn-committed", "half-of-files-deleted"]


@pytest.fixture(scope="module", autouse=True)
def worker(site: Site) -> None:
    """One worker for all of them."""
    site.worker()


@pytest.fixture(scope="module")
def heir(site: Site, worker: None) -> int:
    """The port of a second web server, to which everybody turns after the first has died."""
    port = free_port()
    site.web(port=port)
    return port


@pytest.fixture
def visitors(request: pytest.FixtureRequest, site: Site) -> Iterator[list[Visitor]]:
    """Whoever comes; at the end nothing is half there or twice, and nobody is in the way of the next test."""
    found: list[Visitor] = []
    yield found
    for visitor in found:
        visitor.close()
    site.settle()
    assert site.faults() == []


def come(site: Site, visitors: list[Visitor]) -> Visitor:
    """A new volunteer opens the page."""
    visitors.append(Visitor(site, seed=len(tokens(site)) + 1))
    return visitors[-1]


def tokens(site: Site) -> set[str]:
    with reading(site.sessions) as session:
        return set(session.scalars(select(Submission.token)))


def submission(site: Site, token: str) -> Submission:
    with reading(site.sessions) as session:
        return session.scalars(select(Submission).where(Submission.token == token)).one()


# Each by a worker, and at once in the web process, which needs no message.
WAYS = [
    (moment, at_once) for moment in SENDING for at_once in (False, True) if not (at_once and moment == "message-sent")
]


@pytest.mark.parametrize(("moment", "at_once"), WAYS)
def test_sending(site: Site, visitors: list[Visitor], heir: int, moment: str, *, at_once: bool):
    before = tokens(site)
    web = site.web(crash_at=moment, at_once=at_once)
    visitor = come(site, visitors)
    answered = visitor.send()
    assert was_killed(web)
    assert (answered is not None) is (moment == "answered")

    site.settle()
    assert site.faults() == []
    visitor.turn_to(heir)
    assert len(tokens(site) - before) == SENDING[moment]
    token = visitor.send()
    assert tokens(site) - before == {token}
    assert answered in {None, token}
    assert visitor.send() == token
    site.settle()
    assert [photo.sha256 for photo in submission(site, str(token)).photos] == visitor.hashes
    assert site.leftovers() == set()


def test_a_changed_claim_and_the_same_server_started_again(site: Site, visitors: list[Visitor]):
    web = site.web(crash_at="claim-changed")
    visitor = come(site, visitors)
    token = str(visitor.send())
    site.settle()
    assert not visitor.reconsider(token, TAXA[0])
    assert was_killed(web)

    web = site.web()
    assert visitor.reconsider(token, TAXA[0])
    site.settle()
    assert [claim.informed for claim in submission(site, token).claims] == [False, True]
    stop(web)


def test_a_moved_square(site: Site, visitors: list[Visitor], heir: int):
    web = site.web(crash_at="square-moved")
    visitor = come(site, visitors)
    token = str(visitor.send())
    site.settle()
    assert not visitor.move(token, "0,0,0.5,0.5")
    assert was_killed(web)
    site.settle()  # the sweep finds the job whose message was never sent
    visitor.turn_to(heir)
    assert visitor.move(token, "0,0,0.5,0.5")
    site.settle()
    kept = submission(site, token)
    assert (kept.square_changes, [verdict.square_changes for verdict in kept.verdicts]) == (1, [0, 1])


@pytest.mark.parametrize("moment", WITHDRAWING)
def test_withdrawing(site: Site, visitors: list[Visitor], heir: int, moment: str):
    web = site.web(crash_at=moment)
    visitor = come(site, visitors)
    token = str(visitor.send())
    site.settle()
    assert not visitor.withdraw(token)
    assert was_killed(web)
    assert submission(site, token).status is SubmissionStatus.WITHDRAWN

    site.settle()  # the worker removes what the web process left
    assert site.leftovers() == set()
    visitor.turn_to(heir)
    assert visitor.withdraw(token)
    assert [entry.event for entry in submission(site, token).log].count("withdrawn") == 1


def test_a_withdrawal_that_died_between_journal_and_transaction(site: Site, visitors: list[Visitor]):
    web = site.web(crash_at="deletion-noted")
    visitor = come(site, visitors)
    token = str(visitor.send())
    site.settle()
    assert not visitor.withdraw(token)
    assert was_killed(web)
    assert submission(site, token).status is not SubmissionStatus.WITHDRAWN

    worker = site.worker()  # one that starts completes what somebody had confirmed
    eventually(lambda: submission(site, token).status is SubmissionStatus.WITHDRAWN, "the journal is read")
    site.settle()
    assert site.leftovers() == set()
    assert [entry.event for entry in submission(site, token).log].count("withdrawn") == 1
    stop(worker)
