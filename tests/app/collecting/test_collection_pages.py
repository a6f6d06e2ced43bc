"""The pages of collections, on rows that stand there as after a collection: no process is needed for these."""

import re

import pytest

from app.collecting import curation
from app.collecting.curation import Curation, Filter
from app.collecting.rules import PhotoDecision
from app.collecting.tables import CollectedPhoto, Collection
from app.core.db import reading, transaction
from app.core.long_work import RunState, newest
from app.core.roles import Role
from app.core.tables import Job, JobKind, JobStatus
from app.taxa.names import find
from tests.factories import photo
from tests.flickr import BROWNS, finished_collection, lead_to
from tests.ml.collection.flickr_server import FlickrServer
from tests.people import signed_in

FORM = {
    "taxon": list(BROWNS),
    "keywords": ["meadow brown, bruin zandoogje", "gatekeeper"],
    "licences": ["cc0", "cc-by"],
    "number": "7",
    "size": "small-240",
}


@pytest.fixture
def admin(lite):
    return signed_in(lite, Role.ADMIN)


@pytest.fixture
def keyed(lite):
    """A key that nobody asks with: the server is never reached."""
    lead_to(FlickrServer(), lite.settings)


@pytest.fixture
def collection(lite):
    """A finished collection of three photos, the second the most doubtful; its number and theirs."""
    return finished_collection(lite.sessions, lite.settings)


def kept(lite):
    """The newest collection as it stands, with its state; None where there is none."""
    with reading(lite.sessions) as session:
        rows = newest(session, Collection)
        return (rows[0], rows[0].state()) if rows else None


def photos_of(lite, collection, decision=None):
    """All photos of a collection, or those of one decision, the most doubtful first."""
    with reading(lite.sessions) as session:
        return curation.page(session, collection, Filter(decision))[0]


def test_without_a_key_the_pages_say_how_to_set_one_and_nothing_starts(lite, admin):
    for path in ("/admin/collections", f"/admin/collections/new?taxon={BROWNS[0]}"):
        page = admin.get(path).text
        assert "WINGCHECK_FLICKR_KEY" in page
    assert '<fieldset class="bare" disabled>' in page
    assert admin.post("/admin/collections", data=FORM).status_code == 409


@pytest.mark.usefixtures("keyed")
def test_names_are_suggested_and_what_is_typed_is_what_is_collected(lite, admin):
    with transaction(lite.sessions) as session:
        found = find(session, BROWNS[0])
        assert found is not None
        names = [name.name for name in found.vernacular_names]
    page = admin.get("/admin/collections/new", params={"taxon": [BROWNS[0], "Nemo nullus"]}).text
    assert all(name in page for name in [BROWNS[0], *names])
    assert "Nemo nullus" not in page
    started = admin.post("/admin/collections", data=FORM)
    assert started.status_code == 303
    row, state = kept(lite)
    assert row.keywords == [
        {"text": text, "taxon": taxon}
        for text, taxon in (("meadow brown", BROWNS[0]), ("bruin zandoogje", BROWNS[0]), ("gatekeeper", BROWNS[1]))
    ]
    assert (row.licences, row.wanted, row.size, state) == (["cc0", "cc-by"], 7, "small-240", RunState.WAITING)
    page = admin.get(started.headers["location"]).text
    assert "Next in line." in page
    for _ in range(2):  # twice is once
        assert admin.post(f"{started.headers['location']}/cancel").headers["location"] == f"/admin/collections/{row.id}"
        assert kept(lite)[1] is RunState.CANCELLED


@pytest.mark.usefixtures("keyed")
@pytest.mark.parametrize(
    ("field", "value"),
    [("keywords", ["", ""]), ("number", "many"), ("number", "0"), ("size", "huge"), ("licences", ["mine"])],
)
def test_what_is_wrong_is_told_beside_its_field_and_what_was_typed_stays(lite, admin, field, value):
    page = admin.post("/admin/collections", data=FORM | {field: value})
    assert page.status_code == 422
    assert f'id="error-{field}" data-error-for="{field}">' in page.text
    if field != "keywords":
        assert "bruin zandoogje" in page.text
    assert kept(lite) is None


def test_the_most_doubtful_comes_first_with_owner_and_licence_and_nothing_strange_is_run(lite, admin, collection):
    page = admin.get(f"/admin/collections/{collection}/photos").text
    at = [page.index(f"Ann {number}</a>") for number in (2, 3, 1)]
    assert at == sorted(at)
    assert "&lt;b&gt;Brown" in page
    assert 'href="https://creativecommons.org/licenses/by/2.0/"' in page
    one = admin.get(f"/admin/collections/{collection}").text
    assert "too small" in one
    assert "of another kind" in one
    first = photos_of(lite, collection)[0].id
    picture = admin.get(f"/admin/collections/{collection}/files/{first}")
    assert picture.content == photo(2)
    assert picture.headers["content-type"] == "image/jpeg"
    assert "sandbox" in picture.headers["content-security-policy"]
    assert admin.get(f"/admin/collections/{collection + 1}/files/{first}").status_code == 404


def test_decided_without_script_and_undone(lite, admin, collection):
    address = f"/admin/collections/{collection}"
    numbers = [photo.id for photo in photos_of(lite, collection)]
    both = {"photo": [f"{number}:0" for number in numbers[:2]], "decision": "right", "back": "show=all"}
    done = admin.post(f"{address}/decide", data=both)
    assert done.status_code == 303
    page = admin.get(done.headers["location"]).text
    assert "2 photos decided." in page
    act = done.headers["location"].rpartition("act=")[2]
    late = admin.post(f"{address}/decide", data={"photo": f"{numbers[0]}:0", "decision": "wrong", "back": "show=right"})
    assert "Somebody else has since decided one photo differently" in admin.get(late.headers["location"]).text
    back = admin.post(f"{address}/undo", data={"act": act, "back": "show=all"})
    assert back.headers["location"] == f"{address}/photos?show=all"
    assert {photo.decision for photo in photos_of(lite, collection)} == {PhotoDecision.UNDECIDED}


def test_a_script_is_told_what_became_of_each_photo(lite, admin, collection):
    numbers = [photo.id for photo in photos_of(lite, collection)]
    json = {"Accept": "application/json"}
    path = f"/admin/collections/{collection}/decide"
    said = admin.post(path, data={"photo": f"{numbers[0]}:0", "decision": "right"}, headers=json).json()
    assert (said["kept"][0]["decision"], said["kept"][0]["revision"], said["refused"]) == ("right", 1, [])
    assert (said["counts"]["right"], said["counts"]["undecided"], said["counts"]["all"]) == (1, 2, 3)
    said = admin.post(path, data={"photo": f"{numbers[0]}:0", "decision": "wrong"}, headers=json).json()
    assert said["kept"] == []
    assert said["refused"][0]["said"].startswith("Correct (Admin")
    for wrong in ("1", "x:0", "1:0:0"):
        assert admin.post(path, data={"photo": wrong, "decision": "right"}, headers=json).status_code == 400
    assert admin.post(path, data={"photo": "999:0", "decision": "right"}, headers=json).status_code == 404


def test_a_photo_of_another_species_counts_as_that_one(lite, admin, collection):
    page = f"/admin/collections/{collection}"
    first, second, third = (photo.id for photo in photos_of(lite, collection))

    def decide(photo, decision, shows=""):
        form = {"photo": photo, "decision": decision, "shows": shows}
        return admin.post(f"{page}/decide", data=form, headers={"Accept": "application/json"}).json()

    said = decide(f"{first}:0", "other_species", BROWNS[1])
    assert (said["kept"][0]["decision"], said["kept"][0]["shows"]) == ("other_species", BROWNS[1])
    assert said["kept"][0]["said"].startswith("Gatekeeper (Admin")
    assert said["counts"]["other_species"] == 1
    decide(f"{second}:0", "other_species", BROWNS[0])
    decide(f"{third}:0", "wrong", BROWNS[1])
    assert [(photo.decision, photo.shows) for photo in photos_of(lite, collection)] == [
        (PhotoDecision.OTHER_SPECIES, BROWNS[1]),
        (PhotoDecision.RIGHT, BROWNS[0]),
        (PhotoDecision.WRONG, BROWNS[0]),
    ]
    assert [each["id"] for each in decide(f"{first}:0", "right")["refused"]] == [first]
    assert admin.post(f"{page}/use").status_code == 303
    assert kept(lite)[0].used_photos == 2
    [labels] = (lite.settings.data_dir / "collections" / "f").glob("data-set-*/labels.csv")
    assert {line.split(",")[1] for line in labels.read_text().splitlines()[1:]} == {
        "maniola_jurtina",
        "pyronia_tithonus",
    }
    assert f"{BROWNS[1]},<b>Brown" in admin.get(f"{page}/attribution.csv").text
    decide(f"{first}:1", "undecided")
    assert photos_of(lite, collection)[0].shows == BROWNS[0]


def test_the_species_is_named_on_a_page_of_its_own_without_script(lite, admin, collection):
    number = photos_of(lite, collection)[0].id
    address = f"/admin/collections/{collection}/photos/{number}/species"
    assert f'href="{address}?show=all"' in admin.get(f"/admin/collections/{collection}/photos?show=all").text
    page = admin.get(f"{address}?show=all").text
    assert '<option value="gatekeeper">' in page
    form = {"back": "show=all", "revision": "0"}
    wrong = admin.post(address, data=form | {"shows": "Nemo <nullus>"})
    assert wrong.status_code == 422
    assert "know this species" in wrong.text
    assert 'value="Nemo &lt;nullus&gt;"' in wrong.text
    done = admin.post(address, data=form | {"shows": "Oranje  zandoogje"})
    assert "Gatekeeper (Admin" in admin.get(done.headers["location"]).text
    late = admin.post(address, data=form | {"shows": BROWNS[0]})
    assert "Somebody else has since decided one photo differently" in admin.get(late.headers["location"]).text


@pytest.mark.parametrize(
    ("typed", "names"),
    [
        ("", ["Ann 1", "Ann 2", "Ann 3"]),
        ("aNN 2", ["Ann 2"]),
        ("3@N00", ["Ann 3"]),
        ("https://www.flickr.com/people/1@N00/", ["Ann 1"]),
        ("https://www.flickr.com/photos/ann-two/702/in/album", ["Ann 2"]),
        ("%", []),
    ],
)
def test_a_photographer_is_found_by_name_and_by_address(admin, collection, typed, names):
    page = admin.get(f"/admin/collections/{collection}/photographers", params={"q": typed}).text
    assert re.findall(r'<p class="row__title">([^<]*)<', page) == names


def test_before_a_photographers_photos_go_it_is_told_which(lite, admin, collection):
    address = f"/admin/collections/{collection}/photographers/2@N00"
    page = admin.get(address).text
    assert "Remove the photos of Ann 2?" in page
    assert "One photo will be deleted for good" in page
    assert "Nothing: they are not in any training data" in page
    assert admin.get(f"/admin/collections/{collection}/photographers/9@N00").status_code == 404
    assert admin.post(f"/admin/collections/{collection}/photographers/9@N00/remove").status_code == 404
    assert len(photos_of(lite, collection)) == 3


def test_the_page_says_how_the_removal_of_their_photos_stands_and_what_became_of_it(lite, admin, collection):
    address = f"/admin/collections/{collection}/photographers/2@N00"
    assert admin.get(f"{address}/events").status_code == 404
    assert admin.post(f"{address}/remove").headers["location"] == address
    waits = admin.get(address).text
    assert "Removing the photos" in waits
    assert "queued" in waits
    lite.work()
    lite.worker.finish_long_work()  # nothing was ever collected into this folder
    failed = admin.get(address)
    assert "The photos could not be removed" in failed.text
    assert "holds no collection" in failed.text
    assert "Remove this photo" in failed.text
    assert "event: over" in admin.get(f"{address}/events").text
    with transaction(lite.sessions) as session:
        session.query(CollectedPhoto).filter_by(owner_nsid="2@N00").delete()
        session.query(Job).filter_by(kind=JobKind.PHOTOGRAPHER).one().status = JobStatus.DONE
    done = admin.get(address)
    assert done.headers["location"] == f"/admin/collections/{collection}?removed=1"
    assert "One photo removed." in admin.get(done.headers["location"]).text


def test_from_the_decisions_to_a_run_and_to_the_end(lite, admin, collection):
    page = f"/admin/collections/{collection}"
    seen = [(photo.id, photo.revision) for photo in photos_of(lite, collection)]
    assert admin.post(f"{page}/use").status_code == 409
    use_cases = Curation(lite.sessions)
    done = use_cases.decide(collection, admin.user.id, seen, PhotoDecision.RIGHT)
    assert len(done.decided) == 3
    use_cases.undo(collection, admin.user.id, done.act)
    first = seen[0][0]
    use_cases.decide(collection, admin.user.id, [(first, 2)], PhotoDecision.RIGHT)
    assert [photo.id for photo in photos_of(lite, collection, PhotoDecision.RIGHT)] == [first]
    assert admin.post(f"{page}/use").status_code == 303
    assert kept(lite)[0].used_photos == 1
    assert "Photos from Flickr, collection" in admin.get("/admin/runs/new").text
    assert "flickr_id" in admin.get(f"{page}/attribution.csv").text
    assert admin.post(f"{page}/retry").headers["location"] == f"{page}?problem=late"
    assert admin.post(f"{page}/take-out").status_code == 303
    assert kept(lite)[0].used_photos == 0
    assert admin.post(f"{page}/delete").status_code == 303
    assert admin.get(page).status_code == 404
    assert not (lite.settings.data_dir / "collections" / "f").exists()
