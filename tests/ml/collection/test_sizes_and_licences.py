"""Which size is taken, and which licence is which."""

import pytest

from ml.collection.licences import LICENCES, REUSABLE, identifiers, licence_from
from ml.collection.sizes import SIZES, Offer, choose, size_named
from tests.ml.collection.flickr_server import LICENCES as FLICKRS


@pytest.mark.parametrize(
    ("said", "suffix"),
    [
        ("medium-640", "url_z"), ("Medium 640", "url_z"), ("url_z", "url_z"), ("z", "url_z"), ("sq", "url_sq"),
        ("large", "url_l"), ("square", "url_sq"), ("original", "url_o"), ("LARGE_2048", "url_k"),
    ],
)  # fmt: skip
def test_a_size_has_several_names(said, suffix):
    assert size_named(said).suffix == suffix


def test_every_size_is_found_by_its_name_and_by_flickrs():
    assert all(size_named(size.name) is size and size_named(size.suffix) is size for size in SIZES)


def test_an_unknown_size_is_refused_with_the_list():
    with pytest.raises(ValueError, match=r"'huge' is no size; there are square-75 \(url_sq\)"):
        size_named("huge")


@pytest.mark.parametrize(
    ("offered", "wanted", "if_missing", "taken"),
    [
        ("n z l", "medium-640", "exact", "url_z"),
        ("n l", "medium-640", "exact", None),
        ("n l", "medium-640", "skip", None),
        ("n m l h", "medium-640", "larger", "url_l"),
        ("s n m l", "medium-640", "smaller", "url_m"),
        ("n", "medium-640", "larger", None),
        ("l", "medium-640", "smaller", None),
        ("n l", "medium-640", "nearest", "url_l"),
        ("s n", "medium-640", "nearest", "url_n"),
        ("m k", "original", "nearest", "url_k"),
        ("q z", "square-75", "larger", "url_q"),
        ("z l", "square-75", "nearest", None),
        ("sq q o", "thumbnail", "larger", "url_o"),
        ("", "medium-640", "nearest", None),
    ],
)
def test_what_is_taken_of_what_is_offered(offered, wanted, if_missing, taken):
    offers = {
        suffix: Offer(size_named(suffix), "http://x", None, None)
        for suffix in (f"url_{name}" for name in offered.split())
    }
    choice = choose(offers, size_named(wanted), if_missing)
    assert (choice.offer and choice.offer.size.suffix) == taken
    assert (choice.reason is None) == (taken == size_named(wanted).suffix)


TABLE = {identifier: licence_from(identifier, name, url) for identifier, (name, url) in FLICKRS.items()}


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["cc-by"], ["4", "14"]),
        (["cc-by-sa", "cc-by-nc-nd"], ["3", "5", "13", "15"]),
        (["cc0"], ["9"]),
        (["public-domain-mark"], ["10"]),
        (["us-government", "no-known-restrictions"], ["7", "8"]),
        (["all-rights-reserved"], ["0"]),
        (REUSABLE, ["4", "5", "7", "8", "9", "10", "14", "15"]),
    ],
)
def test_a_name_means_every_version_in_flickrs_own_table(names, expected):
    assert identifiers(names, TABLE) == expected


def test_every_name_is_in_flickrs_table():
    assert {licence.name for licence in TABLE.values()} == set(LICENCES)


def test_a_licence_is_told_by_its_text_not_by_its_number():
    licence = licence_from("42", "whatever", "https://creativecommons.org/licenses/by-nc/4.0/deed.nl")
    assert (licence.name, licence.title) == ("cc-by-nc", "CC BY-NC 4.0")


@pytest.mark.parametrize("url", ["", "https://example.org/licence", "javascript:alert(1)"])
def test_a_licence_that_nobody_knows_permits_nothing(url):
    licence = licence_from("42", "New one", url)
    assert (licence.name, licence.title) == (None, "New one")
    assert licence.url in {"", "https://example.org/licence"}


def test_licences_that_flickr_lacks_are_refused():
    with pytest.raises(ValueError, match="cc0"):
        identifiers(["cc0"], {"4": TABLE["4"]})
