"""Handing out items: in order, to one reviewer at a time, whatever the clock does."""

from datetime import timedelta

import pytest
from sqlalchemy import update

from app.accounts.tables import User
from app.core.db import transaction, utcnow
from app.core.errors import NotFound
from app.review import desk, tasks
from app.review.desk import Hold
from app.review.filters import Filter
from app.review.rules import ReviewReason, TaskState
from app.review.tables import ReviewTask
from tests.app.sending import TAXA
from tests.desk import it_is, task_of, waiting

ALL = Filter()


@pytest.fixture
def jump(monkeypatch):
    """Put the clock of the desk forward or back."""

    def to(**difference):
        for module in (desk, "app.review.decisions", "app.review.queue"):
            name = module if isinstance(module, str) else module.__name__
            monkeypatch.setattr(f"{name}.utcnow", lambda: utcnow() + timedelta(**difference))

    return to


def test_the_next_item_is_the_one_that_is_worth_most(review):
    [late], [soon] = waiting(review.sessions, support=0.35), waiting(review.sessions, support=0.01)
    assert review.desk.next(review.anna, ALL) == soon
    assert review.desk.next(review.ben, ALL) == late


def test_two_reviewers_never_get_the_same(review):
    items = waiting(review.sessions, 6)
    mine = [review.desk.next(review.anna, ALL, after) for after in (None, items[0])]
    theirs = [review.desk.next(review.ben, ALL) for _ in range(2)]
    assert mine == items[:2]
    assert theirs == [items[2], items[2]]  # one's own stays one's own until it is left


def test_what_was_loaded_ahead_is_nobody_elses(review):
    items = waiting(review.sessions, 5)
    assert review.desk.next(review.anna, ALL) == items[0]
    assert review.desk.peek(review.anna, ALL, 2, items[0]) == items[1:3]
    assert review.desk.next(review.ben, ALL) == items[3]
    until = task_of(review.sessions, items[1]).leased_until
    assert until is not None
    assert until < utcnow() + timedelta(minutes=3)


def test_loading_ahead_does_not_shorten_what_is_open(review):
    [item] = waiting(review.sessions)
    review.desk.open(review.anna, item)
    before = task_of(review.sessions, item).leased_until
    assert review.desk.peek(review.anna, ALL, 3) == [item]
    assert task_of(review.sessions, item).leased_until == before


def test_when_all_are_held_by_others_there_is_none(review):
    waiting(review.sessions)
    review.desk.next(review.anna, ALL)
    assert review.desk.next(review.ben, ALL) is None


def test_opening_says_who_holds_it(review):
    [item] = waiting(review.sessions)
    assert review.desk.open(review.anna, item).hold is Hold.MINE
    seen = review.desk.open(review.ben, item)
    assert (seen.hold, seen.holder_name) == (Hold.OTHERS, "Anna")
    assert review.desk.open(review.anna, item).hold is Hold.MINE


def test_an_item_that_was_let_go_is_for_others(review):
    [item] = waiting(review.sessions)
    review.desk.open(review.anna, item)
    review.desk.release(review.ben, item)  # not Ben's to let go
    assert review.desk.next(review.ben, ALL) is None
    review.desk.release(review.anna, item)
    assert review.desk.next(review.ben, ALL) == item


def test_renewing_holds_it_for_longer(review):
    [item] = waiting(review.sessions, leased_by=review.anna, leased_until=utcnow() + timedelta(seconds=30))
    assert review.desk.renew(review.anna, item).until > utcnow() + timedelta(minutes=5)


def test_a_lease_that_is_over_holds_nothing(review):
    [item] = waiting(review.sessions, leased_by=review.anna, leased_until=utcnow() - timedelta(seconds=1))
    assert review.desk.next(review.ben, ALL) == item
    assert review.desk.renew(review.anna, item).hold is Hold.OTHERS


@pytest.mark.parametrize("ahead", [timedelta(hours=3), timedelta(days=400)])
def test_a_lease_from_a_wrong_clock_holds_nothing(review, ahead):
    [item] = waiting(review.sessions, leased_by=review.anna, leased_until=utcnow() + ahead)
    assert review.desk.next(review.ben, ALL) == item


@pytest.mark.parametrize("difference", [{"days": 1}, {"hours": -5}])
def test_a_clock_that_jumps_loses_no_item_and_decides_none_twice(review, jump, difference):
    [item] = waiting(review.sessions)
    revision = review.desk.open(review.anna, item).revision
    jump(**difference)
    assert review.desk.next(review.ben, ALL) == item
    review.decisions.decide(review.ben, item, revision, it_is())
    with pytest.raises(Exception, match="has changed"):
        review.decisions.decide(review.anna, item, revision, it_is())


def test_no_lease_is_longer_than_the_longest_that_is_believed(review):
    [item] = waiting(review.sessions)
    review.desk.open(review.anna, item)
    until = task_of(review.sessions, item).leased_until
    assert until is not None
    assert until <= utcnow() + tasks.LONGEST_LEASE


def test_what_was_skipped_comes_last_and_others_may_have_it(review):
    items = waiting(review.sessions, 2)
    review.desk.open(review.anna, items[0])
    review.desk.skip(review.anna, items[0])
    assert review.desk.next(review.ben, ALL) == items[0]
    assert review.desk.next(review.anna, ALL) == items[1]
    review.desk.release(review.ben, items[0])
    assert review.desk.next(review.anna, ALL, items[1]) == items[0]


def test_skipping_twice_is_once(review):
    [item] = waiting(review.sessions)
    review.desk.skip(review.anna, item)
    review.desk.skip(review.anna, item)
    assert review.desk.next(review.anna, ALL) == item


def test_an_answered_question_is_for_whoever_asked(review):
    [item] = waiting(review.sessions, reason=ReviewReason.ANSWERED, position=0, assigned_user_id=review.ben)
    [other] = waiting(review.sessions)
    assert review.desk.next(review.anna, ALL) == other
    assert review.desk.next(review.ben, ALL) == item


def test_after_a_week_an_answered_question_is_for_anybody(review):
    waiting(review.sessions, assigned_user_id=review.ben, waiting_since=utcnow() - timedelta(days=8))
    assert review.desk.next(review.anna, ALL) is not None


def test_what_was_for_somebody_who_left_is_for_anybody(review):
    waiting(review.sessions, assigned_user_id=review.ben)
    with transaction(review.sessions) as session:
        session.execute(update(User).where(User.id == review.ben).values(active=False))
    assert review.desk.next(review.anna, ALL) is not None


@pytest.mark.parametrize("state", [TaskState.ASKED, TaskState.DECIDED, TaskState.GONE])
def test_what_is_not_open_is_not_handed_out(review, state):
    [item] = waiting(review.sessions, state=state)
    assert review.desk.next(review.anna, ALL) is None
    assert review.desk.open(review.anna, item).hold is Hold.CLOSED
    assert task_of(review.sessions, item).leased_by is None


def test_a_filter_narrows_what_comes_next(review):
    waiting(review.sessions, claimed=TAXA[0])
    [item] = waiting(review.sessions, claimed=TAXA[1])
    assert review.desk.next(review.anna, Filter(claimed=TAXA[1])) == item


@pytest.mark.parametrize("action", ["open", "renew", "skip"])
def test_what_is_not_there_is_not_found(review, action):
    with pytest.raises(NotFound):
        getattr(review.desk, action)(review.anna, 4711)


def test_releasing_what_is_not_there_is_no_mistake(review):
    review.desk.release(review.anna, 4711)


def test_an_expert_does_not_get_back_what_waits_for_a_second(review):
    [item] = waiting(review.sessions)
    with transaction(review.sessions) as session:
        session.execute(update(ReviewTask).values(needed=2))
    from tests.app.review.test_decisions import two_must_agree

    two_must_agree(review)
    revision = review.desk.open(review.anna, item).revision
    review.decisions.decide(review.anna, item, revision, it_is())
    assert review.desk.next(review.anna, ALL) is None
    assert review.desk.next(review.ben, ALL) == item
