"""Tasks follow submissions: from real uploads through screening, the second look and withdrawal to the desk."""

import io

import numpy as np
import pytest
from alembic import command
from PIL import Image
from sqlalchemy import select, text, update

from app.core import migrations
from app.core.db import make_engine, make_session_factory, reading, transaction
from app.core.errors import Conflict, NotFound
from app.core.storage import make_storage
from app.predictions.rules import ClaimKind
from app.review import judging, settings
from app.review.decisions import Decisions
from app.review.desk import Desk
from app.review.filters import Filter
from app.review.questions import Questions
from app.review.rules import PhotoQuality, ReviewReason, Stale, TaskState
from app.review.tables import AcceptanceSuspension, DeskSettings, ReviewTask
from app.screening.quality import of_pixels
from app.submissions.rules import SubmissionStatus, VerificationStatus
from app.submissions.tables import Photo, VerdictRecord
from app.taxa.tables import Taxon, TaxonPolicy
from app.versions.attention import Attention, overlay
from app.volunteers.data import VolunteerData
from tests.app.sending import TAXA, row, submissions, submit
from tests.desk import it_is, task_of
from tests.factories import photo
from tests.people import make_user
from tests.season import write_season
from tests.versions import BELIEVES_THE_CLAIM, NEVER_IN_SCOPE, make_version, put_into_service


def serve(service, tmp_path, **policy):
    put_into_service(service.sessions, service.settings, make_version(tmp_path, **policy))
    for classifiers in (service.worker.classifiers, service.client.app.state.classifiers):
        classifiers._checked = 0.0


def screened(service, **values):
    """A submission that was sent and screened; its row."""
    token = submit(service, **values).token
    service.work()
    return row(service, token)


def share(service, audit_share):
    user = make_user(service.sessions)
    settings.save(service.sessions, user.id, DeskSettings(audit_share=audit_share))
    return user.id


def accept(service, name=TAXA[0]):
    with transaction(service.sessions) as session:
        taxon = session.scalars(select(Taxon).where(Taxon.scientific_name == name)).one()
        session.add(TaxonPolicy(taxon_id=taxon.id, machine_acceptance=True))


# --- screening -----------------------------------------------------------------------------------------------------------


def test_what_is_flagged_gets_a_task_in_the_same_transaction(service, tmp_path):
    serve(service, tmp_path, **NEVER_IN_SCOPE)
    found = screened(service, place="By  the Pond", note="On brambles")
    task = task_of(service.sessions, found.id)
    assert (task.state, task.reason, task.revision) == (TaskState.OPEN, ReviewReason.OUT_OF_SCOPE, 1)
    assert (task.place_key, task.search_text) == ("by the pond", "by the pond on brambles")
    assert (task.claimed_taxon_id, task.predicted_taxon_id) == (found.claim.taxon_id, None)
    assert task.quality is PhotoQuality.GOOD


@pytest.mark.parametrize(("drawn", "expected"), [(1.0, ReviewReason.AUDIT), (0.0, None)])
def test_a_share_of_what_the_machine_accepts_is_audited_blind(lite, tmp_path, drawn, expected):
    serve(lite, tmp_path, **BELIEVES_THE_CLAIM)
    accept(lite)
    share(lite, drawn)
    found = screened(lite)
    assert found.status is SubmissionStatus.AUTO_ACCEPTED
    with reading(lite.sessions) as session:
        task = session.get(ReviewTask, found.id)
        if expected is None:
            assert task is None
        else:
            assert task is not None
            assert (task.reason, task.audit, task.blind) == (expected, True, True)


def test_what_agrees_and_is_not_accepted_waits_last(lite, tmp_path):
    serve(lite, tmp_path, **BELIEVES_THE_CLAIM)
    found = screened(lite)
    assert task_of(lite.sessions, found.id).reason is ReviewReason.AGREE_UNACCEPTED


def test_a_suspended_species_is_not_accepted(lite, tmp_path):
    serve(lite, tmp_path, **BELIEVES_THE_CLAIM)
    accept(lite)
    with transaction(lite.sessions) as session:
        taxon_id = session.scalars(select(TaxonPolicy.taxon_id)).one()
        session.add(AcceptanceSuspension(taxon_id=taxon_id, wrong=2, audits=3, upper_bound=0.9, wrong_limit=0.1))
    assert screened(lite).status is SubmissionStatus.SCREENED


def test_who_claims_nothing_waits_for_a_name(lite):
    found = screened(lite, claim_kind=ClaimKind.UNKNOWN)
    assert task_of(lite.sessions, found.id).reason in {ReviewReason.NO_CLAIM, ReviewReason.OUT_OF_SCOPE}


# --- the second look and withdrawal --------------------------------------------------------------------------------------


def test_a_claim_changed_while_a_reviewer_has_it_open_makes_the_page_stale(service, tmp_path):
    serve(service, tmp_path, **NEVER_IN_SCOPE)
    found = screened(service)
    anna = make_user(service.sessions).id
    seen = Desk(service.sessions).open(anna, found.id)
    submissions(service).reconsider(found.token, ClaimKind.TAXON, TAXA[1])
    with pytest.raises(Stale) as refused:
        Decisions(service.sessions).decide(anna, found.id, seen.revision, it_is())
    assert [told.what for told in refused.value.happened] == ["claim_changed"]
    service.work()
    task = task_of(service.sessions, found.id)
    assert (task.revision, task.state) == (3, TaskState.OPEN)
    assert task.claimed_taxon_id == row(service, found.token).claim.taxon_id


def test_the_machine_never_accepts_what_a_person_has_spoken_about(lite, tmp_path):
    serve(lite, tmp_path, **NEVER_IN_SCOPE)
    anna = make_user(lite.sessions).id
    from app.review.rules import Rule

    settings.save(lite.sessions, anna, DeskSettings(rule=Rule.TWO_AGREE, audit_share=0.0))
    found = screened(lite)
    Decisions(lite.sessions).decide(anna, found.id, 1, it_is())
    accept(lite, TAXA[1])
    serve(lite, tmp_path, version="99.1.0", **BELIEVES_THE_CLAIM)
    submissions(lite).reconsider(found.token, ClaimKind.TAXON, TAXA[1])
    lite.work()
    assert row(lite, found.token).verification_status is VerificationStatus.PENDING
    task = task_of(lite.sessions, found.id)
    assert (task.reason, task.answers) == (ReviewReason.SECOND_OPINION, 1)


def test_a_withdrawn_submission_leaves_the_desk_and_nothing_that_tells_of_anybody(service, tmp_path):
    serve(service, tmp_path, **NEVER_IN_SCOPE)
    found = screened(service, place="My garden", note="My note")
    anna = make_user(service.sessions).id
    Questions(service.sessions).ask(anna, found.id, 1, "Where is your garden?")
    submissions(service).answer(found.token, "In My street")
    seen = Desk(service.sessions).open(anna, found.id)
    submissions(service).withdraw(found.token)
    task = task_of(service.sessions, found.id)
    assert (task.state, task.place_key, task.search_text, task.leased_by) == (TaskState.GONE, "", "", None)
    assert Desk(service.sessions).next(anna, Filter()) is None
    with pytest.raises(Stale) as refused:
        Decisions(service.sessions).decide(anna, found.id, seen.revision, it_is())
    assert refused.value.happened[-1].what == "withdrawn"
    with pytest.raises(Conflict):
        Decisions(service.sessions).comment(anna, found.id, "A remark afterwards")


def test_a_volunteer_takes_outcome_and_questions_away_and_deleting_forgets_the_words(service, tmp_path):
    serve(service, tmp_path, **NEVER_IN_SCOPE)
    found = screened(service)
    anna = make_user(service.sessions, name="Anna Expert").id
    Questions(service.sessions).ask(anna, found.id, 1, "A question of words?")
    submissions(service).answer(found.token, "An answer of words")
    Decisions(service.sessions).decide(anna, found.id, 3, it_is(remark="A remark of words"))
    data = VolunteerData(service.sessions, make_storage(service.settings))
    told = data.entries([found.volunteer_id])[0][1]().decode()
    assert all(word in told for word in ("A question of words?", "An answer of words", "V1", TAXA[1]))
    assert "Anna Expert" not in told
    service.client.app.state.deleting.erase([found.volunteer_id])
    with reading(service.sessions) as session:
        kept = [
            str(line)
            for table in ("identifications", "review_questions", "review_tasks")
            for line in session.execute(text(f"SELECT * FROM {table}"))  # noqa: S608
        ]
    assert len(kept) == 4  # who decided what stays
    assert not any("of words" in line for line in kept)


# --- a database from before ------------------------------------------------------------------------------------------------


def test_what_waited_before_there_was_a_desk_gets_its_task(service):
    write_season(service.sessions, make_storage(service.settings), 40)
    engine = make_engine(service.settings.database_url)
    with migrations.changing(engine) as connection:
        command.downgrade(migrations.alembic_config(connection), "0004")
    migrations.upgrade(engine)
    with make_session_factory(engine)() as session:
        found = {task.submission_id: task for task in session.scalars(select(ReviewTask))}
        verdicts = session.scalars(select(VerdictRecord)).all()
        assert len(found) == len(verdicts) == 40
        for verdict in verdicts:
            task = found[verdict.submission_id]
            agrees = verdict.outcome == "agree"
            assert task.reason in ({ReviewReason.AGREE_UNACCEPTED} if agrees else {ReviewReason.DISAGREE})
            assert task.position // 100 == (5 if agrees else 2)
            assert task.waiting_since == verdict.submission.created_at
            assert task.predicted_taxon_id is not None
            assert task.claimed_taxon_id == verdict.submission.claim.taxon_id
    engine.dispose()


# --- what passes -----------------------------------------------------------------------------------------------------------


def test_the_preview_says_what_acceptance_would_have_done(service, tmp_path):
    serve(service, tmp_path, **BELIEVES_THE_CLAIM)
    for n in range(3):
        token = submit(service, photo(n), idempotency_key=f"k{n}").token
    service.work()
    anna = make_user(service.sessions).id
    found = row(service, token)
    Decisions(service.sessions).decide(anna, found.id, 1, it_is(TAXA[1], seconds=36.0))
    served = service.client.app.state.classifiers.current()
    with reading(service.sessions) as session:
        told = judging.preview(session, TAXA[0], 0.05, served)
        other = judging.preview(session, TAXA[1], 0.05, served)
        strict = judging.preview(session, TAXA[0], 0.01, served)
    assert (told.submissions, told.looked_at, told.passed, told.supported) == (3, 3, 3, True)
    assert told.hours_saved == pytest.approx(3 * 0.95 * 36 / 3600)
    assert told.wrong_at_most == pytest.approx(0.15)
    assert 0 <= told.wrong_expected < 0.2
    assert (told.known_wrong.count, told.known_wrong.total) == (1, 1)
    assert (other.submissions, other.passed) == (0, 0)
    assert (strict.passed, strict.supported) == (0, False)  # calibration photos don't support it


# --- pictures ----------------------------------------------------------------------------------------------------------------


def test_where_the_network_looked_is_a_picture_of_the_photos_shape(lite):
    found = screened(lite)
    anna = make_user(lite.sessions).id
    with reading(lite.sessions) as session:
        token = session.scalars(select(Photo.token)).one()
    service: Attention = lite.client.app.state.attention
    picture = service.picture(anna, token)
    with Image.open(io.BytesIO(picture)) as image:
        assert (image.mode, image.size) == ("RGBA", (400, 300))
        alpha = np.asarray(image)[..., 3]
    assert alpha.max() > 0
    assert alpha[:, :45].max() == 0  # outside of the square that the network saw
    assert service.picture(anna, token) is picture  # kept
    with transaction(lite.sessions) as session:
        session.execute(update(ReviewTask).values(blind=True))
    with pytest.raises(NotFound):
        service.picture(anna, token)
    assert found.id


def test_the_map_lies_where_the_network_saw():
    looked = np.zeros((4, 4), np.float32)
    looked[0, 0] = 1.0
    with Image.open(io.BytesIO(overlay(looked, (960, 480), (480.0, 0.0, 960.0, 480.0)))) as image:
        alpha = np.asarray(image)[..., 3]
    assert image.size == (480, 240)
    assert alpha[:, :238].max() == 0
    assert alpha[20, 260] > 100
    assert alpha[200, 460] == 0


def test_light_and_sharpness_of_a_photo():
    stripes = np.tile(np.array([60.0, 200.0], np.float32), (64, 32))
    assert of_pixels(stripes) is PhotoQuality.GOOD
    assert of_pixels(stripes / 6) is PhotoQuality.DARK
    slope = np.tile(np.linspace(60, 200, 64, dtype=np.float32), (64, 1))
    assert of_pixels(slope) is PhotoQuality.BLURRED
    assert of_pixels(stripes[:2, :2]) is PhotoQuality.SMALL
