"""What a run would learn: decided by persons, each picture with its part for ever, and only what is still there."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select

from app.core.db import reading, transaction, utcnow
from app.core.errors import Conflict
from app.core.storage import make_storage
from app.core.tables import JobStatus
from app.review.tables import ReviewTask
from app.submissions.rules import SubmissionStatus
from app.submissions.tables import Submission
from app.versions import snapshots
from app.versions.rules import Part, PhotoSelection, Trigger, VerifiedBy
from app.versions.run_folder import RunFolder, write_snapshot
from app.versions.runs import NothingNew, RunRequest, Runs, get
from app.versions.schedule import Schedule
from app.versions.tables import PhotoPart, Snapshot, TrainingRun
from app.volunteers.withdrawal import take_back
from ml.datasets.snapshot import read_snapshot
from ml.datasets.synthetic import write_drawn_folder
from ml.inference import read_version
from tests.app.sending import TAXA
from tests.factories import butterfly, encode
from tests.people import make_user
from tests.reviewing import NO_BUTTERFLY, as_audit, decide, send, taxon
from tests.versions import BUNDLED

TASK = read_version(BUNDLED).task

SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def expert(service):
    return make_user(service.sessions)


@pytest.fixture
def runs(service):
    return Runs(service.sessions, service.settings, lambda _job_id: True)


def picture(seed):
    return encode(butterfly(seed, (120, 90)), quality=60)


def season(service, expert, volunteers, start=0):
    """One decided submission of each volunteer, the species in turn; their ids."""
    found = []
    for who in range(start, start + volunteers):
        number = send(service, picture(who), who)
        decide(service, expert, number, taxon(TAXA[who % 2]))
        found.append(number)
    return found


def choice(service, wanted=None, share=0.2):
    with reading(service.sessions) as session:
        return snapshots.choose(session, TASK, wanted or PhotoSelection(), [], share)


def withdraw(service, submission_id):
    with transaction(service.sessions) as session:
        take_back(session, session.get_one(Submission, submission_id))


@SQLITE
def test_only_what_persons_decided_counts(service, expert):
    decided, undecided, nothing, unsure = (send(service, picture(who), who) for who in range(4))
    decide(service, expert, decided, taxon(TAXA[1]))
    decide(service, expert, nothing, NO_BUTTERFLY)
    with transaction(service.sessions) as session:  # what the machine accepts is no decision
        session.get_one(Submission, undecided).status = SubmissionStatus.AUTO_ACCEPTED
    found = choice(service).photos
    assert {each.submission_id: each.taxon and each.taxon.scientific_name for each in found} == {
        decided: TAXA[1],
        nothing: None,
    }
    assert unsure not in {each.submission_id for each in found}


def test_every_fifth_volunteer_measures_and_keeps_doing_so(service, expert, runs):
    season(service, expert, 10)
    first = choice(service)
    assert first.counts == {"train": {TAXA[0]: 4, TAXA[1]: 4}, "test": {TAXA[0]: 1, TAXA[1]: 1}}
    run = runs.start(RunRequest(), None)
    again = send(service, picture(104), 4, number=2)  # the fifth volunteer, who measures
    decide(service, expert, again, taxon(TAXA[0]))
    season(service, expert, 5, start=20)
    second = choice(service)
    assert {sha: part for sha, part in second.parts.items() if sha in first.parts} == first.parts
    assert second.counts["test"] == {TAXA[0]: 3, TAXA[1]: 1} or sum(second.counts["test"].values()) == 4
    with reading(service.sessions) as session:
        assert len(get(session, run).snapshot.photos) == 10
        assert session.scalar(select(func.count()).select_from(PhotoPart)) == 10


@SQLITE
def test_copies_of_a_picture_count_once_and_have_one_part(service, expert):
    """Otherwise a network would be measured on what it has learnt by heart."""
    for who in (0, 1):
        decide(service, expert, send(service, picture(7), who), taxon(TAXA[0]))
    found = choice(service, share=0.5)
    assert len(found.photos) == len(found.parts) == 1


def test_chosen_by_period_code_agreement_and_number_of_experts(service, expert):
    numbers = season(service, expert, 3)
    other = make_user(service.sessions)
    decide(service, other, numbers[1], taxon(TAXA[1]))
    with transaction(service.sessions) as session:
        session.get_one(ReviewTask, numbers[2]).closed_at = utcnow() - timedelta(days=30)
    day = timedelta(days=1)
    assert len(choice(service).photos) == 3
    assert len(choice(service, PhotoSelection(since=utcnow() - day)).photos) == 2
    assert len(choice(service, PhotoSelection(until=utcnow() - day)).photos) == 1
    assert [each.submission_id for each in choice(service, PhotoSelection(least_experts=2)).photos] == [numbers[1]]
    assert len(choice(service, PhotoSelection(least_agreement=0.9)).photos) == 3
    assert choice(service, PhotoSelection(codes=("C3",))).photos == []


def test_a_snapshot_tells_what_is_new_and_its_folder_is_what_training_reads(service, expert, runs, tmp_path):
    numbers = season(service, expert, 5)
    as_audit(service, numbers[0])
    first = runs.start(RunRequest(), None)
    with transaction(service.sessions) as session:  # as if it had made a version
        run = get(session, first)
        run.model_version_id = 1
        assert all(photo.is_new for photo in run.snapshot.photos)
    season(service, expert, 1, start=9)
    withdraw(service, numbers[1])
    found = choice(service)
    assert (sum(found.new_counts["train"].values()), found.left) == (1, 1)
    second = runs.start(RunRequest(), None)
    withdraw(service, numbers[2])
    with reading(service.sessions) as session:
        run, folder = get(session, second), RunFolder(tmp_path / "run")
        folder.path.mkdir()
        write_snapshot(session, make_storage(service.settings), run, folder)
        by_photo = {photo.photo.sha256: photo for photo in run.snapshot.photos}
    photos = read_snapshot(folder.snapshot)
    assert len(photos) == 4  # five were frozen, one was withdrawn since
    for photo in photos:
        row = by_photo[photo.file.stem]
        assert (photo.part, photo.photographer, photo.event) == (row.part.value, row.volunteer, row.event)
        assert photo.read().startswith(b"\xff\xd8")
    assert {row.verified_by for row in by_photo.values()} == {VerifiedBy.AUDIT, VerifiedBy.FLAGGED}


@SQLITE
def test_starting_again_with_nothing_new_is_refused_unless_somebody_insists(service, expert, runs):
    season(service, expert, 2)
    first = runs.start(RunRequest(epochs=3), None)
    with transaction(service.sessions) as session:
        get(session, first).model_version_id = 1
    assert f"run {first} used the same photos" in runs.plan(RunRequest(epochs=3)).pointless
    with pytest.raises(NothingNew):
        runs.start(RunRequest(epochs=3), None)
    assert runs.plan(RunRequest(epochs=4)).pointless == ""
    second = runs.start(RunRequest(epochs=3, insist=True), None)
    with reading(service.sessions) as session:
        assert get(session, second).snapshot_id == get(session, first).snapshot_id
        assert session.scalar(select(func.count()).select_from(Snapshot)) == 1
    season(service, expert, 1, start=5)
    assert runs.plan(RunRequest(epochs=3)).pointless == ""


@SQLITE
def test_base_data_are_those_of_the_settings_and_a_change_in_them_is_new(service, runs, tmp_path):
    with pytest.raises(Conflict, match="No training data"):
        runs.plan(RunRequest())
    drawn = write_drawn_folder(tmp_path / "drawn", per_label=2, outsiders=1)
    service.settings.training_root = str(drawn)
    plan = runs.plan(RunRequest())
    assert [base.path for base in plan.choice.bases] == [str(drawn)]
    assert plan.labels == tuple(TAXA)
    (drawn / "pair" / "more.txt").write_text("another file")
    assert runs.plan(RunRequest()).choice.fingerprint != plan.choice.fingerprint
    with pytest.raises(Conflict, match="/etc is no known base data set"):
        runs.plan(RunRequest(bases=("/etc",)))


def test_the_schedule_starts_one_run_per_occasion_and_none_where_nothing_is_new(service, expert, runs):
    schedule = Schedule(service.sessions, service.settings, runs)
    noon = utcnow().replace(hour=12)
    assert schedule.look(noon) is None
    service.settings.retrain_after_photos = 3
    season(service, expert, 2)
    assert schedule.look(noon) is None
    season(service, expert, 1, start=5)
    first = schedule.look(noon)
    with transaction(service.sessions) as session:
        run = get(session, first)
        assert run.cause is Trigger.NEW_PHOTOS
        run.job.status, run.model_version_id = JobStatus.DONE, 1
    assert schedule.look(noon) is None  # three came, three were learnt
    service.settings.retrain_at = "11:30"
    assert schedule.look(noon.replace(hour=11, minute=29)) is None
    assert schedule.look(noon) is None  # nothing is new
    season(service, expert, 1, start=7)
    later = noon + timedelta(days=1)
    others = [Schedule(service.sessions, service.settings, runs) for _ in range(2)]
    started = [other.look(later) for other in others]
    assert started[0] is not None
    assert started[1] is None
    with reading(service.sessions) as session:
        assert session.scalar(select(func.count()).select_from(TrainingRun)) == 2
        assert get(session, started[0]).cause is Trigger.NIGHTLY


@SQLITE
def test_a_volunteer_who_measures_is_known_by_rank(service, expert):
    season(service, expert, 4)
    assert set(choice(service).parts.values()) == {Part.TRAIN}
    assert list(choice(service, share=0.25).parts.values()).count(Part.TEST) == 1
