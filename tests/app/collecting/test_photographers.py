"""A photographer asks for the removal of what is theirs: files, rows, data sets and manifest follow, and the log tells it."""

import json

import pytest

from app.accounts import audit
from app.collecting import collections, runner
from app.collecting.curation import Curation
from app.collecting.data_sets import DataSets
from app.collecting.folder import folder_of
from app.collecting.rules import PhotoDecision
from app.collecting.tables import CollectedPhoto
from app.core.db import reading, transaction
from app.core.errors import Conflict, NotFound
from app.core.tables import Job, JobKind, JobStatus
from app.predictions.tables import ModelVersion
from app.versions import photographers
from app.versions.base_data import open_runs_with
from app.versions.photographers import Photographers
from app.versions.runs import RunRequest, Runs
from app.versions.tables import TrainingRun
from ml.datasets.sources import read_source
from tests.app.collecting.test_collections import WANTED, get, photos, use_cases, work
from tests.flickr import BROWNS, add_photos, lead_to
from tests.ml.collection.flickr_server import FlickrServer
from tests.people import make_user

THEIRS = "99@N01"


@pytest.fixture
def collected(lite):
    """The number of a collection of eight photos, three by one photographer; all are right and in a data set."""
    with FlickrServer().running() as flickr:
        lead_to(flickr, lite.settings)
        add_photos(flickr, 101, 5, BROWNS[0])
        add_photos(flickr, 201, 3, BROWNS[0], owner=THEIRS, owner_name="Ann Private")
        number = use_cases(lite).start(WANTED, None)
        work(lite)
    admin = make_user(lite.sessions)
    seen = [(photo.id, 0) for photo in photos(lite, number)]
    assert len(seen) == 8
    Curation(lite.sessions).decide(number, admin.id, seen, PhotoDecision.RIGHT)
    DataSets(lite.sessions, lite.settings, open_runs_with).use(number, admin.id)
    return number


def traces(service, number):
    with reading(service.sessions) as session:
        return photographers.traces(session, service.settings, number, THEIRS)


def remove(service, number, user_id=None):
    """Ask for it, and have the worker do it; how the removal stands then."""
    asked = Photographers(service.sessions, service.settings, service.worker.dispatcher.send)
    many = asked.remove(number, THEIRS, user_id)
    work(service)
    return many, removal_of(service, number).job


def removal_of(service, number):
    with reading(service.sessions) as session:
        return photographers.newest_removal(session, number, THEIRS)


def run_that_learnt(service):
    """A run that is over and made a version of what is in use now."""
    runs = Runs(service.sessions, service.settings, lambda _: True)
    number = runs.start(RunRequest(), None)
    runs.cancel(number, None)
    with transaction(service.sessions) as session:
        session.get_one(TrainingRun, number).model_version_id = session.query(ModelVersion).all()[0].id
    return number


def test_nothing_of_theirs_is_left_but_their_number_and_the_log_entry(lite, collected):
    run, admin = run_that_learnt(lite), make_user(lite.sessions)
    before = get(lite, collected)
    folder = folder_of(before, lite.settings)
    found = traces(lite, collected)
    assert (len(found.photos), found.in_use) == (3, 3)
    assert [(each.run.id, each.photos) for each in found.trained] == [(run, 3)]

    many, job = remove(lite, collected, admin.id)
    assert (many, job.status, job.error) == (3, JobStatus.DONE, "")
    row = get(lite, collected)
    assert (row.kept, row.looked, row.used_photos) == (5, 5, 5)
    assert row.left_out["removed for its owner"] == 3
    assert row.data_set not in {None, before.data_set}
    assert [path.name for path in folder.path.glob("data-set-*")] == [row.data_set]
    assert len(read_source(folder.path / row.data_set)) == 5
    written = [
        path for path in folder.path.rglob("*") if path.is_file() and path.suffix in {".csv", ".jsonl", ".md", ".html"}
    ]
    assert not [path for path in written if "Ann Private" in path.read_text()]
    assert not {path.stem for path in folder.path.rglob("*.jpg")} & {"201", "202", "203"}
    assert THEIRS not in {photo.owner_nsid for photo in photos(lite, collected)}
    with pytest.raises(NotFound):
        traces(lite, collected)
    runner.enter(lite.sessions, collected, folder.listed())  # as when another worker takes it up
    assert len(photos(lite, collected)) == 5
    removed = [line for line in map(json.loads, folder.rows.read_text().splitlines()) if line["owner_nsid"] == THEIRS]
    assert [(line["status"], line["title"]) for line in removed] == [("skipped", "")] * 3
    with reading(lite.sessions) as session:
        [entry, *_] = audit.page(session, audit.LogFilter(subject=f"collection:{collected}")).entries
    assert (entry.user_id, entry.action) == (admin.id, "collection.photographer_removed")
    assert entry.details == {"photographer": THEIRS, "photos": 3}


def test_not_while_a_run_learns_from_the_collection(lite, collected):
    run = Runs(lite.sessions, lite.settings, lambda _: True).start(RunRequest(), None)
    with pytest.raises(Conflict, match=f"Run {run} learns"):
        Photographers(lite.sessions, lite.settings).remove(collected, THEIRS, None)
    assert len(traces(lite, collected).photos) == 3


def test_a_run_that_begins_before_the_worker_does_is_not_disturbed(lite, collected):
    asked = Photographers(lite.sessions, lite.settings, lite.worker.dispatcher.send)
    asked.remove(collected, THEIRS, None)
    run = Runs(lite.sessions, lite.settings, lambda _: True).start(RunRequest(), None)
    work(lite)
    job = removal_of(lite, collected).job
    assert (job.status, job.attempts) == (JobStatus.FAILED, 1)
    assert f"Run {run} learns" in job.error
    assert len(traces(lite, collected).photos) == 3


def test_asked_twice_it_is_done_once(lite, collected):
    asked = Photographers(lite.sessions, lite.settings)
    assert [asked.remove(collected, THEIRS, None) for _ in range(2)] == [3, 3]
    with reading(lite.sessions) as session:
        assert session.query(Job).filter_by(kind=JobKind.PHOTOGRAPHER).count() == 1


def test_a_collection_with_a_removal_under_way_is_deleted_all_the_same(lite, collected):
    asked = Photographers(lite.sessions, lite.settings, lite.worker.dispatcher.send)
    asked.remove(collected, THEIRS, None)
    DataSets(lite.sessions, lite.settings, open_runs_with).stop_using(collected, None)
    use_cases(lite).delete(collected, None)
    work(lite)
    with reading(lite.sessions) as session:
        job = session.query(Job).filter_by(kind=JobKind.PHOTOGRAPHER).one()
    assert (job.status, job.error) == (JobStatus.FAILED, "This collection no longer exists.")


def test_when_all_photos_are_theirs_no_data_set_is_left_and_what_is_not_kept_is_said_to_be_unknown(lite, collected):
    run_that_learnt(lite)
    with transaction(lite.sessions) as session:
        collections.get(session, collected).data_set = None
        folder = folder_of(collections.get(session, collected), lite.settings)
        for photo in session.query(CollectedPhoto).filter(CollectedPhoto.owner_nsid != THEIRS):
            photo.decision = PhotoDecision.WRONG
    sets = DataSets(lite.sessions, lite.settings, open_runs_with)
    sets.use(collected, None)
    found = traces(lite, collected)
    assert (found.in_use, [each.photos for each in found.trained]) == (3, [None])
    assert remove(lite, collected)[1].status is JobStatus.DONE
    assert (get(lite, collected).data_set, get(lite, collected).used_photos) == (None, 0)
    assert list(folder.path.glob("data-set-*")) == []
