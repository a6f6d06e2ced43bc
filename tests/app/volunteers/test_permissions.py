"""What a volunteer allows with photos: proposed by the organisation, remembered, changed later, and kept to by training."""

import json

import pytest

from app.core.db import reading, transaction
from app.core.storage import make_storage
from app.organisation.rules import Licence
from app.records.occurrences import Shape, occurrences
from app.records.rules import Standing
from app.records.selection import Selection
from app.versions import snapshots
from app.versions.rules import PhotoSelection
from app.versions.run_folder import RunFolder, write_snapshot
from app.versions.runs import RunRequest, Runs, get
from tests.app.sending import TAXA, post, row, submit, token_of
from tests.factories import butterfly, encode, photo
from tests.people import make_user, name_organisation
from tests.reviewing import decide, send, taxon


def said(service, token):
    found = row(service, token)
    return found.training, found.photo_licence


def chosen(page):
    """What is ticked and selected in the form."""
    training = "yes" if 'value="yes" aria-describedby="training-hint error-training" checked' in page else "no"
    licence = next(code for code in ("none", *Licence) if f'<option value="{code}" selected>' in page)
    return training, licence


def test_what_is_not_said_is_what_the_organisation_proposes(service):
    assert said(service, submit(service, idempotency_key="1").token) == (True, None)
    name_organisation(service.sessions, training=False, photo_licence=Licence.CC_BY_NC)
    assert chosen(service.client.get("/").text) == ("no", "CC-BY-NC-4.0")
    assert said(service, submit(service, photo(2), idempotency_key="2").token) == (False, Licence.CC_BY_NC)
    own = submit(service, photo(3), idempotency_key="3", training="yes", photo_licence="none").token
    assert said(service, own) == (True, None)


def test_a_choice_is_remembered_shown_and_changed_for_all(service):
    assert chosen(service.client.get("/").text) == ("yes", "none")
    token = token_of(post(service.client, training="no", photo_licence="CC0-1.0"))
    assert said(service, token) == (False, Licence.CC0)
    assert chosen(service.client.get("/").text) == ("no", "CC0-1.0")
    assert "They don’t train the computer." in service.client.get(f"/s/{token}").text
    service.client.post("/mine/training", data={"allowed": "yes"})
    assert said(service, token) == (True, Licence.CC0)
    assert "Yes. Photos that experts" in service.client.get("/mine").text
    service.client.post("/mine/training", data={"allowed": "no"})
    assert said(service, token) == (False, Licence.CC0)
    assert "No, none of them." in service.client.get("/mine").text


def test_programs_say_it_too(lite):
    picture = {"file": ("1.jpg", photo(1), "image/jpeg")}
    data = {"claim": TAXA[0], "training": "no", "photo_licence": "CC-BY-4.0"}
    answer = lite.client.post("/api/v1/submissions", data=data, files=picture)
    assert (answer.status_code, answer.json()["training"], answer.json()["photo_licence"]) == (201, False, "CC-BY-4.0")
    for wrong in ({"training": "maybe"}, {"photo_licence": "MIT"}):
        refused = lite.client.post("/api/v1/submissions", data=data | wrong, files=picture)
        assert [error["field"] for error in refused.json()["errors"]] == list(wrong)
    page = post(lite.client, training="maybe").text
    assert "Please choose one of the answers." in page


def test_a_photo_that_may_not_train_is_in_no_snapshot_and_in_no_folder_of_one(service, tmp_path):
    expert = make_user(service.sessions)
    allowed, refused, copy = (encode(butterfly(seed, (120, 90)), quality=60) for seed in (1, 2, 3))
    for who, (picture, training) in enumerate([(allowed, ""), (refused, "no"), (copy, ""), (copy, "no")]):
        number = send(service, picture, who, training=training)
        decide(service, expert, number, taxon(TAXA[0]))
    with reading(service.sessions) as session:
        [only] = snapshots.verified(session, PhotoSelection())
        assert only.submission_id == 1
    runs = Runs(service.sessions, service.settings, lambda _job_id: True)
    run_id = runs.start(RunRequest(), None)
    with transaction(service.sessions) as session:
        run = get(session, run_id)
        assert [photo_row.photo.submission_id for photo_row in run.snapshot.photos] == [1]
        run.snapshot.photos[0].photo.submission.training = False  # the volunteer changes their mind while it waits
        session.flush()
        run.snapshot.bases = [{"path": "x"}]  # so that something is left to learn from
        folder = RunFolder(tmp_path / "run")
        write_snapshot(session, make_storage(service.settings), run, folder)
    assert json.loads((folder.snapshot / "snapshot.json").read_text())["photos"] == 0


@pytest.mark.parametrize(("licence", "told"), [("CC-BY-4.0", "CC-BY-4.0"), ("none", None)])
def test_the_licence_goes_with_the_record(lite, licence, told):
    submit(lite, photo_licence=licence)
    [record] = occurrences(lite.sessions, Selection(standings=frozenset(Standing)), Shape())
    assert json.loads(record.fields["dynamicProperties"]).get("photoLicence") == told
