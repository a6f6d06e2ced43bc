"""Collections from a local Flickr server: fetched by a process, entered with their owners, looked at, cancelled, tried again."""

import csv
import io
import os
import signal
from collections import Counter
from datetime import timedelta

import pytest
from sqlalchemy import update

from app.accounts import audit
from app.collecting import collections, curation, data_sets
from app.collecting.collections import CollectionRequest, Collections
from app.collecting.curation import Curation, Filter
from app.collecting.data_sets import DataSets
from app.collecting.folder import folder_of
from app.collecting.rules import LICENCES, REUSABLE, SIZES, PhotoDecision, doubt
from app.collecting.tables import CollectedPhoto, Collection
from app.core.db import reading, transaction, utcnow
from app.core.errors import Conflict, InvalidInput, WingcheckError
from app.core.long_work import RunState
from app.core.tables import Job
from app.taxa.tables import Taxon
from app.versions.base_data import open_runs_with
from app.versions.runs import RunRequest, Runs
from ml.collection import licences
from ml.collection.sizes import SIZES as ALL_SIZES
from ml.datasets.sources import read_source
from tests.flickr import BROWNS, add_photos, finished_collection, lead_to
from tests.ml.collection.flickr_server import KEY, SECRET, FlickrServer
from tests.people import make_user
from tests.running import alive, eventually

UNKNOWN, OTHER = "Vanessa atalanta", "Aglais io"
WANTED = CollectionRequest({BROWNS[0]: (BROWNS[0],)}, REUSABLE, 50, "small-240")


@pytest.fixture
def flickr():
    with FlickrServer().running() as server:
        yield server


def use_cases(service):
    return Collections(service.sessions, service.settings, service.worker.dispatcher.send, open_runs_with)


def get(service, number):
    with reading(service.sessions) as session:
        return collections.get(session, number)


def photos(service, number, decision=None):
    with reading(service.sessions) as session:
        return curation.page(session, number, Filter(decision), 100)[0]


def work(service):
    service.work()
    service.worker.finish_long_work()


def again(service, number):
    """A job that waits is due now."""
    with transaction(service.sessions) as session:
        session.get_one(Job, get(service, number).job_id).not_before = None
        session.flush()
    service.worker.handle(get(service, number).job_id)
    service.worker.finish_long_work()


def test_what_may_be_asked_for_is_what_the_collector_knows():
    assert list(LICENCES) == list(licences.LICENCES)
    assert REUSABLE == licences.REUSABLE
    assert set(SIZES) <= {size.name for size in ALL_SIZES}


@pytest.mark.parametrize(
    ("probability", "in_scope", "expected"),
    [(1.0, 1.0, 0.0), (0.0, 1.0, 1.0), (1.0, 0.0, 1.0), (None, 0.25, 0.75), (0.5, 0.5, 0.75)],
)
def test_a_photo_is_in_doubt_as_far_as_the_model_does_not_see_the_taxon_in_it(probability, in_scope, expected):
    assert doubt(probability, in_scope) == expected


def test_collected_looked_through_and_given_to_training(service, flickr):
    """One story on each database: what came, in which order, what was decided, what a run may learn from, and the end."""
    lead_to(flickr, service.settings)
    admin, other = make_user(service.sessions), make_user(service.sessions)
    with transaction(service.sessions) as session:
        session.add_all(Taxon(scientific_name=name) for name in (UNKNOWN, OTHER))
    add_photos(flickr, 101, 6, BROWNS[0])
    add_photos(flickr, 201, 3, UNKNOWN, owner_name="=HYPERLINK(1)", licence="9")
    add_photos(flickr, 301, 2, BROWNS[0], licence="2")  # not for everyone
    flickr.add(401, title=BROWNS[0], data=b"no picture", listed=(240, 180))
    wanted = CollectionRequest({BROWNS[0]: ("meadow brown", BROWNS[0]), UNKNOWN: (UNKNOWN,)}, REUSABLE, 5, "small-240")
    number = use_cases(service).start(wanted, admin.id)
    work(service)

    row = get(service, number)
    assert row.state() is RunState.DONE, row.job.error
    assert (row.phase, row.kept, row.looked, row.process_group) == ("done", 8, 8, None)
    assert row.left_out.get("near duplicate", 0) == 0
    assert KEY not in row.log
    assert SECRET not in row.log
    found = photos(service, number)
    assert [each.doubt for each in found] == sorted((each.doubt for each in found), reverse=True)
    for each in found:
        assert each.model_version_id
        assert (each.probability is None) == (each.taxon == UNKNOWN)
        assert each.doubt == doubt(each.probability, each.in_scope)
        assert each.licence_name == ("CC0 1.0" if each.taxon == UNKNOWN else "CC BY 2.0")
        assert each.page_url.endswith(f"/{each.owner_nsid}/{each.flickr_id}/")
    assert Counter(each.taxon for each in found) == {BROWNS[0]: 5, UNKNOWN: 3}
    with reading(service.sessions) as session:
        assert curation.unknown_taxa(session, number) == [UNKNOWN]
        first, more = curation.page(session, number, Filter(), 3)
        rest, _ = curation.page(session, number, Filter(after=first[-1].id), 100)
    assert more
    assert [each.id for each in first + rest] == [each.id for each in found]

    curating = Curation(service.sessions)
    with pytest.raises(Conflict, match="No photo of this collection has been confirmed"):
        DataSets(service.sessions, service.settings, open_runs_with).use(number, admin.id)
    right, wrong, stale = found[:4], found[4:6], found[0]
    done = curating.decide(number, admin.id, [(each.id, 0) for each in right], PhotoDecision.RIGHT)
    curating.decide(number, admin.id, [(each.id, 0) for each in wrong], PhotoDecision.WRONG)
    old = curating.decide(number, other.id, [(stale.id, 0)], PhotoDecision.DUPLICATE)
    assert [each.id for each in old.refused] == [stale.id]
    same = curating.decide(number, other.id, [(stale.id, 0)], PhotoDecision.RIGHT)
    assert [each.decided_by_id for each in same.decided] == [admin.id]  # the same said twice is said once
    newer = curating.decide(number, other.id, [(right[1].id, 1)], PhotoDecision.NO_BUTTERFLY)
    assert len(newer.decided) == 1
    undone = curating.undo(number, admin.id, done.act)
    assert {each.id for each in undone} == {each.id for each in right} - {right[1].id}
    curating.decide(number, admin.id, [(each.id, 2) for each in (right[0], right[2])], PhotoDecision.RIGHT)
    named = curating.decide(number, admin.id, [(right[3].id, 2)], PhotoDecision.OTHER_SPECIES, OTHER).decided[0]
    assert named.shows == OTHER != named.taxon

    sets = DataSets(service.sessions, service.settings, open_runs_with)
    runs = Runs(service.sessions, service.settings, lambda _: True)
    assert sets.use(number, admin.id) == 3
    with reading(service.sessions) as session:
        [base] = data_sets.in_use(session, service.settings)
        table = list(csv.DictReader(io.StringIO(data_sets.credits_csv(data_sets.known_photos(session, number)))))
    read = read_source(base)
    kept = (right[0], right[2], right[3])
    shown = {each.flickr_id: each.taxon for each in kept} | {named.flickr_id: OTHER}
    assert {(photo.label, photo.group, photo.screening) for photo in read} == {
        (shown[each.flickr_id].lower().replace(" ", "_"), each.owner_nsid, "ok") for each in kept
    }
    assert {photo.file.read_bytes() for photo in read} == {
        folder_of(row, service.settings).file(each.file_name).read_bytes() for each in kept
    }
    assert {each["flickr_id"]: each["taxon"] for each in table} == shown
    assert all(each["licence_url"] and not each["owner_name"].startswith("=") for each in table)

    planned = runs.plan(RunRequest())
    assert [each.path for each in planned.choice.bases] == [str(base)]
    run = runs.start(RunRequest(), admin.id)
    with pytest.raises(Conflict, match=f"Run {run} learns"):
        use_cases(service).delete(number, admin.id)
    sets.stop_using(number, admin.id)
    assert base.is_dir(), "the run that waits may still read it"
    with pytest.raises(Conflict, match="No training data"):
        runs.plan(RunRequest())
    runs.cancel(run, admin.id)
    sets.use(number, admin.id)
    use_cases(service).delete(number, admin.id)
    assert not base.parent.exists()
    with reading(service.sessions) as session:
        assert session.query(CollectedPhoto).count() == 0
        actions = [
            entry.action for entry in audit.page(session, audit.LogFilter(subject=f"collection:{number}")).entries
        ]
    assert actions[::-1] == [f"collection.{what}" for what in ("started", "used", "taken_out", "used", "deleted")]


def test_cancelled_within_seconds_without_a_process_left_and_nothing_is_fetched_twice_after_that(lite, flickr):
    lead_to(flickr, lite.settings)
    add_photos(flickr, 101, 12, BROWNS[0])
    flickr.hold_images_after = 5
    number = use_cases(lite).start(WANTED, None)
    lite.work()
    flickr.hold(folder_of(get(lite, number), lite.settings).photos)
    process = eventually(lambda: get(lite, number).process_group, "its process is known")
    eventually(lambda: get(lite, number).found, "how many there are is told")
    use_cases(lite).cancel(number, None)
    eventually(lambda: not alive(process), "its process is gone", 10)
    lite.worker.finish_long_work()
    row = get(lite, number)
    assert (row.state(), row.process_group) == (RunState.CANCELLED, None)

    use_cases(lite).retry(number, None)
    lite.work()
    killed = eventually(lambda: get(lite, number).process_group, "another process")
    os.killpg(killed, signal.SIGKILL)
    flickr.hold_images_after = None
    flickr.release.set()
    lite.worker.finish_long_work()
    row = get(lite, number)
    assert row.state() is RunState.WAITING
    assert "was killed" in row.job.error
    again(lite, number)
    row = get(lite, number)
    assert row.state() is RunState.DONE, row.job.error
    assert row.kept == row.looked == 12
    assert set(Counter(flickr.whole_images()).values()) == {1}


def test_without_a_key_nothing_starts_and_one_that_flickr_refuses_is_told_at_once(lite, flickr):
    with pytest.raises(Conflict, match="WINGCHECK_FLICKR_KEY"):
        use_cases(lite).start(WANTED, None)
    lead_to(flickr, lite.settings)
    flickr.refusal = (100, "Invalid API Key (Key has invalid format)")
    number = use_cases(lite).start(WANTED, None)
    work(lite)
    row = get(lite, number)
    assert row.state() is RunState.FAILED
    assert "key" in row.job.error
    assert KEY not in row.job.error + row.log
    assert row.job.attempts == 1
    assert utcnow() - row.created_at < timedelta(minutes=2)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"keywords": {}}, "keywords: keywords_missing"),
        ({"keywords": {BROWNS[0]: ()}}, "keywords: keywords_missing"),
        ({"keywords": {BROWNS[0]: ("browns",), BROWNS[1]: ("Browns",)}}, "keywords: keyword_twice"),
        ({"keywords": {BROWNS[0]: ("brown=Pyronia",)}}, "keywords: keyword_unusable"),
        ({"keywords": {"Nemo nullus": ("nemo",)}}, "keywords: claim_unknown"),
        ({"licences": ("cc-by", "mine")}, "licences: licences_missing"),
        ({"number": 0}, "number: number_range"),
        ({"size": "huge"}, "size: size_unknown"),
    ],
)
def test_what_can_not_be_collected_is_told_by_its_field(lite, flickr, values, expected):
    lead_to(flickr, lite.settings)
    wanted = {"keywords": WANTED.keywords, "licences": REUSABLE, "number": 5, "size": "small-240"} | values
    with pytest.raises(InvalidInput, match=expected):
        use_cases(lite).start(CollectionRequest(**wanted), None)


def test_a_row_that_leads_elsewhere_deletes_nothing(lite):
    """As in a backup that somebody made to do harm."""
    number = finished_collection(lite.sessions, lite.settings)
    outside = lite.settings.data_dir / "precious"
    outside.mkdir()
    with transaction(lite.sessions) as session:
        session.execute(update(Collection).values(folder="../precious"))
    with pytest.raises(WingcheckError):
        use_cases(lite).delete(number, None)
    assert outside.is_dir()
