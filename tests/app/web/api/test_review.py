"""The review desk for programs: the same services and rules as its pages."""

import pytest

from app.domain.accounts import Role, Scope
from app.domain.review import TaskState
from tests.app.sending import TAXA
from tests.desk import submission_of, task_of, waiting
from tests.people import signed_in, with_key

API = "/api/v1/review"


@pytest.fixture
def anna(lite):
    return signed_in(lite)


@pytest.fixture
def ben(lite):
    return signed_in(lite)


@pytest.fixture
def chief(lite):
    return signed_in(lite, Role.COORDINATOR)


def decide(browser, number, revision=1, **values):
    body = {"kind": "taxon", "scientific_name": TAXA[1], "revision": revision} | values
    return browser.post(f"{API}/items/{number}/decisions", json=body)


def test_an_evening_of_a_program(lite):
    waiting(lite.sessions, 2)
    program = with_key(lite, Role.REVIEWER, Scope.REVIEW_READ, Scope.REVIEW_WRITE)
    item = program.post(f"{API}/next").json()
    assert (item["hold"], item["reason"], item["claimed"]["scientific_name"]) == ("mine", "disagree", TAXA[0])
    assert item["photos"][0]["predictions"][TAXA[1]] == 0.9
    assert program.post(f"{API}/ahead", params={"current": item["submission_id"]}).json()["submission_ids"]
    done = decide(program, item["submission_id"], item["revision"], seconds=3.5, remark="two pupils")
    assert done.status_code == 201
    assert done.json()["settled"]["code"] == "V1"
    undone = program.post(f"{API}/decisions/{done.json()['identification_id']}/undo")
    assert (undone.status_code, undone.json()["settled"]) == (200, None)
    said = program.get(f"{API}/items/{item['submission_id']}").json()["identifications"]
    assert [(row["kind"], row["undone"], row["seconds"]) for row in said] == [
        ("taxon", True, 3.5),
        ("undo", False, None),
    ]


def test_when_nothing_is_left_there_is_no_content(anna):
    assert anna.post(f"{API}/next").status_code == 204


def test_a_stale_decision_is_a_problem_that_tells_what_happened(lite, anna, ben):
    [number] = waiting(lite.sessions)
    decide(anna, number)
    refused = decide(ben, number)
    assert refused.status_code == 409
    assert refused.headers["content-type"] == "application/problem+json"
    problem = refused.json()
    assert (problem["type"], problem["revision"]) == ("urn:wingcheck:stale", 2)
    assert [(told["what"], told["user_name"], told["code"]) for told in problem["happened"]] == [
        ("taxon", anna.user.name, "V1")
    ]


MISTAKES = [
    ({"scientific_name": "Nemo nescitus"}, 422),
    ({"kind": "undo"}, 400),
    ({"code": "R4"}, 400),
    ({"revision": "1"}, 400),
    ({"revision": True}, 400),
    ({"seconds": -1}, 400),
    ({"claim_shown": "yes"}, 400),
]


@pytest.mark.parametrize(("values", "status"), MISTAKES)
def test_a_decision_that_can_not_be_is_refused(lite, anna, values, status):
    [number] = waiting(lite.sessions)
    assert decide(anna, number, **values).status_code == status
    assert task_of(lite.sessions, number).state is TaskState.OPEN


def test_the_queue_is_filtered_counted_and_turned_over(lite, anna):
    numbers = waiting(lite.sessions, 3, place="Utrecht")
    waiting(lite.sessions, claimed=TAXA[1])
    wanted = {"claimed": TAXA[0], "place": "utr", "limit": 2}
    first = anna.get(f"{API}/queue", params=wanted).json()
    assert ([line["submission_id"] for line in first["items"]], first["count"]) == (numbers[:2], 3)
    second = anna.get(f"{API}/queue", params=wanted | {"after": first["next"]}).json()
    assert ([line["submission_id"] for line in second["items"]], second["next"]) == (numbers[2:], None)
    assert anna.get(f"{API}/queue/counts").json()["claimed"] == {"none": 0, TAXA[0]: 3, TAXA[1]: 1}


@pytest.mark.parametrize("query", ["from=0", "from=2026-7-1", "after=x", "reviewer=0", "reason=x", f"text={'x' * 101}"])
def test_a_filter_that_can_not_be_read_is_refused(anna, query):
    assert anna.get(f"{API}/queue?{query}").status_code == 400


def test_saved_filters(anna, ben):
    made = anna.post(f"{API}/filters", params={"place": "Utrecht"}, json={"name": "Near"})
    assert (made.status_code, made.json()["query"]) == (201, "place=Utrecht")
    path = f"{API}/filters/{made.json()['id']}"
    assert ben.patch(path, json={"name": "Mine"}).status_code == 404
    assert anna.patch(path, json={"name": "Here"}).status_code == 204
    assert [f["name"] for f in anna.get(f"{API}/filters").json()] == ["Here"]
    assert anna.delete(path).status_code == 204
    assert anna.get(f"{API}/filters").json() == []


def test_leases_skips_and_remarks(lite, anna, ben):
    one, other = waiting(lite.sessions, 2)
    assert anna.post(f"{API}/items/{one}/open").json()["hold"] == "mine"
    seen = ben.post(f"{API}/items/{one}/open").json()
    assert (seen["hold"], seen["holder_name"]) == ("others", anna.user.name)
    assert anna.post(f"{API}/items/{one}/skip").status_code == 204
    assert anna.post(f"{API}/next").json()["submission_id"] == other
    assert anna.post(f"{API}/items/{other}/release").status_code == 204
    assert anna.post(f"{API}/items/{one}/comments", json={"remark": "see the wing"}).status_code == 201
    assert anna.post(f"{API}/items/4711/open").status_code == 404


def test_a_batch_and_its_undo(lite, anna):
    numbers = waiting(lite.sessions, 4)
    assert [pair["open"] for pair in anna.get(f"{API}/pairs").json()] == [4]
    grid = anna.post(f"{API}/grid", json={"claimed": TAXA[0], "predicted": TAXA[1]}).json()
    body = {
        "kind": "unable",
        "items": [{"submission_id": line["submission_id"], "revision": line["revision"]} for line in grid],
        "exceptions": [numbers[0]],
    }
    done = anna.post(f"{API}/batches", json=body)
    assert (done.status_code, done.json()["decided"]) == (201, 3)
    undone = anna.post(f"{API}/batches/{done.json()['batch_id']}/undo").json()
    assert undone["decided"] == 3
    assert [task_of(lite.sessions, n).state.value for n in numbers] == ["open"] * 4


def test_a_question_its_answer_and_the_outcome(lite, anna):
    [number] = waiting(lite.sessions)
    token = submission_of(lite.sessions, number).token
    asked = anna.post(f"{API}/items/{number}/questions", json={"revision": 1, "body": "From below?"})
    assert asked.status_code == 201
    path = f"/api/v1/submissions/{token}"
    assert lite.client.get(path).json()["question"]["body"] == "From below?"
    answered = lite.client.post(f"{path}/answer", json={"answer": "It flew away."}).json()
    assert (answered["question"], answered["answered"][0]["answer"]) == (None, "It flew away.")
    assert lite.client.post(f"{path}/answer", json={"answer": "Again"}).status_code == 409
    assert lite.client.post("/api/v1/submissions/nothing/answer", json={"answer": "x"}).status_code == 404
    assert anna.post(f"{API}/next").json()["questions"][0]["answer"] == "It flew away."
    decide(anna, number, 3)
    told = lite.client.get(path).json()["review"]
    assert (told["scientific_name"], told["verification_status"]) == (TAXA[1], "V1")
    assert [taxon["scientific_name"] for taxon in told["look_for"]] == [TAXA[1], TAXA[0]]


def test_templates(anna):
    made = anna.post(f"{API}/templates", json={"body": "From below?", "language": "en", "scientific_name": TAXA[0]})
    assert made.status_code == 201
    path = f"{API}/templates/{made.json()['id']}"
    assert anna.put(path, json={"body": "Van onderen?", "language": "nl"}).json()["taxon"] is None
    assert anna.put(f"{API}/templates/4711", json={"body": "x", "language": "nl"}).status_code == 404
    assert anna.post(f"{API}/templates", json={"body": "x", "language": "tlh"}).status_code == 400
    assert anna.delete(path).status_code == 204
    assert anna.get(f"{API}/templates").json() == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (TAXA[0].lower(), TAXA[:1]),
        ("p t", [TAXA[1]]),
        ("bruin zand", ["Maniola jurtina"]),
        ("gatek", ["Pyronia tithonus"]),
        ("urtina", []),
        (" ", []),
    ],
)
def test_species_by_the_beginning_of_a_name(anna, text, found):
    assert [taxon["scientific_name"] for taxon in anna.get(f"{API}/taxa", params={"q": text}).json()] == found


def test_a_coordinator_turns_acceptance_on(lite, chief):
    path = f"{API}/acceptance/{TAXA[0]}"
    assert chief.get(f"{path}/preview", params={"wanted_error": 0.05}).json()["passed"] == 0
    assert chief.put(path, json={"accepts": True, "wanted_error": 0.02}).status_code == 204
    listed = {one["taxon"]["scientific_name"]: one for one in chief.get(f"{API}/acceptance").json()}
    assert (listed[TAXA[0]]["accepts"], listed[TAXA[0]]["wanted_error"]) == (True, 0.02)
    assert listed[TAXA[1]]["accepts"] is False
    assert chief.put(f"{API}/acceptance/Nemo", json={"accepts": True}).status_code == 404
    assert chief.post(f"{path}/lift", json={}).status_code == 404


def test_settings_rules_and_preferences(anna, chief):
    wanted = anna.get(f"{API}/settings").json() | {"lease_minutes": 5}
    assert chief.put(f"{API}/settings", json=wanted).status_code == 200
    assert anna.get(f"{API}/settings").json()["lease_minutes"] == 5
    assert chief.put(f"{API}/rules/{TAXA[0]}", json={"rule": "two_agree"}).status_code == 204
    assert [one["rule"] for one in anna.get(f"{API}/rules").json()] == ["two_agree"]
    assert chief.put(f"{API}/rules/{TAXA[0]}", json={"rule": None}).status_code == 204
    assert anna.get(f"{API}/rules").json() == []
    assert anna.put(f"{API}/preferences", json={"blind": True}).json() == {"blind": True}
    assert chief.get(f"{API}/preferences").json() == {"blind": False}


def test_the_figures(lite, anna):
    [number] = waiting(lite.sessions)
    decide(anna, number, seconds=6)
    found = anna.get(f"{API}/figures").json()
    assert (found["today"]["decisions"], found["today"]["per_minute"]) == (1, 10.0)
    assert found["reviewers"][0]["name"] == anna.user.name


def test_where_the_network_looked(lite, anna, screened):
    row = screened()
    for path in (f"{API}/photos", "/review/photos"):
        answer = anna.get(f"{path}/{row.photos[0].token}/attention.png")
        assert (answer.status_code, answer.headers["content-type"]) == (200, "image/png")
    assert anna.get(f"{API}/photos/nothing/attention.png").status_code == 404
    assert anna.get(f"{API}/photos/{row.photos[0].token}/attention.png?taxon=Nemo").status_code == 404
