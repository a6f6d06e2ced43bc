"""Over JSON everything that the page does."""

import pytest

from app.review.decisions import Decisions
from app.review.questions import Questions
from ml.inference import read_version
from tests.app.sending import TAXA, row
from tests.desk import it_is, submission_of, waiting
from tests.factories import exif_photo, photo
from tests.people import make_user
from tests.versions import BELIEVES_THE_CLAIM, BUNDLED

KEY = "0b6d0c6e-6a3e-4c4e-9d52-2f6f0f1d9a10"


def send(client, *pictures, headers=None, **fields):
    files = [("file", (f"{n}.jpg", data, "image/jpeg")) for n, data in enumerate(pictures or (photo(1),))]
    return client.post("/api/v1/submissions", data={"claim": TAXA[0]} | fields, files=files, headers=headers or {})


def test_a_submission_is_made_and_described(lite):
    answer = send(
        lite.client, photo(1), photo(2), individual_count="2", place="By the pond", square=["", "0,0,0.5,0.5"]
    )
    assert answer.status_code == 201
    body = answer.json()
    assert answer.headers["location"] == f"/api/v1/submissions/{body['token']}"
    assert body["url"] == f"/s/{body['token']}"
    assert (body["status"], body["verification_status"], body["waiting"]) == ("received", "pending", True)
    assert (body["claimed"], body["first_claim"], body["verdict"]) == (TAXA[0], None, None)
    assert (body["individual_count"], body["place"]) == (2, "By the pond")
    assert [(p["filename"], p["square"]) for p in body["photos"]] == [("0.jpg", None), ("1.jpg", [0, 0, 0.5, 0.5])]


def test_the_verdict_follows(lite, serve):
    serve(**BELIEVES_THE_CLAIM)
    token = send(lite.client).json()["token"]
    lite.work()
    body = lite.client.get(f"/api/v1/submissions/{token}").json()
    assert (body["waiting"], body["status"]) == (False, "screened")
    verdict = body["verdict"]
    assert (verdict["outcome"], verdict["machine_accepted"], verdict["model_version"]) == ("agree", False, "99.0.0")
    assert verdict["reason"]
    [seen] = body["photos"]
    assert {p["scientific_name"] for p in seen["predictions"]} == set(TAXA)
    assert 0 <= seen["in_scope"] <= 1
    assert lite.client.get(seen["url"]).headers["content-type"] == "image/jpeg"


def test_exif_fills_in_what_is_empty_and_says_so(lite):
    body = send(lite.client, exif_photo(1)).json()
    assert (body["event_date"], body["event_date_source"]) == ("2026-07-14", "exif")
    assert (body["latitude"], body["coordinate_source"]) == (pytest.approx(52.37), "exif")


def test_the_answer_follows_accept_language(lite):
    token = send(lite.client).json()["token"]
    lite.work()
    answers = [
        lite.client.get(f"/api/v1/submissions/{token}", headers={"Accept-Language": code}).json()
        for code in ("en", "nl")
    ]
    english, dutch = (answer["verdict"]["reason"] for answer in answers)
    assert english != dutch


# --- once --------------------------------------------------------------------------------------------------------------


def test_the_same_key_and_content_is_the_same_submission(service):
    first = send(service.client, headers={"Idempotency-Key": KEY})
    service.client.cookies.clear()
    again = send(service.client, headers={"Idempotency-Key": KEY})
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json()["token"] == first.json()["token"]


def test_the_same_key_with_another_content_is_a_problem(lite):
    send(lite.client, photo(1), headers={"Idempotency-Key": KEY})
    answer = send(lite.client, photo(2), headers={"Idempotency-Key": KEY})
    assert answer.status_code == 422
    assert answer.json()["type"] == "urn:wingcheck:idempotency-mismatch"


def test_without_a_key_each_is_a_submission_of_its_own(lite):
    assert send(lite.client).json()["token"] != send(lite.client).json()["token"]


@pytest.mark.parametrize("key", ["short", "x" * 101])
def test_a_key_that_could_be_guessed_is_refused(lite, key):
    answer = send(lite.client, headers={"Idempotency-Key": key})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "Idempotency-Key"


# --- refusals ------------------------------------------------------------------------------------------------------------


def test_all_mistakes_are_told_at_once(lite):
    answer = send(lite.client, b"words", claim="Nemo nescitus", individual_count="0", event_date="yesterday")
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert {e["field"] for e in answer.json()["errors"]} == {"file", "claim", "individual_count", "event_date"}


@pytest.mark.parametrize(
    "request_", [{}, {"json": {"claim": "x"}}, {"data": {"claim": "other"}}, {"files": {"file": ("a.jpg", photo(1))}}]
)
def test_a_request_without_photo_or_claim_is_a_problem(lite, request_):
    answer = lite.client.post("/api/v1/submissions", **request_)
    assert answer.status_code in {400, 422}
    assert answer.headers["content-type"] == "application/problem+json"


def test_an_unknown_submission_is_a_problem(lite):
    answer = lite.client.get("/api/v1/submissions/nothing")
    assert answer.status_code == 404
    assert answer.json()["type"] == "urn:wingcheck:not-found"


def test_a_withdrawn_submission_shows_no_photo_and_no_place(lite):
    token = send(lite.client, exif_photo(1), note="mine").json()["token"]
    lite.client.post(f"/s/{token}/withdraw")
    body = lite.client.get(f"/api/v1/submissions/{token}").json()
    assert (body["status"], body["photos"], body["latitude"], body["note"]) == ("withdrawn", [], None, "")


def test_photos_that_can_not_be_stored_are_507_and_nothing_is_kept(lite, monkeypatch):
    from app.core.storage import LocalStorage

    def full(self, key, data):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(LocalStorage, "put", full)
    answer = send(lite.client)
    assert answer.status_code == 507
    assert answer.json()["type"] == "urn:wingcheck:storage-failed"
    assert int(answer.headers["retry-after"]) > 0


# --- taxa ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", ["en", "nl"])
def test_the_species_that_can_be_claimed(lite, language):
    found = lite.client.get("/api/v1/taxa", headers={"Accept-Language": language}).json()
    labels = read_version(BUNDLED).labels
    assert [t["scientific_name"] for t in found] == [label.scientific_name for label in labels]
    assert [t["vernacular_name"] for t in found] == [label.vernacular_names[language] for label in labels]
    assert [t["marks"] for t in found] == [list(label.marks[language]) for label in labels]


def test_the_page_shows_what_was_sent_over_json(lite):
    token = send(lite.client, place="By the pond").json()["token"]
    assert row(lite, token).place == "By the pond"
    assert "By the pond" in lite.client.get(f"/s/{token}").text


def test_a_question_its_answer_and_the_outcome(lite):
    [number] = waiting(lite.sessions)
    anna = make_user(lite.sessions).id
    path = f"/api/v1/submissions/{submission_of(lite.sessions, number).token}"
    Questions(lite.sessions).ask(anna, number, 1, "From below?")
    assert lite.client.get(path).json()["question"]["body"] == "From below?"
    answered = lite.client.post(f"{path}/answer", json={"answer": "It flew away."}).json()
    assert (answered["question"], answered["answered"][0]["answer"]) == (None, "It flew away.")
    assert lite.client.post(f"{path}/answer", json={"answer": "Again"}).status_code == 409
    assert lite.client.post("/api/v1/submissions/nothing/answer", json={"answer": "x"}).status_code == 404
    Decisions(lite.sessions).decide(anna, number, 3, it_is(TAXA[1]))
    told = lite.client.get(path).json()["review"]
    assert (told["scientific_name"], told["verification_status"]) == (TAXA[1], "V1")
    assert [taxon["scientific_name"] for taxon in told["look_for"]] == [TAXA[1], TAXA[0]]


# --- another site -----------------------------------------------------------------------------------------------------

SIBLING = {"Sec-Fetch-Site": "same-site", "Origin": "https://evil.example.org"}


def test_a_page_of_another_site_sends_nothing_whether_or_not_a_volunteer_is_known(lite):
    for _ in range(2):
        assert send(lite.client, headers=SIBLING).status_code == 403
        assert send(lite.client, headers={"Origin": "https://evil.example.org"}).status_code == 403
        lite.client.get("/")
    assert send(lite.client).status_code == 201


def test_a_submission_never_changes_the_address_of_its_volunteer(lite):
    lite.client.get("/")
    for number, address in enumerate(["anna@example.org", "thief@example.org"]):
        token = send(lite.client, photo(number), email=address).json()["token"]
    assert row(lite, token).volunteer.email == "anna@example.org"
