"""Until an expert has decided, a volunteer puts right what was told, and adds photos to an answer. The log says what changed."""

import html
import re
from datetime import date

import pytest
from sqlalchemy import func, select

from app.core.errors import Conflict, InvalidSubmission
from app.core.tables import Job
from app.predictions.rules import ClaimKind, Outcome
from app.review.decisions import Decisions
from app.review.item import load
from app.review.questions import Questions
from app.submissions.form import RecordFields
from app.submissions.rules import Source, SubmissionStatus, VerificationStatus
from app.volunteers.corrections import Corrections
from tests.app.sending import TAXA, files, post, row, submissions, submit, token_of
from tests.app.volunteers.test_submitting_twice import at_the_same_moment
from tests.desk import it_is, submission_of, task_of, waiting
from tests.factories import exif_photo, photo
from tests.people import make_user
from tests.versions import BELIEVES_THE_CLAIM

CLAIM = {"claim": TAXA[0]}


def correct(service, token, **fields):
    send = service.client.app.state.send_message
    Corrections(service.sessions, send).correct(token, RecordFields(**fields))


def jobs(service):
    with service.sessions() as session:
        return session.scalar(select(func.count()).select_from(Job))


def changes(service, token):
    return [line.changes for line in row(service, token).log if line.changes]


def test_what_is_given_changes_and_the_rest_stays(service):
    token = submit(service, exif_photo(1), place="Here", note="Old").token
    correct(service, token, individual_count="3", event_date="2026-07-20", note="New")
    kept = row(service, token)
    assert (kept.individual_count, kept.note, kept.place) == (3, "New", "Here")
    assert (kept.event_date, kept.event_date_source) == (date(2026, 7, 20), Source.TYPED)
    assert changes(service, token) == [
        {"individual_count": [1, 3], "note": ["Old", "New"], "event_date": ["2026-07-14", "2026-07-20"]}
    ]
    assert jobs(service) == 1  # nothing of it matters to the model
    correct(service, token, individual_count="3", event_date="2026-07-20", note="New")  # once more: nothing changes
    assert len(changes(service, token)) == 1


def test_an_emptied_day_and_place_are_gone_and_what_was_read_in_the_photo_is_still_that(lite):
    token = submit(lite, exif_photo(1)).token
    correct(lite, token, event_date="", latitude="52.37", longitude="4.9")
    kept = row(lite, token)
    assert (kept.event_date, kept.event_date_source, kept.coordinate_source) == (None, Source.MISSING, Source.EXIF)
    correct(lite, token, latitude="", longitude="")
    kept = row(lite, token)
    assert (kept.latitude, kept.longitude, kept.coordinate_source) == (None, None, Source.MISSING)
    assert changes(lite, token)[-1] == {"coordinates": ["52.37000, 4.90000", None]}
    submissions(lite).withdraw(token)
    assert changes(lite, token) == []  # the place goes with the rest


def test_another_claim_is_judged_anew(lite, serve):
    serve(**BELIEVES_THE_CLAIM)
    token = submit(lite).token
    lite.work()
    before = row(lite, token)
    assert before.verdict.outcome is Outcome.AGREE
    correct(lite, token, claim="unknown")
    assert row(lite, token).verdict is None
    lite.work()
    kept = row(lite, token)
    assert [claim.kind for claim in kept.claims] == [ClaimKind.TAXON, ClaimKind.UNKNOWN]
    assert (kept.claim.informed, kept.status) == (True, SubmissionStatus.FLAGGED)
    assert kept.verdict.reason == "no_claim"
    assert changes(lite, token) == [{"claim": [TAXA[0], "unknown"]}]


def test_what_the_machine_accepted_is_not_accepted_under_another_claim(lite):
    [number] = waiting(lite.sessions, accepted=True, outcome=Outcome.AGREE)
    token = submission_of(lite.sessions, number).token
    correct(lite, token, claim="other", claim_text="small heath")
    kept = row(lite, token)
    assert (kept.status, kept.verification_status) == (SubmissionStatus.FLAGGED, VerificationStatus.PENDING)
    assert task_of(lite.sessions, number).last_event == "corrected"


def test_a_decision_on_the_old_record_is_refused_and_a_correction_after_a_decision_too(service):
    anna = make_user(service.sessions).id
    [number] = waiting(service.sessions)
    token = submission_of(service.sessions, number).token
    revision = task_of(service.sessions, number).revision

    def decide():
        Decisions(service.sessions).decide(anna, number, revision, it_is())

    results = at_the_same_moment(decide, lambda: correct(service, token, individual_count="7"))
    assert [isinstance(result, Conflict) for result in results].count(True) == 1
    if submission_of(service.sessions, number).individual_count == 7:
        revision = task_of(service.sessions, number).revision
        decide()
    with pytest.raises(Conflict):
        correct(service, token, individual_count="8")


def test_mistakes_change_nothing(lite):
    token = submit(lite).token
    with pytest.raises(InvalidSubmission) as error:
        correct(lite, token, individual_count="0", latitude="52", claim="Nemo nescitus", note="x")
    assert {mistake.code for mistake in error.value.errors} == {"count_range", "coordinates_half", "claim_unknown"}
    assert (row(lite, token).note, changes(lite, token)) == ("", [])


def test_the_form_shows_the_record_and_what_was_changed(lite):
    token = token_of(
        post(lite.client, exif_photo(1), place="At my sister’s", latitude="52.1", longitude="5.2", note="Two\nlines")
    )
    page = html.unescape(lite.client.get(f"/s/{token}/correct").text)
    assert f'value="{TAXA[0]}" required checked' in page
    shown = dict(re.findall(r'name="(\w+)"[^>]*? value="([^"]*)"', page))
    assert (shown["event_date"], shown["event_date_source"], shown["place"]) == ("2026-07-14", "exif", "At my sister’s")
    assert (shown["latitude"], shown["longitude"]) == ("52.1", "5.2")
    assert ">Two\nlines</textarea>" in page
    sent = {
        name: shown[name] for name in ("event_date", "event_date_source", "latitude", "longitude", "coordinate_source")
    }
    sent |= CLAIM | {"individual_count": "0", "place": "", "note": "Two\r\nlines"}
    wrong = lite.client.post(f"/s/{token}/correct", data=sent)
    assert (wrong.status_code, wrong.text.count('data-mistake="individual_count"')) == (422, 1)
    done = lite.client.post(f"/s/{token}/correct", data=sent | {"individual_count": "2"}, follow_redirects=False)
    assert (done.status_code, done.headers["location"]) == (303, f"/s/{token}?corrected=1")
    lite.work()
    history = " ".join(re.sub(r"<[^>]+>", " ", html.unescape(lite.client.get(f"/s/{token}").text)).split())
    assert "You corrected your record How many: 1 → 2 Where: At my sister’s → nothing" in history
    assert row(lite, token).event_date_source is Source.EXIF


def test_a_program_corrects_with_patch_and_reviewers_see_it(lite):
    anna = make_user(lite.sessions).id
    [number] = waiting(lite.sessions, day=date(2026, 7, 1))
    token = submission_of(lite.sessions, number).token
    address = f"/api/v1/submissions/{token}"
    body = lite.client.patch(address, json={"event_date": "2026-07-02", "individual_count": 4}).json()
    assert (body["event_date"], body["event_date_source"], body["individual_count"]) == ("2026-07-02", "typed", 4)
    with lite.sessions() as session:
        item = load(session, anna, number)
    assert item.log[-1].changes == {"individual_count": [1, 4], "event_date": ["2026-07-01", "2026-07-02"]}
    assert lite.client.patch(address, json={"individual_count": 0}).status_code == 422
    assert lite.client.patch(address, json=[1]).status_code == 400
    Decisions(lite.sessions).decide(anna, number, task_of(lite.sessions, number).revision, it_is())
    assert lite.client.patch(address, json={"individual_count": 5}).status_code == 409
    assert lite.client.get(f"/s/{token}/correct", follow_redirects=False).status_code == 303
    late = lite.client.post(f"/s/{token}/correct", data={"individual_count": "5"})
    assert (late.status_code, "An expert has decided in the meantime" in late.text) == (409, True)


@pytest.fixture
def asked(lite, serve):
    """The token of a submission that was screened and asked about."""
    serve(**BELIEVES_THE_CLAIM)
    anna = make_user(lite.sessions).id
    token = submit(lite, photo(1)).token
    lite.work()
    found = row(lite, token)
    Questions(lite.sessions).ask(anna, found.id, task_of(lite.sessions, found.id).revision, "From below?")
    return token


def test_a_question_is_answered_with_photos(lite, asked):
    sent = [("file", (f"{n}.jpg", photo(n), "image/jpeg")) for n in (1, 2)]  # the first is there already
    for _ in range(2):
        answer = lite.client.post(f"/s/{asked}/answer", data={"body": ""}, files=sent, follow_redirects=False)
        assert answer.status_code == 303
    assert row(lite, asked).verdict is None
    lite.work()
    kept = row(lite, asked)
    assert [(p.position, p.filename, len(p.predictions)) for p in kept.photos] == [(0, "0.jpg", 1), (1, "2.jpg", 1)]
    assert kept.verification_status is VerificationStatus.A
    assert kept.verdict.square_changes == 1  # of both photos
    assert changes(lite, asked) == [{"photos": [1, 2]}]
    page = lite.client.get(f"/s/{asked}").text
    assert "You sent photos." in page


def test_a_refused_answer_keeps_its_words_and_names_its_photos(lite, asked):
    sent = [("file", (name, data, "image/jpeg")) for name, data in (("a.jpg", photo(3)), ("notes.jpg", b"Dear diary"))]
    answer = lite.client.post(f"/s/{asked}/answer", data={"body": "From above"}, files=sent)
    text = html.unescape(answer.text)
    assert (answer.status_code, ">From above</textarea>" in text) == (422, True)
    assert "We can’t open this file." in text
    assert "a.jpg" in text.split("choose your photos again")[1]
    assert len(row(lite, asked).photos) == 1
    with pytest.raises(InvalidSubmission):
        submissions(lite).answer(asked, "Here they are", files(*[photo(n) for n in range(10, 18)]))
    assert lite.client.post(f"/s/{asked}/answer", data={"body": " "}).status_code == 422
