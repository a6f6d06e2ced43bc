"""The desk in figures."""

import time
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update

from app.core.db import reading, transaction, utcnow
from app.review import figures
from app.review.decisions import Decision
from app.review.rules import IdentificationKind, ReviewReason, TaskState
from app.review.tables import Identification
from app.submissions.rules import VerificationStatus as V
from tests.app.review.test_decisions import two_must_agree
from tests.app.sending import TAXA
from tests.desk import it_is, task_of, waiting

UNABLE = Decision(IdentificationKind.UNABLE)


def decide(review, user, number, decision):
    return review.decisions.decide(user, number, task_of(review.sessions, number).revision, decision)


def found(review, now=None):
    with reading(review.sessions) as session:
        return figures.figures(session, now or utcnow())


def test_an_empty_desk_has_figures_too(review):
    empty = found(review)
    assert (empty.today.decisions, empty.season.per_minute, empty.kappa) == (0, None, None)
    assert (empty.reviewers, empty.species, empty.pairs, empty.waiting) == ([], [], [], [])


def test_decisions_per_reviewer_and_a_minute(review):
    numbers = waiting(review.sessions, 5)
    for number, seconds in zip(numbers[:3], (5.0, 7.0, None), strict=True):
        decide(review, review.anna, number, it_is(seconds=seconds))
    last = decide(review, review.ben, numbers[3], it_is(seconds=4.0))
    review.decisions.undo(review.ben, decide(review, review.ben, numbers[4], it_is()).identification_id)
    with transaction(review.sessions) as session:
        old = {"created_at": utcnow() - timedelta(days=1)}
        session.execute(update(Identification).where(Identification.id == last.identification_id).values(**old))
    now = utcnow()
    told = found(review, now)
    anna, ben = told.reviewers
    assert (anna.name, anna.season.decisions, anna.today.decisions) == ("Anna", 3, 3)
    assert anna.season.per_minute == pytest.approx(10)
    if (now - timedelta(days=1)).year == now.year:  # yesterday was another season on the first of January
        assert (ben.season.decisions, ben.today.decisions) == (1, 0)
        assert (told.today.decisions, told.season.decisions) == (3, 4)


@pytest.fixture
def far_east(monkeypatch):
    """A server in Auckland, twelve hours ahead in July."""
    monkeypatch.setenv("TZ", "Pacific/Auckland")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("far_east")
def test_today_begins_at_the_servers_midnight(review):
    noon = datetime(2026, 7, 14, 12, tzinfo=UTC)
    for number, minutes in zip(waiting(review.sessions, 2), (-30, 30), strict=True):
        said = decide(review, review.anna, number, it_is()).identification_id
        with transaction(review.sessions) as session:
            at = {"created_at": noon + timedelta(minutes=minutes)}
            session.execute(update(Identification).where(Identification.id == said).values(**at))
    told = found(review, noon + timedelta(hours=1))
    assert (told.today.decisions, told.season.decisions) == (1, 2)


def test_agreement_with_the_model_seen_and_unseen(review):
    seen = waiting(review.sessions, 2, predicted=TAXA[1])
    unseen = waiting(review.sessions, 2, predicted=TAXA[1], blind=True)
    decide(review, review.anna, seen[0], it_is(TAXA[1]))
    decide(review, review.anna, seen[1], UNABLE)
    decide(review, review.anna, unseen[0], it_is(TAXA[0]))
    decide(review, review.anna, unseen[1], it_is(TAXA[1]))
    told = found(review)
    assert (told.with_model.count, told.with_model.total) == (2, 3)
    assert (told.with_model_blind.count, told.with_model_blind.total) == (1, 2)


def test_what_became_of_a_species(review):
    numbers = waiting(review.sessions, 4, claimed=TAXA[0], predicted=TAXA[1])
    for number, decision in zip(
        numbers, (it_is(TAXA[0]), it_is(TAXA[1]), it_is(TAXA[0], status_code=V.C3), UNABLE), strict=True
    ):
        decide(review, review.anna, number, decision)
    [one] = found(review).species
    assert (one.taxon.scientific_name, one.decided, one.unable) == (TAXA[0], 4, 1)
    assert (one.right.count, one.right.total) == (2, 3)
    assert (one.model_right.count, one.model_right.total) == (1, 3)
    assert one.codes == {V.V1: 2, V.C3: 1, V.R4: 1}


def test_agreement_between_reviewers(review):
    two_must_agree(review)
    for number, (one, other) in zip(waiting(review.sessions, 4), [(0, 0), (1, 1), (0, 1), (1, 1)], strict=True):
        decide(review, review.anna, number, it_is(TAXA[one]))
        decide(review, review.ben, number, it_is(TAXA[other]))
    told = found(review)
    [pair] = told.pairs
    assert (pair.names, pair.items, pair.same.count) == (("Anna", "Ben"), 4, 3)
    assert pair.kappa == pytest.approx(0.5)
    assert told.kappa == pair.kappa


def test_what_waits_and_since_when(review):
    since = utcnow() - timedelta(days=3)
    waiting(review.sessions, 2)
    waiting(review.sessions, waiting_since=since)
    waiting(review.sessions, state=TaskState.ASKED)
    waits = found(review).waiting
    assert [(w.reason, w.count) for w in waits] == [(ReviewReason.DISAGREE, 3), (None, 1)]
    assert abs(waits[0].oldest - since) < timedelta(seconds=1)
