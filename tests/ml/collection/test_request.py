"""A wrong parameter is named, before anything is asked of Flickr."""

import json
from datetime import date

import pytest
from pydantic import ValidationError

from ml.collection.errors import RequestError
from ml.collection.request import CollectRequest, Keyword, Manners, checked, read_request_file, request_from

WRONG = [
    ("keywords", []),
    ("keywords", 7),
    ("keywords", [""]),
    ("keywords", ["meadow brown="]),
    ("keywords", ["meadow brown=???"]),
    ("keywords", ["x" * 201]),
    ("keywords", ["a=b", "A=c"]),
    ("keywords", [{"text": "a"}]),
    ("size", "enormous"),
    ("size", 640),
    ("if_missing", "whatever"),
    ("licences", []),
    ("licences", ["gpl"]),
    ("licences", [4]),
    ("licences", 4),
    ("maximum", 0),
    ("maximum", "many"),
    ("maximum", 2.5),
    ("maximum", True),
    ("per_page", 501),
    ("per_page", "50"),
    ("taken_after", "summer"),
    ("taken_after", 2020),
    ("bbox", (3.3, 50.7, 7.3)),
    ("bbox", (7.3, 50.7, 3.3, 53.6)),
    ("bbox", (3.3, 50.7, 7.3, 93.6)),
    ("bbox", ["1", "2", "three", "4"]),
    ("taken_after", "2020-13-01"),
    ("distance", "far"),
    ("sort", "relevance"),
    ("min_side", 0),
    ("min_side", "big"),
    ("distance", 65),
    ("distance", -1),
    ("colour", "brown"),
]


@pytest.mark.parametrize(("name", "value"), WRONG, ids=[f"{name}={value!r:.20}" for name, value in WRONG])
def test_a_wrong_parameter_is_named(name, value):
    values = {"keywords": ["meadow brown"], name: value}
    with pytest.raises(RequestError) as caught:
        request_from(values)
    said = str(caught.value)
    assert said.split(":")[0].split(".")[0] == name
    assert "\n" not in said


def test_dates_the_wrong_way_round_are_named():
    with pytest.raises(RequestError, match=r"^taken_after: "):
        request_from({"keywords": ["meadow brown"], "taken_after": "2021-01-02", "taken_before": "2021-01-01"})


def test_the_class_itself_refuses_too_and_names_the_parameter():
    with pytest.raises(ValidationError, match="maximum"):
        CollectRequest(keywords=(Keyword(text="a", taxon="a"),), maximum="x")


def test_every_mistake_is_named():
    with pytest.raises(RequestError, match=r"^size: .*; per_page: "):
        request_from({"keywords": ["a"], "size": "enormous", "per_page": 0})


def test_keywords_are_mapped_to_taxa_and_taxa_to_folders():
    request = request_from(
        {"keywords": ["Maniola  jurtina", " bruin zandoogje = Maniola jurtina ", "Île=Ähre ölandica"]}
    )
    assert [(keyword.text, keyword.taxon, keyword.label) for keyword in request.keywords] == [
        ("Maniola jurtina", "Maniola jurtina", "maniola_jurtina"),
        ("bruin zandoogje", "Maniola jurtina", "maniola_jurtina"),
        ("Île", "Ähre ölandica", "ahre_olandica"),
    ]


def test_a_taxon_can_not_lead_out_of_the_folder():
    keyword = request_from({"keywords": ["a=../../etc/passwd"]}).keywords[0]
    assert keyword.label == "etc_passwd"


TOML = 'maximum = 5\ntaken_after = 2020-06-01\nbbox = [3.3, 50.7, 7.3, 53.6]\n[keywords]\n"bruin zandoogje" = "Maniola jurtina"\n'
JSON = json.dumps(
    {
        "maximum": 5, "taken_after": "2020-06-01", "bbox": [3.3, 50.7, 7.3, 53.6],
        "keywords": {"bruin zandoogje": "Maniola jurtina"},
    }
)  # fmt: skip


@pytest.mark.parametrize(("name", "text"), [("a.toml", TOML), ("a.json", JSON)])
def test_a_request_file_reads_the_same_in_every_form(tmp_path, name, text):
    (tmp_path / name).write_text(text, encoding="utf-8")
    request = request_from(read_request_file(tmp_path / name))
    assert request.maximum == 5
    assert request.taken_after == date(2020, 6, 1)
    assert request.bbox == (3.3, 50.7, 7.3, 53.6)
    assert request.keywords == (Keyword(text="bruin zandoogje", taxon="Maniola jurtina"),)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.toml", "= 1"),
        ("a.json", "{"),
        ("a.yaml", "maximum: 5"),
        ("a.txt", "maximum = 5"),
        ("a.json", "3"),
    ],
)
def test_a_request_file_that_is_none_is_refused(tmp_path, name, text):
    (tmp_path / name).write_text(text)
    with pytest.raises(RequestError, match=r"^request: "):
        read_request_file(tmp_path / name)


def test_a_request_file_that_is_missing_is_refused(tmp_path):
    with pytest.raises(RequestError, match="can't be read"):
        read_request_file(tmp_path / "none.toml")


def test_words_for_no_limit():
    request = request_from({"keywords": ["gatekeeper"], "maximum": "all", "distance": "off"})
    assert (request.maximum, request.distance) == (None, None)
    assert request_from({"keywords": ["gatekeeper"], "maximum": "7"}).maximum == 7


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("rate", 0.0),
        ("workers", 0),
        ("workers", 17),
        ("timeout", -1.0),
        ("attempts", 0),
        ("api_url", "ftp://x"),
        ("backoff", 0.0),
    ],
)
def test_wrong_manners_are_named(name, value):
    with pytest.raises(RequestError, match=f"^{name}: "):
        checked(Manners, {name: value})
