"""What the machine accepted is audited; a species that does badly loses acceptance until a coordinator gives it back."""

import pytest
from sqlalchemy import select

from app.accounts.tables import AuditEntry
from app.core.db import reading, transaction
from app.core.errors import InvalidInput, NotFound
from app.predictions.rules import Outcome
from app.review import acceptance, settings
from app.review.acceptance import Acceptance
from app.review.decisions import Decision
from app.review.rules import IdentificationKind
from app.review.tables import AcceptanceSuspension, DeskSettings
from app.taxa.tables import Taxon
from tests.app.sending import TAXA
from tests.desk import it_is, waiting

UNABLE = Decision(IdentificationKind.UNABLE)
RIGHT, WRONG = it_is(TAXA[0]), it_is(TAXA[1])


def audits(review, number):
    return waiting(
        review.sessions, number, claimed=TAXA[0], predicted=TAXA[0], outcome=Outcome.AGREE, support=0.99, accepted=True
    )


def look(review, answers):
    for number, answer in zip(audits(review, len(answers)), answers, strict=True):
        review.decisions.decide(review.anna, number, 1, answer)


def standing(review):
    with reading(review.sessions) as session:
        taxon = session.scalars(select(Taxon).where(Taxon.scientific_name == TAXA[0])).one()
        return acceptance.status_of(session, taxon)


def log(review):
    with reading(review.sessions) as session:
        return [(entry.action, entry.user_id) for entry in session.scalars(select(AuditEntry).order_by(AuditEntry.id))]


def test_wrong_acceptances_are_counted_of_those_that_an_expert_could_tell(review):
    look(review, [RIGHT, RIGHT, WRONG, Decision(IdentificationKind.NO_BUTTERFLY), UNABLE])
    audits(review, 2)
    found = standing(review)
    assert (found.wrong.count, found.wrong.total, found.undecided, found.waiting) == (2, 4, 1, 2)


def test_what_was_no_audit_is_not_counted(review):
    for number in waiting(review.sessions, 3, claimed=TAXA[0]):
        review.decisions.decide(review.anna, number, 1, WRONG)
    assert standing(review).wrong.total == 0


def test_an_audit_that_was_undone_is_not_counted(review):
    [number] = audits(review, 1)
    done = review.decisions.decide(review.anna, number, 1, WRONG)
    review.decisions.undo(review.anna, done.identification_id)
    assert (standing(review).wrong.total, standing(review).waiting) == (0, 1)


def test_a_species_that_does_badly_is_suspended_and_its_mistakes_are_forgotten_when_that_is_lifted(review):
    look(review, [WRONG, RIGHT])
    assert standing(review).suspension is None
    look(review, [WRONG])
    found = standing(review).suspension
    assert (found.wrong, found.audits) == (2, 3)
    assert found.upper_bound > found.wrong_limit
    look(review, [WRONG])  # a second suspension would say nothing new
    with reading(review.sessions) as session:
        assert len(session.scalars(select(AcceptanceSuspension)).all()) == 1
    Acceptance(review.sessions).lift(review.ben, TAXA[0], "The labels are mended.")
    assert (standing(review).suspension, standing(review).wrong.total) == (None, 0)
    look(review, [WRONG])
    assert standing(review).suspension is None
    assert log(review) == [("acceptance.suspended", None), ("acceptance.lifted", review.ben)]


def test_what_is_not_suspended_can_not_be_lifted(review):
    for name in (TAXA[0], "Nemo nescitus"):
        with pytest.raises(NotFound):
            Acceptance(review.sessions).lift(review.anna, name, "")


def test_from_enough_audits_on_the_upper_bound_decides(review):
    settings.save(review.sessions, review.anna, DeskSettings(wrong_limit=0.5))
    look(review, [RIGHT, RIGHT, WRONG])
    assert standing(review).suspension is None  # too few to say
    look(review, [WRONG])
    assert standing(review).suspension.audits == 4


# --- turning it on -------------------------------------------------------------------------------------------------------


def test_turning_acceptance_on_is_logged(review):
    Acceptance(review.sessions).set(review.anna, TAXA[0], accepts=True, wanted_error=0.02)
    Acceptance(review.sessions).set(review.anna, TAXA[0], accepts=True, wanted_error=0.02)
    found = standing(review)
    assert (found.accepts, found.wanted) == (True, 0.02)
    assert log(review) == [("acceptance.changed", review.anna)]
    Acceptance(review.sessions).set(review.anna, TAXA[0], accepts=False, wanted_error=None)
    assert (standing(review).accepts, standing(review).wanted) == (False, acceptance.DEFAULT_WANTED)


@pytest.mark.parametrize("wanted", [0.0, -1.0, 0.51, float("nan")])
def test_an_error_rate_that_nobody_wants_is_refused(review, wanted):
    with pytest.raises(InvalidInput):
        Acceptance(review.sessions).set(review.anna, TAXA[0], accepts=True, wanted_error=wanted)


# --- the desk's settings -------------------------------------------------------------------------------------------------

OUT_OF_RANGE = [
    {"audit_share": 1.1},
    {"blind_share": -0.1},
    {"lease_minutes": 0},
    {"lease_minutes": 121},
    {"wrong_limit": 0.0},
    {"minimum_audits": -1},
]


@pytest.mark.parametrize("values", OUT_OF_RANGE)
def test_settings_out_of_range_are_refused(review, values):
    with pytest.raises(InvalidInput) as refused:
        settings.save(review.sessions, review.anna, DeskSettings(**values))
    assert [error.field for error in refused.value.errors] == list(values)


def test_a_change_of_settings_is_logged_with_what_was_before(review):
    settings.save(review.sessions, review.anna, DeskSettings(audit_share=0.2))
    settings.save(review.sessions, review.anna, DeskSettings(audit_share=0.2))
    with reading(review.sessions) as session:
        assert settings.current(session).audit_share == 0.2
        [entry] = session.scalars(select(AuditEntry)).all()
    assert entry.details == {"audit_share": [0.05, 0.2]}


@pytest.fixture(autouse=True)
def _leave_no_policy(review):
    yield
    with transaction(review.sessions) as session:
        for taxon in session.scalars(select(Taxon)):
            taxon.policy = None
