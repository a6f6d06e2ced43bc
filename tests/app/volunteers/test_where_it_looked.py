"""Where a version looked is kept with what it said, and goes with it wherever that goes."""

import io
import json
from dataclasses import astuple

import numpy as np
import pytest
from PIL import Image
from sqlalchemy import select

from app.core.db import reading, transaction
from app.core.storage import make_storage
from app.predictions import registry
from app.predictions.rules import Outcome, Reason, SquareOrigin
from app.predictions.tables import ModelVersion
from app.versions import snapshots
from app.versions.attention import Attention
from app.versions.candidates import Candidates, opinions
from app.versions.rules import PhotoSelection
from app.versions.run_folder import RunFolder, write_snapshot
from app.versions.tables import CandidatePrediction, SnapshotPhoto
from app.volunteers.data import VolunteerData
from ml.inference import Square
from tests.app.sending import TAXA, files, row, submissions, submit
from tests.factories import photo
from tests.finding import RINGLET, UNNAMED, lies_on, meadow
from tests.people import make_user
from tests.reviewing import decide, taxon
from tests.versions import ALWAYS_IN_SCOPE, NEVER_IN_SCOPE, PERHAPS_IN_SCOPE, make_version, put_into_service

HERE, THERE = (0.2, 0.3), (0.75, 0.6)
DRAWN = Square(0.6, 0.5, 0.25, 1 / 3)

pytestmark = pytest.mark.usefixtures("finder")


@pytest.fixture
def serve(service, tmp_path):
    return lambda **policy: put_into_service(service.sessions, service.settings, make_version(tmp_path, **policy))


def screened(service, *pictures, **values):
    token = submit(service, *pictures, **values).token
    service.work()
    return row(service, token)


def only_prediction(kept):
    [[made]] = [each.predictions for each in kept.photos]
    return made


# --- what is kept ----------------------------------------------------------------------------------------------------


def test_an_animal_that_was_found_is_kept_beside_what_a_person_drew(service):
    kept = screened(service, meadow(HERE))
    made = only_prediction(kept)
    assert (made.square_origin, made.searched, made.others) == (SquareOrigin.FOUND, True, [])
    assert lies_on(made.square, HERE)
    assert kept.photos[0].square is None
    assert kept.photos[0].animal == made.square


def test_what_a_person_drew_always_wins(service):
    made = only_prediction(screened(service, photos=files(meadow(HERE), square=DRAWN)))
    assert (made.square_origin, made.square, made.searched) == (SquareOrigin.GIVEN, list(astuple(DRAWN)), False)


def test_a_photo_without_an_animal_says_so(service, serve):
    serve(**NEVER_IN_SCOPE)
    kept = screened(service, meadow())
    made = only_prediction(kept)
    assert (made.square_origin, made.square, made.searched) == (SquareOrigin.MIDDLE, None, True)
    assert (kept.verdict.outcome, kept.verdict.reason) == (Outcome.OUT_OF_SCOPE, Reason.NO_ANIMAL)


def test_further_animals_are_kept_with_what_the_version_says_of_each(service):
    made = only_prediction(screened(service, meadow(HERE, THERE)))
    [other] = made.others
    found = sorted([made.square, other["square"]])
    assert lies_on(found[0], HERE)
    assert lies_on(found[1], THERE)
    assert set(other["probabilities"]) == set(TAXA)
    assert made.opinion.others[0].probabilities == other["probabilities"]


def test_names_for_what_is_out_of_scope_are_kept(service):
    made = only_prediction(screened(service, meadow(HERE)))
    assert made.looks_like == [
        {"scientific_name": name.scientific_name, "probability": name.probability, "vernacular_names": names}
        for name, names in ((RINGLET, {"en": "ringlet", "nl": "koevinkje"}), (UNNAMED, {}))
    ]


def test_what_may_be_a_look_alike_is_left_to_a_person(service, serve):
    serve(**PERHAPS_IN_SCOPE)
    kept = screened(service, meadow(HERE))
    assert (kept.verdict.outcome, kept.verdict.reason) == (Outcome.UNCERTAIN, Reason.PERHAPS_LOOK_ALIKE)
    assert kept.verdict.policy["confident_in_scope_threshold"] == 1.1


# --- where else it goes ----------------------------------------------------------------------------------------------


def ask_candidate(service, folder, kept):
    """The answer of a version that does not serve."""
    with transaction(service.sessions) as session:
        version_id = registry.import_version(session, folder, service.settings).id
    Candidates(service.sessions, make_storage(service.settings), service.worker.classifiers, service.settings).ask(
        version_id, kept.photos
    )
    with reading(service.sessions) as session:
        return session.scalars(select(CandidatePrediction)).one()


def test_what_a_candidate_looked_at_is_kept_too(service, another):
    asked = ask_candidate(service, another, screened(service, meadow(HERE, THERE)))
    assert (asked.square_origin, asked.searched, len(asked.others)) == (SquareOrigin.FOUND, True, 1)
    with reading(service.sessions) as session:
        [opinion] = opinions(session, asked.model_version_id, [asked.photo_id]).values()
    assert [other.in_scope for other in opinion.others] == [asked.others[0]["in_scope"]]


def test_after_a_withdrawal_no_square_is_left_anywhere(service, another):
    kept = screened(service, meadow(HERE, THERE))
    ask_candidate(service, another, kept)
    submissions(service).withdraw(kept.token)
    with reading(service.sessions) as session:
        asked = session.scalars(select(CandidatePrediction)).one()
    for made in (only_prediction(row(service, kept.token)), asked):
        assert (made.square, made.others) == (None, [])
        assert set(made.probabilities) == set(TAXA)


def test_a_volunteer_takes_it_away_with_the_rest(service):
    kept = screened(service, meadow(HERE, THERE))
    entries = dict(VolunteerData(service.sessions, make_storage(service.settings)).entries([kept.volunteer_id]))
    [told] = json.loads(entries["my-data.json"]())["volunteers"][0]["submissions"][0]["photos"]
    [prediction] = told["predictions"]
    made = only_prediction(kept)
    assert (prediction["square"], prediction["square_origin"]) == (made.square, "found")
    assert (prediction["others"], prediction["looks_like"]) == (made.others, made.looks_like)


@pytest.mark.parametrize("square", [None, DRAWN])
def test_a_snapshot_has_the_square_that_was_drawn_or_else_the_one_that_was_found(service, tmp_path, square):
    kept = screened(service, photos=files(meadow(HERE), square=square))
    decide(service, make_user(service.sessions), kept.id, taxon(TAXA[0]))
    with transaction(service.sessions) as session:
        choice = snapshots.choose(session, "a task", PhotoSelection(), [], 0.2)
        snapshot = snapshots.freeze(session, choice)
        run = type("Run", (), {"snapshot_id": snapshot.id, "snapshot": snapshot, "labels": TAXA, "task": "a task"})
        write_snapshot(session, make_storage(service.settings), run, RunFolder(tmp_path))
    line = json.loads((tmp_path / "snapshot" / "photos.jsonl").read_text())
    if square is None:
        assert lies_on(list(line["square"].values()), HERE)
    else:
        assert tuple(line["square"].values()) == astuple(square)
    with transaction(service.sessions) as session:
        assert session.scalars(select(SnapshotPhoto)).one().square == list(line["square"].values())
    submissions(service).withdraw(kept.token)
    with reading(service.sessions) as session:
        assert session.scalars(select(SnapshotPhoto)).one().square is None


def test_where_the_network_looked_lies_over_what_it_looked_at(lite, tmp_path):
    put_into_service(lite.sessions, lite.settings, make_version(tmp_path, **ALWAYS_IN_SCOPE))
    kept = screened(lite, meadow(HERE))
    service: Attention = lite.client.app.state.attention
    reviewer = make_user(lite.sessions)
    name = max(only_prediction(kept).probabilities.items(), key=lambda share: share[1])[0]
    pictures = [service.picture(reviewer.id, kept.photos[0].token, name)]
    with reading(lite.sessions) as session:
        version = session.scalars(select(ModelVersion).where(ModelVersion.active)).one()
    pictures.append(service.of_version(reviewer.id, version.id, kept.photos[0].token, name))
    for picture in pictures:
        with Image.open(io.BytesIO(picture)) as image:
            opaque = np.asarray(image)[..., 3] > 0
        down, across = np.nonzero(opaque)
        x, y, width, height = only_prediction(kept).square
        assert x - 0.01 <= across.min() / opaque.shape[1] <= across.max() / opaque.shape[1] <= x + width + 0.02
        assert y - 0.01 <= down.min() / opaque.shape[0] <= down.max() / opaque.shape[0] <= y + height + 0.02


def test_a_photo_is_asked_where_its_animals_are(lite):
    classifiers = lite.client.app.state.classifiers
    found = classifiers.begin_to_find(classifiers.current(), lambda: meadow(HERE, THERE)).result()
    assert sorted(lies_on(one.square, place) for one in found for place in (HERE, THERE)) == [False, False, True, True]
    damaged = classifiers.begin_to_find(classifiers.current(), lambda: photo(1)[:500]).result()
    assert damaged.kind == "undecodable"
    assert classifiers.line.waiting == 0
