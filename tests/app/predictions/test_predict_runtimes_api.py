"""LiteRT serves what the SavedModel says: the two answer alike."""

import pytest

from tests.conftest import copy_of, make_settings, running
from tests.factories import butterfly, encode, photo, wall

PICTURES = [photo(seed) for seed in range(12)] + [encode(wall()), encode(butterfly(1, (2000, 1500)))]


@pytest.fixture(scope="module")
def answers(sqlite_template, tmp_path_factory):
    """Results per runtime for the same photos."""
    found = {}
    for runtime in ("litert", "savedmodel"):
        folder = tmp_path_factory.mktemp(runtime)
        settings = make_settings(folder, database_url=copy_of(sqlite_template, folder), runtime=runtime)
        with running(settings) as service:
            files = [("file", (f"{n}.jpg", data)) for n, data in enumerate(PICTURES)]
            # Where both look at the same square; one that is found may differ by a tenth of a pixel.
            squares = {"square": ["0.1,0.1,0.6,0.8"] * len(files)}
            found[runtime] = service.client.post("/predict", files=files, data=squares).json()["results"]
            found[f"{runtime}, found"] = service.client.post("/predict", files=files).json()["results"]
    return found


def test_both_find_the_same_animals(answers):
    for ours, reference in zip(answers["litert, found"], answers["savedmodel, found"], strict=True):
        assert ours["square_origin"] == reference["square_origin"]
        assert (ours["square"] or {}) == pytest.approx(reference["square"] or {}, abs=0.005)
        assert len(ours["animals"]) == len(reference["animals"])


def test_probabilities_agree_within_a_thousandth(answers):
    for ours, reference in zip(answers["litert"], answers["savedmodel"], strict=True):
        expected = {p["scientific_name"]: p["probability"] for p in reference["predictions"]}
        assert {p["scientific_name"]: p["probability"] for p in ours["predictions"]} == pytest.approx(
            expected, abs=1e-3
        )


def test_in_scope_scores_agree_within_a_thousandth(answers):
    expected = [r["in_scope"] for r in answers["savedmodel"]]
    assert [r["in_scope"] for r in answers["litert"]] == pytest.approx(expected, abs=1e-3)
