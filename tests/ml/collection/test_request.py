"""A wrong parameter is named, before anything is asked of Flickr."""

import json
from datetime import date

import pytest
from pydantic import ValidationError

from ml.collection import CollectRequest, Keyword, RequestError, request_from
from ml.collection.options import manners_from_options, request_from_options
from ml.collection.request_file import read_request_file

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
    ("sort", "prettiest"),
    ("safe_search", 1),
    ("taken_after", "summer"),
    ("taken_after", 2020),
    ("uploaded_before", "2020-13-01"),
    ("bbox", (3.3, 50.7, 7.3)),
    ("bbox", (7.3, 50.7, 3.3, 53.6)),
    ("bbox", (3.3, 50.7, 7.3, 93.6)),
    ("lat", 52.0),
    ("lat", "north"),
    ("lat", float("nan")),
    ("lon", 181.0),
    ("radius", 10.0),
    ("radius", 33.0),
    ("has_geo", "yes"),
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
    assert said.split(":")[0].split(".")[0] in {name, "lat" if name == "lon" else "lon" if name == "lat" else name}
    assert "\n" not in said


@pytest.mark.parametrize(
    "values",
    [
        {"taken_after": "2021-01-02", "taken_before": "2021-01-01"},
        {"uploaded_after": date(2021, 1, 2), "uploaded_before": date(2021, 1, 1)},
    ],
)
def test_dates_the_wrong_way_round_are_named(values):
    with pytest.raises(RequestError, match=f"^{next(iter(values))}: "):
        request_from({"keywords": ["meadow brown"]} | values)


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"bbox": (3.3, 50.7, 7.3, 53.6), "per_page": 300}, "per_page"),
        ({"bbox": (3.3, 50.7, 7.3, 53.6), "lat": 1.0, "lon": 1.0}, "bbox"),
        ({"lat": 1.0, "lon": 1.0, "has_geo": False}, "has_geo"),
    ],
)
def test_parameters_that_contradict_each_other_are_named(values, named):
    with pytest.raises(RequestError, match=f"^{named}: "):
        request_from({"keywords": ["meadow brown"]} | values)


def test_the_class_itself_refuses_too_and_names_the_parameter():
    with pytest.raises(ValidationError, match="maximum"):
        CollectRequest(keywords=(Keyword(text="a", taxon="a"),), maximum="x")


def test_several_mistakes_are_counted():
    with pytest.raises(RequestError, match=r"\(and 1 more\)$"):
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
YAML = (
    "maximum: 5\ntaken_after: 2020-06-01\nbbox: [3.3, 50.7, 7.3, 53.6]\nkeywords:\n  bruin zandoogje: Maniola jurtina\n"
)
JSON = json.dumps(
    {
        "maximum": 5, "taken_after": "2020-06-01", "bbox": [3.3, 50.7, 7.3, 53.6],
        "keywords": {"bruin zandoogje": "Maniola jurtina"},
    }
)  # fmt: skip


@pytest.mark.parametrize(("name", "text"), [("a.toml", TOML), ("a.yaml", YAML), ("a.json", JSON)])
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
        ("a.yaml", "a: [1"),
        ("a.yaml", "- 1"),
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


def test_options_win_over_the_request_file(tmp_path):
    (tmp_path / "a.json").write_text(JSON)
    given = {"maximum": "all", "distance": "off", "bbox": "1,2,3,4", "keywords": ["gatekeeper"], "size": None}
    request = request_from_options(given, tmp_path / "a.json")
    assert (request.maximum, request.distance, request.bbox) == (None, None, (1.0, 2.0, 3.0, 4.0))
    assert [keyword.text for keyword in request.keywords] == ["gatekeeper"]


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({}, "keyword"),
        ({"keywords": ["a"], "maximum": "some"}, "maximum"),
        ({"keywords": ["a"], "distance": "far"}, "distance"),
        ({"keywords": ["a"], "bbox": "1,2,three,4"}, "bbox"),
        ({"keywords": ["a"], "bbox": "1,2"}, "bbox"),
    ],
)
def test_a_wrong_option_is_named(given, named):
    with pytest.raises(RequestError, match=f"^{named}"):
        request_from_options(given, None)


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
        manners_from_options({name: value})
