"""Keep or change: what the page shows and what it does with the answer."""

import pytest
from sqlalchemy import select

from app.core.db import transaction
from app.predictions.rules import ClaimKind, Outcome, Reason
from app.submissions.tables import VerdictRecord
from tests.app.sending import TAXA, row, submissions
from tests.desk import submission_of, task_of, waiting
from tests.factories import photo
from tests.versions import BELIEVES_THE_CLAIM, BELIEVES_THE_MODEL

ASKS = "Would you look again?"


@pytest.fixture
def contradicted(lite, serve, screened):
    """A submission whose claim the model contradicts: the claimed taxon, the one it sees, and the token."""
    serve(**BELIEVES_THE_MODEL)
    [seen] = lite.client.post("/predict", files=[("file", ("a.jpg", photo(1)))]).json()["results"]
    top, other = (p["scientific_name"] for p in seen["predictions"])
    return other, top, screened(claimed_name=other).token


def answer(lite, token, claim, **headers):
    return lite.client.post(f"/s/{token}/claim", data={"claim": claim}, headers=headers, follow_redirects=False)


def test_where_the_model_disagrees_both_species_are_shown(lite, contradicted):
    claimed, seen, token = contradicted
    html = lite.client.get(f"/s/{token}").text
    assert ASKS in html
    for value in (claimed, seen, "other", "unknown"):
        assert f'name="claim" value="{value}"' in html


def test_keeping_is_noted_and_not_asked_again(lite, contradicted):
    claimed, _, token = contradicted
    assert "Please take a second look." in lite.client.get(f"/s/{token}").text
    address = answer(lite, token, claimed).headers["location"]
    assert address == f"/s/{token}?looked=1"
    html = lite.client.get(address).text
    assert ASKS not in html
    assert "Please take a second look." not in html
    assert html.count("Thank you for looking again.") == 2  # at the top, and before what happens next
    assert "You took a second look and kept your answer" in html
    assert len(row(lite, token).claims) == 1


def test_changing_is_screened_again_and_both_answers_are_shown(lite, contradicted):
    claimed, seen, token = contradicted
    assert answer(lite, token, seen).status_code == 303
    assert "hx-get" in lite.client.get(f"/s/{token}").text
    lite.work()
    html = lite.client.get(f"/s/{token}").text
    assert ASKS not in html
    assert "You took a second look and changed your answer" in html
    kept = row(lite, token)
    assert [claim.taxon.scientific_name for claim in kept.claims] == [claimed, seen]


@pytest.mark.parametrize("claim", ["other", "unknown"])
def test_another_species_and_not_knowing_are_answers_here_too(lite, contradicted, claim):
    *_, token = contradicted
    answer(lite, token, claim)
    assert row(lite, token).claim.kind is ClaimKind(claim)


def test_another_species_is_asked_for_its_name(lite, contradicted):
    *_, token = contradicted
    assert 'name="claim_text"' in lite.client.get(f"/s/{token}").text
    lite.client.post(f"/s/{token}/claim", data={"claim": "other", "claim_text": " small heath "})
    assert (row(lite, token).claim.kind, row(lite, token).claim.verbatim) == (ClaimKind.OTHER, "small heath")
    lite.work()
    assert "small heath" in lite.client.get(f"/s/{token}").text.lower()


def test_whoever_does_not_know_is_told_what_the_computer_thinks(lite, serve, screened):
    serve(**BELIEVES_THE_MODEL)
    html = lite.client.get(f"/s/{screened(claim_kind=ClaimKind.UNKNOWN).token}").text
    headline = html.split('class="verdict__headline"')[1].split("</h1>")[0]
    assert "The computer thinks: " in headline
    assert "What to look for" in html
    assert "hard to identify" not in html


def test_are_there_two_butterflies(lite):
    [number] = waiting(lite.sessions, outcome=Outcome.UNCERTAIN)
    with transaction(lite.sessions) as session:
        session.scalars(select(VerdictRecord)).one().reason = Reason.PHOTOS_CONTRADICT
    token, revision = submission_of(lite.sessions, number).token, task_of(lite.sessions, number).revision
    question = "Are there two butterflies?"
    assert question in lite.client.get(f"/s/{token}").text
    for _ in range(2):
        said = lite.client.post(f"/s/{token}/butterflies", data={"two": "true"})
    assert "The expert will see your answer" in said.text
    assert question not in said.text
    assert [line.event for line in submission_of(lite.sessions, number).log] == ["two_butterflies"]
    task = task_of(lite.sessions, number)
    assert (task.last_event, task.revision) == ("two_butterflies", revision + 1)
    submissions(lite).withdraw(token)
    assert lite.client.post(f"/s/{token}/butterflies", data={"two": "false"}).status_code == 409
    assert "Deleted." in lite.client.get(f"/s/{token}").text


def test_where_the_model_agrees_nothing_is_asked(lite, serve, screened):
    serve(**BELIEVES_THE_CLAIM)
    assert ASKS not in lite.client.get(f"/s/{screened().token}").text


def test_another_species_that_the_model_knows_is_asked_about_too(lite, serve, screened):
    serve(**BELIEVES_THE_CLAIM)
    assert ASKS in lite.client.get(f"/s/{screened(claim_kind=ClaimKind.OTHER).token}").text


def test_a_second_look_with_a_square_shows_that_part(lite, serve, screened):
    from ml.inference import Square
    from tests.app.sending import files

    serve(**BELIEVES_THE_CLAIM)
    token = screened(claim_kind=ClaimKind.OTHER, photos=files(photo(1), square=Square(0.25, 0.25, 0.5, 0.5))).token
    assert 'viewBox="100.0 75.0 200.0 150.0"' in lite.client.get(f"/s/{token}").text


def test_an_agreed_claim_can_not_be_changed_later(lite, serve, screened):
    serve(**BELIEVES_THE_CLAIM)
    refused = answer(lite, screened().token, TAXA[1])
    assert refused.status_code == 409
    assert "This is no longer possible" in refused.text


def test_a_species_that_nobody_knows_is_refused_with_a_page(lite, contradicted):
    *_, token = contradicted
    refused = answer(lite, token, "Nemo nescitus")
    assert refused.status_code == 422
    assert refused.headers["content-type"].startswith("text/html")
    assert len(row(lite, token).claims) == 1


def test_another_site_can_not_answer(lite, contradicted):
    claimed, _, token = contradicted
    assert answer(lite, token, claimed, **{"Sec-Fetch-Site": "cross-site"}).status_code == 403
    assert row(lite, token).claim.confirmed_at is None
