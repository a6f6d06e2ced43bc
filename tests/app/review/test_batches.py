"""Look-alikes by the grid: one decision for many, one undo for all of it."""

import pytest

from app.core.db import reading
from app.core.errors import InvalidInput, NotFound
from app.review import answers, batches
from app.review.batches import Batches
from app.review.decisions import Decision
from app.review.rules import IdentificationKind, TaskState
from tests.app.sending import TAXA
from tests.desk import it_is, task_of, waiting


def grid(review, user=None, size=30):
    return Batches(review.sessions).grid(user or review.anna, TAXA[0], TAXA[1], size)


def revisions(items):
    return {item.submission_id: item.revision for item in items}


def states(review, numbers):
    return [task_of(review.sessions, number).state.value for number in numbers]


def test_the_grid_holds_one_pair_and_nobody_else_gets_it(review):
    numbers = waiting(review.sessions, 4)
    waiting(review.sessions, claimed=TAXA[1])
    waiting(review.sessions, blind=True)
    assert [item.submission_id for item in grid(review, size=3)] == numbers[:3]
    assert [item.submission_id for item in grid(review, review.ben)] == numbers[3:]
    assert [item.leased_by_name for item in grid(review, size=1)] == ["Anna"]


def test_all_but_the_exceptions_are_decided_by_one_action(review):
    numbers = waiting(review.sessions, 5)
    done = Batches(review.sessions).decide(
        review.anna, revisions(grid(review)), {numbers[1], numbers[3]}, it_is(seconds=10.0)
    )
    assert done.decided == 3
    assert states(review, numbers) == ["decided", "open", "decided", "open", "decided"]
    assert [item.submission_id for item in grid(review, review.ben)] == [numbers[1], numbers[3]]
    with reading(review.sessions) as session:
        [row] = answers.identifications(session, numbers[0])
    assert (row.batch_id, row.seconds) == (done.batch_id, 2.0)  # the time is shared


def test_the_whole_action_is_undone(review):
    numbers = waiting(review.sessions, 3)
    batch = Batches(review.sessions)
    done = batch.decide(review.anna, revisions(grid(review)), set(), it_is())
    assert batch.undo(review.anna, done.batch_id).decided == 3
    assert states(review, numbers) == ["open"] * 3
    batch.undo(review.anna, done.batch_id)  # once more is nothing
    with reading(review.sessions) as session:
        assert [row.kind.value for row in answers.identifications(session, numbers[0])] == ["taxon", "undo"]


def test_what_has_changed_meanwhile_is_left_and_told(review):
    numbers = waiting(review.sessions, 3)
    seen = revisions(grid(review))
    review.desk.release(review.anna, numbers[1])
    review.decisions.decide(review.ben, numbers[1], 1, it_is(TAXA[0]))
    done = Batches(review.sessions).decide(review.anna, seen | {4711: 1}, set(), it_is())
    assert done.decided == 2
    [stale] = [item for item in done.items if item.submission_id == numbers[1]]
    assert (stale.outcome, [told.user_name for told in stale.happened]) == (None, ["Ben"])
    assert next(item for item in done.items if item.submission_id == 4711).outcome is None


def test_where_nothing_is_decided_there_is_no_batch(review):
    [number] = waiting(review.sessions)
    done = Batches(review.sessions).decide(review.anna, {number: 7}, set(), it_is())
    assert (done.batch_id, done.decided) == (None, 0)


def test_what_was_withdrawn_meanwhile_does_not_stop_an_undo(review):
    numbers = waiting(review.sessions, 2)
    batch = Batches(review.sessions)
    done = batch.decide(review.anna, revisions(grid(review)), set(), it_is())
    with review.sessions.begin() as session:
        from app.review.tables import ReviewTask

        session.get_one(ReviewTask, numbers[0]).state = TaskState.GONE
    assert batch.undo(review.anna, done.batch_id).decided == 1
    assert states(review, numbers) == ["gone", "open"]


def test_a_batch_is_its_reviewers(review):
    waiting(review.sessions)
    done = Batches(review.sessions).decide(review.anna, revisions(grid(review)), set(), it_is())
    with pytest.raises(NotFound):
        Batches(review.sessions).undo(review.ben, done.batch_id)


@pytest.mark.parametrize("number", [0, 101])
def test_a_batch_has_an_end(review, number):
    with pytest.raises(InvalidInput):
        Batches(review.sessions).decide(review.anna, dict.fromkeys(range(1, number + 1), 1), set(), it_is())


def test_a_decision_that_no_item_can_have_decides_nothing(review):
    numbers = waiting(review.sessions, 2)
    with pytest.raises(InvalidInput):
        Batches(review.sessions).decide(
            review.anna, revisions(grid(review)), set(), Decision(IdentificationKind.TAXON, "Nemo nescitus")
        )
    assert states(review, numbers) == ["open", "open"]


def test_the_pairs_that_there_are(review):
    waiting(review.sessions, 2)
    waiting(review.sessions, claimed=None)
    waiting(review.sessions, blind=True)
    with reading(review.sessions) as session:
        found = [
            (p.claimed and p.claimed.scientific_name, p.predicted and p.predicted.scientific_name, p.open)
            for p in batches.pairs(session)
        ]
    assert found == [(TAXA[0], TAXA[1], 2), (None, TAXA[1], 1)]
