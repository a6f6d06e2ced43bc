"""Answers are appended, settle what they settle, and can be taken back by another row."""

import pytest
from sqlalchemy import func, select

from app.core.db import reading, transaction
from app.core.errors import Conflict, InvalidInput, NotFound
from app.predictions.rules import Outcome
from app.review import answers, decisions, item, settings
from app.review.decisions import Decision
from app.review.filters import Filter
from app.review.rules import IdentificationKind, Rule, Stale, TaskState
from app.review.tables import DeskSettings, Identification, ReviewerPreference
from app.submissions.rules import SubmissionStatus
from app.submissions.rules import VerificationStatus as V
from tests.app.sending import TAXA
from tests.app.volunteers.test_submitting_twice import at_the_same_moment
from tests.desk import it_is, submission_of, task_of, taxon_ids, waiting

K = IdentificationKind
UNABLE, NOTHING = Decision(K.UNABLE), Decision(K.NO_BUTTERFLY)


def two_must_agree(review, rule=Rule.TWO_AGREE):
    settings.save(review.sessions, review.anna, DeskSettings(rule=rule))


def decide(review, user, number, decision=None, revision=None):
    revision = task_of(review.sessions, number).revision if revision is None else revision
    return review.decisions.decide(user, number, revision, decision or it_is())


def rows(review, number):
    with reading(review.sessions) as session:
        return answers.identifications(session, number)


SETTLING = [
    # answer, code, species
    (it_is(TAXA[0]), V.V1, TAXA[0]),
    (it_is(TAXA[1]), V.V1, TAXA[1]),
    (it_is(TAXA[1], status_code=V.V2), V.V2, TAXA[1]),
    (it_is(TAXA[0], status_code=V.C3), V.C3, TAXA[0]),
    (UNABLE, V.R4, None),
    (Decision(K.UNABLE, status_code=V.R5), V.R5, None),
    (NOTHING, V.R5, None),
    (Decision(K.NO_BUTTERFLY, status_code=V.R4), V.R4, None),
]


@pytest.mark.parametrize(("decision", "code", "species"), SETTLING)
def test_one_expert_is_enough_by_default(review, decision, code, species):
    [number] = waiting(review.sessions)
    done = decide(review, review.anna, number, decision)
    task, row = task_of(review.sessions, number), submission_of(review.sessions, number)
    assert (done.settled.code, done.settled.kind) == (code, decision.kind)
    assert (row.status, row.verification_status) == (SubmissionStatus.VERIFIED, code)
    assert (task.state, task.outcome_code, task.leased_by) == (TaskState.DECIDED, code, None)
    assert task.outcome_taxon_id == (taxon_ids(review.sessions)[species] if species else None)
    assert (row.log[-1].event, row.log[-1].actor) == ("identified", f"user:{review.anna}")


def test_the_record_says_who_what_and_what_was_to_be_seen(review):
    [number] = waiting(review.sessions)
    decide(review, review.anna, number, it_is(TAXA[1], remark=" two pupils ", seconds=4.5))
    [row] = rows(review, number)
    names = taxon_ids(review.sessions)
    assert (row.user_id, row.kind, row.taxon.scientific_name) == (review.anna, K.TAXON, TAXA[1])
    assert (row.verification_status, row.remark, row.seconds) == (V.V1, "two pupils", 4.5)
    assert (row.claim_shown, row.model_shown) == (True, True)
    assert (row.claimed_taxon_id, row.predicted_taxon_id) == (names[TAXA[0]], names[TAXA[1]])
    assert row.model_version_id is not None
    assert row.created_at is not None


@pytest.mark.parametrize(("seconds", "kept"), [(None, None), (-3.0, None), (float("nan"), None), (1e9, 600.0)])
def test_times_that_nobody_thought_are_not_believed(review, seconds, kept):
    [number] = waiting(review.sessions)
    decide(review, review.anna, number, it_is(seconds=seconds))
    assert rows(review, number)[0].seconds == kept


# --- stale pages -----------------------------------------------------------------------------------------------------


def test_a_stale_page_is_refused_with_what_happened(review):
    [number] = waiting(review.sessions)
    decide(review, review.anna, number, it_is(TAXA[1]), revision=1)
    with pytest.raises(Stale) as refused:
        decide(review, review.ben, number, it_is(TAXA[0]), revision=1)
    [told] = refused.value.happened
    assert (told.what, told.user_name, told.scientific_name, told.code) == ("taxon", "Anna", TAXA[1], V.V1)
    assert task_of(review.sessions, number).revision == 2
    assert len(rows(review, number)) == 1


def test_what_another_reviewer_has_open_is_refused(review):
    [number] = waiting(review.sessions)
    review.desk.open(review.anna, number)
    with pytest.raises(Stale) as refused:
        decide(review, review.ben, number)
    assert [(told.what, told.user_name) for told in refused.value.happened] == [("leased", "Anna")]


def test_at_the_same_moment_one_of_many_decides(review):
    [number] = waiting(review.sessions)
    users = [review.anna, review.ben] * 3
    results = at_the_same_moment(*[lambda user=user: decide(review, user, number, revision=1) for user in users])
    assert sum(isinstance(result, decisions.DecisionResult) for result in results) == 1
    assert len(rows(review, number)) == 1


# --- several experts -------------------------------------------------------------------------------------------------


def test_where_two_must_agree_the_first_leaves_it_open(review):
    two_must_agree(review)
    [number] = waiting(review.sessions)
    first = decide(review, review.anna, number)
    assert (first.settled, first.answers, first.needed) == (None, 1, 2)
    assert submission_of(review.sessions, number).status is SubmissionStatus.FLAGGED
    second = decide(review, review.ben, number)
    assert second.settled.code is V.V1
    assert task_of(review.sessions, number).state is TaskState.DECIDED
    assert review.desk.next(review.anna, Filter()) is None  # nobody's agreement sends it back


def test_two_who_disagree_need_more(review):
    two_must_agree(review)
    [number] = waiting(review.sessions)
    decide(review, review.anna, number, it_is(TAXA[0]))
    assert decide(review, review.ben, number, it_is(TAXA[1])).settled is None
    task = task_of(review.sessions, number)
    assert (task.disputed, task.needed, task.state) == (True, 3, TaskState.OPEN)
    # The first is convinced: now they agree.
    assert decide(review, review.anna, number, it_is(TAXA[1])).settled is not None
    assert not task_of(review.sessions, number).disputed


@pytest.mark.parametrize(("name", "settled"), [(TAXA[0], True), (TAXA[1], False)])
def test_a_second_opinion_only_where_the_first_contradicts(review, name, settled):
    two_must_agree(review, Rule.SECOND_OPINION)
    [number] = waiting(review.sessions, claimed=TAXA[0])
    assert (decide(review, review.anna, number, it_is(name)).settled is not None) is settled


def test_a_species_may_have_a_rule_of_its_own(review):
    settings.set_rule(review.sessions, review.anna, TAXA[1], Rule.TWO_AGREE)
    easy, hard = waiting(review.sessions, 2, claimed=TAXA[0])
    assert decide(review, review.anna, easy, it_is(TAXA[0])).settled is not None
    assert decide(review, review.anna, hard, it_is(TAXA[1])).settled is None


def test_a_decision_can_be_contradicted_by_whoever_looks_at_it(review):
    [number] = waiting(review.sessions)
    decide(review, review.anna, number, it_is(TAXA[0]))
    assert decide(review, review.ben, number, it_is(TAXA[1])).settled is None
    row = submission_of(review.sessions, number)
    assert (row.status, row.verification_status) == (SubmissionStatus.FLAGGED, V.PENDING)
    assert task_of(review.sessions, number).disputed


# --- undo ------------------------------------------------------------------------------------------------------------

BEFORE = [
    # how it came to the desk, and where undoing leads back to
    ({"outcome": Outcome.DISAGREE}, SubmissionStatus.FLAGGED, V.PENDING),
    ({"outcome": Outcome.AGREE, "support": 0.97}, SubmissionStatus.SCREENED, V.PENDING),
    (
        {"outcome": Outcome.AGREE, "support": 0.99, "accepted": True},
        SubmissionStatus.AUTO_ACCEPTED,
        V.ACCEPTED_BY_MACHINE,
    ),
]


@pytest.mark.parametrize(("values", "status", "code"), BEFORE)
def test_undo_is_another_row_and_leads_back(review, values, status, code):
    [number] = waiting(review.sessions, **values)
    before = task_of(review.sessions, number)
    done = decide(review, review.anna, number)
    undone = review.decisions.undo(review.anna, done.identification_id)
    row, task = submission_of(review.sessions, number), task_of(review.sessions, number)
    assert (row.status, row.verification_status) == (status, code)
    assert (task.state, task.reason, task.outcome_kind) == (TaskState.OPEN, before.reason, None)
    assert (undone.settled, task.leased_by, task.revision) == (None, review.anna, 3)
    assert [(r.kind, r.undoes_id) for r in rows(review, number)] == [(K.TAXON, None), (K.UNDO, done.identification_id)]


def test_undoing_twice_is_once(review):
    [number] = waiting(review.sessions)
    done = decide(review, review.anna, number)
    results = at_the_same_moment(*[lambda: review.decisions.undo(review.anna, done.identification_id)] * 3)
    assert {result.identification_id for result in results} == {results[0].identification_id}
    assert len(rows(review, number)) == 2


def test_after_an_undo_it_can_be_decided_anew(review):
    [number] = waiting(review.sessions)
    done = decide(review, review.anna, number, it_is(TAXA[0]))
    review.decisions.undo(review.anna, done.identification_id)
    assert decide(review, review.anna, number, it_is(TAXA[1])).settled.taxon_id == taxon_ids(review.sessions)[TAXA[1]]


def test_nobody_undoes_what_others_said(review):
    [number] = waiting(review.sessions)
    done = decide(review, review.anna, number)
    with pytest.raises(NotFound):
        review.decisions.undo(review.ben, done.identification_id)
    assert review.decisions.undo(review.ben, done.identification_id, of_anyone=True).settled is None


def test_undoing_the_first_of_two_leaves_the_second(review):
    two_must_agree(review)
    [number] = waiting(review.sessions)
    first = decide(review, review.anna, number)
    decide(review, review.ben, number)
    review.decisions.undo(review.anna, first.identification_id)
    task = task_of(review.sessions, number)
    assert (task.state, task.answers, task.last_user_id) == (TaskState.OPEN, 1, review.ben)


@pytest.mark.parametrize("kind", [K.UNDO, K.COMMENT])
def test_only_answers_and_questions_are_undone(review, kind):
    [number] = waiting(review.sessions)
    if kind is K.COMMENT:
        found = review.decisions.comment(review.anna, number, "look at the wing")
    else:
        found = review.decisions.undo(
            review.anna, decide(review, review.anna, number).identification_id
        ).identification_id
    with pytest.raises(Conflict):
        review.decisions.undo(review.anna, found)


# --- refusals and remarks --------------------------------------------------------------------------------------------

REFUSED = [
    (Decision(K.TAXON, "Nemo nescitus"), InvalidInput),
    (Decision(K.TAXON, None), InvalidInput),
    (Decision(K.UNDO), InvalidInput),
    (Decision(K.UNABLE, status_code=V.V1), Conflict),
    (Decision(K.UNABLE, remark="x" * 2001), InvalidInput),
]


@pytest.mark.parametrize(("decision", "error"), REFUSED)
def test_what_can_not_be_answered_is_refused(review, decision, error):
    [number] = waiting(review.sessions)
    with pytest.raises(error):
        decide(review, review.anna, number, decision)
    assert rows(review, number) == []


def test_a_remark_makes_no_page_old(review):
    [number] = waiting(review.sessions)
    review.decisions.comment(review.ben, number, "look at the wing")
    decide(review, review.anna, number, revision=1)
    assert [row.kind for row in rows(review, number)] == [K.COMMENT, K.TAXON]


def test_what_is_gone_can_not_be_decided(review):
    [number] = waiting(review.sessions, state=TaskState.GONE)
    with pytest.raises(Conflict):
        decide(review, review.anna, number)
    with pytest.raises(NotFound):
        review.decisions.decide(review.anna, 4711, 1, it_is())


def test_ones_last_answers_lead_back(review):
    numbers = waiting(review.sessions, 3)
    done = [decide(review, review.anna, number).identification_id for number in numbers]
    review.decisions.undo(review.anna, done[2])
    with reading(review.sessions) as session:
        assert [row.id for row in decisions.recent(session, review.anna)] == [done[1], done[0]]
        assert decisions.recent(session, review.ben) == []


# --- blind -----------------------------------------------------------------------------------------------------------


def test_a_blind_item_hides_claim_and_verdict_until_it_is_answered(review):
    two_must_agree(review)
    [number] = waiting(review.sessions, blind=True, note="I think it is one")
    with reading(review.sessions) as session:
        seen = item.load(session, review.anna, number)
    assert seen.hidden
    assert (seen.claim, seen.claimed, seen.predicted, seen.verdict, seen.reason, seen.note) == (None,) * 5 + ("",)
    assert [(photo.predictions, photo.in_scope) for photo in seen.photos] == [({}, None)]
    decide(review, review.anna, number)
    with reading(review.sessions) as session:
        assert item.load(session, review.anna, number).claim is not None
        assert item.load(session, review.ben, number).claim is None
    row = rows(review, number)[0]
    assert (row.claim_shown, row.model_shown) == (False, False)


def test_a_reviewer_may_want_all_of_them_blind(review):
    [number] = waiting(review.sessions)
    with transaction(review.sessions) as session:
        session.add(ReviewerPreference(user_id=review.anna, blind=True, options={}))
    with reading(review.sessions) as session:
        assert item.load(session, review.anna, number).hidden
        assert not item.load(session, review.ben, number).hidden


def test_rows_are_only_ever_added(review):
    numbers = waiting(review.sessions, 2)
    done = decide(review, review.anna, numbers[0])
    before = {row.id: (row.kind, row.taxon_id, row.created_at) for row in rows(review, numbers[0])}
    review.decisions.undo(review.anna, done.identification_id)
    with reading(review.sessions) as session:
        assert session.scalar(select(func.count()).select_from(Identification)) == 2
    after = {row.id: (row.kind, row.taxon_id, row.created_at) for row in rows(review, numbers[0])}
    assert before.items() <= after.items()
