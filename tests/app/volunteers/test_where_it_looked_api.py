"""Programs and reviewers are told where the model looked, and may draw a square themselves."""

import pytest

from app.core.db import reading, transaction
from app.review import item, settings
from app.review.tables import ReviewerPreference
from app.taxa.tables import Taxon, VernacularName
from tests.app.sending import TAXA, submit
from tests.factories import photo
from tests.finding import lies_on, meadow
from tests.people import signed_in
from tests.versions import BELIEVES_THE_CLAIM, NEVER_IN_SCOPE

HERE, THERE = (0.2, 0.3), (0.75, 0.6)
DRAWN = "0.65,0.45,0.225,0.3"
RINGLET = {"scientific_name": "Aphantopus hyperantus", "vernacular_name": "ringlet", "probability": 0.75}
UNNAMED = {"scientific_name": "Genus ignotus", "vernacular_name": "Genus ignotus", "probability": 0.125}

pytestmark = pytest.mark.usefixtures("finder")


def predict(lite, data, language="en", **fields):
    sent = {"files": [("file", ("a.jpg", data, "image/jpeg"))], "data": fields}
    [result] = lite.client.post("/predict", **sent, headers={"Accept-Language": language}).json()["results"]
    return result


def shown(lite, kept, **headers):
    return lite.client.get(f"/api/v1/submissions/{kept.token}", headers=headers).json()


# --- /predict --------------------------------------------------------------------------------------------------------


def test_predict_finds_the_animal_and_says_where(lite):
    result = predict(lite, meadow(HERE))
    assert lies_on(list(result["square"].values()), HERE)
    assert (result["square_origin"], result["searched"], result["animals"]) == ("found", True, [])


def test_predict_tells_each_of_two_animals(lite):
    result = predict(lite, meadow(HERE, THERE))
    [other] = result["animals"]
    assert list(other) == ["square", "predictions", "decision", "in_scope"]
    assert {lies_on(list(one["square"].values()), HERE) for one in (result, other)} == {True, False}
    assert sorted(p["scientific_name"] for p in other["predictions"]) == sorted(TAXA)


def test_predict_says_that_it_found_none(lite):
    result = predict(lite, meadow())
    assert (result["square"], result["square_origin"], result["searched"]) == (None, "middle", True)


def test_predict_looks_where_it_is_told(lite):
    result = predict(lite, meadow(HERE), square=DRAWN)
    assert (result["square_origin"], result["searched"]) == ("given", False)
    assert list(result["square"].values()) == [0.65, 0.45, 0.225, 0.3]


def test_predict_has_names_for_other_species_in_the_language(lite):
    assert predict(lite, meadow(HERE))["looks_like"] == [RINGLET, UNNAMED]
    dutch = predict(lite, meadow(HERE), "nl")["looks_like"]
    assert [name["vernacular_name"] for name in dutch] == ["koevinkje", "Genus ignotus"]


def test_the_names_of_the_list_of_taxa_come_first(lite):
    with transaction(lite.sessions) as session:
        names = [VernacularName(language="en", name="the ringlet of our list")]
        session.add(Taxon(scientific_name="Aphantopus hyperantus", vernacular_names=names))
    assert predict(lite, meadow(HERE))["looks_like"][0]["vernacular_name"] == "the ringlet of our list"
    assert predict(lite, meadow(HERE), "nl")["looks_like"][0]["vernacular_name"] == "koevinkje"


# --- submissions -----------------------------------------------------------------------------------------------------


def test_a_submission_tells_where_the_model_looked_and_what_else_is_there(lite, serve, screened):
    serve(**BELIEVES_THE_CLAIM)
    [told] = shown(lite, screened(meadow(HERE, THERE)))["photos"]
    assert (told["square"], told["square_origin"], told["searched"]) == (None, "found", True)
    [other] = told["animals"]
    assert {lies_on(one, HERE) for one in (told["looked_at"], other["square"])} == {True, False}
    assert {p["scientific_name"] for p in other["predictions"]} == set(TAXA)


def test_before_the_verdict_nothing_is_said_of_it(lite):
    kept = submit(lite, meadow(HERE))
    [told] = shown(lite, kept)["photos"]
    assert (told["looked_at"], told["square_origin"], told["searched"]) == (None, None, False)


def test_what_is_out_of_scope_has_other_names_and_no_probabilities_of_the_models_own(lite, serve, screened):
    serve(**NEVER_IN_SCOPE)
    body = shown(lite, kept := screened(meadow(HERE, THERE)))
    assert [p["predictions"] for p in (body["photos"][0], body["photos"][0]["animals"][0])] == [[], []]
    assert body["verdict"]["looks_like"] == [RINGLET, UNNAMED]
    assert body["verdict"]["reason"].endswith("but more like ringlet.")
    dutch = shown(lite, kept, **{"Accept-Language": "nl"})["verdict"]["reason"]
    assert dutch.endswith("maar meer op koevinkje.")


def test_what_is_in_scope_has_no_other_names(lite, serve, screened):
    serve(**BELIEVES_THE_CLAIM)
    assert shown(lite, screened(meadow(HERE)))["verdict"]["looks_like"] == []


def test_no_animal_is_said_plainly(lite, serve, screened):
    serve(**NEVER_IN_SCOPE)
    verdict = shown(lite, screened(meadow()))["verdict"]
    assert (verdict["outcome"], verdict["reason"]) == (
        "out_of_scope",
        "The computer could not find a butterfly here.",
    )


def test_a_square_is_drawn_moved_and_taken_away_afterwards(lite, serve, screened):
    serve(**BELIEVES_THE_CLAIM)
    kept = screened(meadow(HERE))
    path = f"/api/v1/submissions/{kept.token}/photos/1/square"
    body = lite.client.put(path, json={"square": DRAWN}).json()
    assert (body["waiting"], body["photos"][0]["square"]) == (True, [0.65, 0.45, 0.225, 0.3])
    assert body["photos"][0]["predictions"] == []
    lite.work()
    [told] = shown(lite, kept)["photos"]
    assert (told["looked_at"], told["square_origin"]) == ([0.65, 0.45, 0.225, 0.3], "given")
    assert lite.client.put(path, json={"square": ""}).json()["waiting"] is True
    lite.work()
    body = shown(lite, kept)
    assert (body["waiting"], body["photos"][0]["square"], body["photos"][0]["square_origin"]) == (False, None, "found")


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("{token}/photos/2/square", {"square": DRAWN}, 404),
        ("nothing/photos/1/square", {"square": DRAWN}, 404),
        ("{token}/photos/0/square", {"square": DRAWN}, 400),
        ("{token}/photos/1/square", {"square": "1,1,1,1"}, 422),
        ("{token}/photos/1/square", {"square": [0, 0, 1, 1]}, 400),
        ("{token}/photos/1/square", {}, 400),
    ],
)
def test_what_is_no_square_of_a_photo_is_refused(lite, screened, path, body, status):
    kept = screened(photo(1))
    answer = lite.client.put("/api/v1/submissions/" + path.format(token=kept.token), json=body)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")


def test_what_was_withdrawn_keeps_no_square(lite, screened):
    kept = screened(photo(1))
    lite.client.post(f"/s/{kept.token}/withdraw")
    answer = lite.client.put(f"/api/v1/submissions/{kept.token}/photos/1/square", json={"square": DRAWN})
    assert answer.status_code == 409


# --- the review desk -------------------------------------------------------------------------------------------------


def seen_by(lite, user_id, number):
    with reading(lite.sessions) as session:
        return item.load(session, user_id, number)


def test_a_reviewer_sees_it_and_draws(lite, serve, screened):
    serve(**NEVER_IN_SCOPE)
    kept, anna = screened(meadow(HERE, THERE)), signed_in(lite)
    found = seen_by(lite, anna.user.id, kept.id)
    [told] = found.photos
    assert (told.square_origin, told.searched, len(told.others), told.predictions) == ("found", True, 1, {})
    assert [name["scientific_name"] for name in found.looks_like] == [
        RINGLET["scientific_name"],
        UNNAMED["scientific_name"],
    ]

    def draw(number, revision, square):
        path = f"/review/{kept.id}/photos/{number}/square"
        form = {"revision": str(revision), "square": square}
        return anna.post(path, data=form, headers={"Accept": "application/json"})

    revision = found.state.revision
    assert draw(1, revision, DRAWN).status_code == 204
    assert seen_by(lite, anna.user.id, kept.id).state.revision == revision + 1
    lite.work()
    [told] = seen_by(lite, anna.user.id, kept.id).photos
    assert (told.square, told.looked_at, told.square_origin) == (*[[0.65, 0.45, 0.225, 0.3]] * 2, "given")
    old = draw(1, revision, "")
    assert old.status_code == 409
    assert draw(2, revision + 2, "").status_code == 404
    assert draw(1, revision + 2, "1,1,1,1").status_code == 422


def test_of_a_blind_item_only_where_the_animal_is_is_told(lite, serve, screened):
    serve(**NEVER_IN_SCOPE)
    kept, anna = screened(meadow(HERE, THERE)), signed_in(lite)
    settings.save_preferences(lite.sessions, ReviewerPreference(user_id=anna.user.id, blind=True))
    found = seen_by(lite, anna.user.id, kept.id)
    [told] = found.photos
    assert lies_on(told.looked_at, HERE) or lies_on(told.looked_at, THERE)
    assert (told.searched, told.others, told.predictions, found.looks_like) == (False, [], {}, [])


def test_where_the_network_looked(lite, screened):
    anna, path = signed_in(lite), f"/review/photos/{screened().photos[0].token}/attention.png"
    answer = anna.get(path)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/png")
    assert answer.headers["cache-control"] == "private, no-cache"
    assert anna.get("/review/photos/nothing/attention.png").status_code == 404
    assert anna.get(f"{path}?taxon=Nemo").status_code == 404
