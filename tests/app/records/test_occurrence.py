"""Standings, and how exactly a place is told."""

import math
import random

import pytest

from app.organisation.rules import LICENCE_URLS, Licence
from app.records.rules import (
    ACCEPTED,
    NAMED_BY_EXPERTS,
    PUBLISHED,
    STATUSES,
    Place,
    Precision,
    generalised,
    published,
)
from app.submissions.rules import VerificationStatus

ROUNDED = [Precision.HUNDRED_METRES, Precision.KILOMETRE, Precision.TEN_KILOMETRES]
EARTH = 6_371_009


def rounded(latitude, longitude, precision):
    """The place, which must be told."""
    told = generalised(latitude, longitude, precision)
    assert told is not None
    return told


def metres(one, other):
    """Great-circle distance (haversine) between two places in degrees."""
    (a, b), (c, d) = ([math.radians(degrees) for degrees in place] for place in (one, other))
    h = math.sin((c - a) / 2) ** 2 + math.cos(a) * math.cos(c) * math.sin((d - b) / 2) ** 2
    return 2 * EARTH * math.asin(math.sqrt(h))


def test_every_status_has_one_standing_and_words():
    placed = sorted(status for statuses in STATUSES.values() for status in statuses)
    assert placed == sorted(PUBLISHED) == sorted(VerificationStatus)


def test_every_licence_has_its_text():
    assert set(LICENCE_URLS) == set(Licence)


def test_a_place_that_is_kept_rounded_is_never_called_more_exact():
    assert [published(precision, rounded=True) for precision in Precision] == [
        Precision.KILOMETRE,
        Precision.KILOMETRE,
        Precision.KILOMETRE,
        Precision.TEN_KILOMETRES,
        Precision.NONE,
    ]
    assert [published(precision, rounded=False) for precision in Precision] == list(Precision)


@pytest.mark.parametrize("precision", ROUNDED)
def test_the_true_place_lies_within_the_uncertainty(precision):
    luck = random.Random(7)
    for _ in range(500):
        true = luck.uniform(-90, 90), luck.uniform(-180, 180)
        told = rounded(*true, precision)
        assert metres(true, (float(told.latitude), float(told.longitude))) <= (told.uncertainty or 0) + 1


def test_places_are_told_in_steps_of_a_grid():
    assert vars(rounded(52.370216, 4.895168, Precision.KILOMETRE)) == {
        "latitude": "52.37",
        "longitude": "4.90",
        "step": "0.01",
        "uncertainty": 653,
    }
    steps = [rounded(52.370216, 4.895168, precision).step for precision in ROUNDED]
    assert steps == ["0.001", "0.01", "0.1"]


@pytest.mark.parametrize("precision", ROUNDED)
def test_the_whole_cell_is_told_alike(precision):
    step = float(rounded(52.4, 4.9, precision).step or 0)
    places = {
        rounded(52.4 + step * (north - 5) / 10.1, 4.9 + step * (east - 5) / 10.1, precision)
        for north in range(11)
        for east in range(11)
    }
    assert len(places) == 1


def test_an_exact_place_is_told_as_it_was_given():
    told = rounded(52.370216, -4.8, Precision.EXACT)
    assert (told.latitude, told.longitude, told.step, told.uncertainty) == ("52.370216", "-4.8", None, None)
    assert rounded(0.0, -0.0000001, Precision.EXACT).longitude == "0"


def test_a_place_that_is_not_told_is_none():
    assert generalised(52.37, 4.9, Precision.NONE) is None


def test_nothing_is_told_of_a_side_of_zero():
    told = rounded(-0.001, -0.004, Precision.KILOMETRE)
    assert (told.latitude, told.longitude) == ("0.00", "0.00")


HUNDRED, ONE, TEN = ROUNDED
PLACES = [
    # place, precision, latitude and longitude as they are told, step, uncertainty in metres
    # half a step is 55.66 m, 556.6 m, 5,566 m of latitude; of longitude it is the cosine of it, at the cell's widest edge
    (52.370216, 4.895168, HUNDRED, "52.370", "4.895", "0.001", 66),
    (52.370216, 4.895168, ONE, "52.37", "4.90", "0.01", 653),
    (52.370216, 4.895168, TEN, "52.4", "4.9", "0.1", 6523),
    (-52.370216, -4.895168, TEN, "-52.4", "-4.9", "0.1", 6523),
    (0.0, 179.99, TEN, "0.0", "180.0", "0.1", 7872),
    (90.0, 0.0, TEN, "90.0", "0.0", "0.1", 5567),
    (-0.04, -0.04, TEN, "0.0", "0.0", "0.1", 7872),
    (-0.06, -0.06, TEN, "-0.1", "-0.1", "0.1", 7872),
    # as it was given, without zeros at the end
    (52.3702164, -4.8, Precision.EXACT, "52.370216", "-4.8", None, None),
    (50.0, 100.0, Precision.EXACT, "50", "100", None, None),
    (-0.0000004, 0.0000007, Precision.EXACT, "0", "0.000001", None, None),
]


@pytest.mark.parametrize(("north", "east", "precision", "latitude", "longitude", "step", "uncertainty"), PLACES)
def test_how_places_are_told(north, east, precision, latitude, longitude, step, uncertainty):
    assert generalised(north, east, precision) == Place(latitude, longitude, step, uncertainty)


def test_what_is_accepted_and_what_experts_named():
    assert {status for standing in ACCEPTED for status in STATUSES[standing]} == {
        VerificationStatus.V1,
        VerificationStatus.V2,
        VerificationStatus.ACCEPTED_BY_MACHINE,
    }
    assert {status for standing in NAMED_BY_EXPERTS for status in STATUSES[standing]} == {
        VerificationStatus.V1,
        VerificationStatus.V2,
        VerificationStatus.C3,
    }
