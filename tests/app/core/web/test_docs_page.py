"""The description for programs: complete, and read without any other host."""

import re

import pytest

from tests.conftest import copy_of, make_settings, running


@pytest.fixture(scope="module")
def client(sqlite_template, tmp_path_factory):
    folder = tmp_path_factory.mktemp("docs")
    with running(make_settings(folder, database_url=copy_of(sqlite_template, folder))) as service:
        yield service.client


@pytest.fixture(scope="module")
def document(client):
    return client.get("/openapi.json").json()


@pytest.fixture(scope="module")
def operations(document):
    return [
        (f"{method.upper()} {path}", operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]


def references(value):
    """Every $ref in the document."""
    if isinstance(value, dict):
        yield from [value["$ref"]] if "$ref" in value else []
        for each in value.values():
            yield from references(each)
    elif isinstance(value, list):
        for each in value:
            yield from references(each)


def test_the_document_names_itself(document):
    assert document["openapi"].startswith("3.")
    assert document["info"]["title"] == "Wingcheck"
    assert document["info"]["description"]


def test_what_programs_use_is_described_and_pages_are_not(operations):
    assert {name for name, _ in operations} >= {
        "POST /predict",
        "POST /api/v1/submissions",
        "GET /api/v1/submissions/{token}",
        "GET /api/v1/taxa",
        "GET /healthz",
        "GET /readyz",
        "GET /metrics",
    }
    assert not [name for name, _ in operations if " /s/" in name or name.endswith(("/mine", " /"))]


def test_every_operation_has_a_summary_and_a_description(operations):
    assert [
        name for name, operation in operations if not (operation.get("summary") and operation.get("description"))
    ] == []


def test_every_operation_has_an_id_of_its_own(operations):
    ids = [operation["operationId"] for _, operation in operations]
    assert len(ids) == len(set(ids))


def test_every_reference_leads_somewhere(document):
    for reference in set(references(document)):
        found = document
        for part in reference.removeprefix("#/").split("/"):
            found = found[part]


def test_every_answer_of_predict_is_described(document):
    predict = document["paths"]["/predict"]["post"]
    assert set(predict["responses"]) >= {"200", "400", "413", "415", "422", "503"}
    assert all(response["description"] for response in predict["responses"].values())
    assert list(predict["requestBody"]["content"]) == ["multipart/form-data"]


def test_errors_are_described_as_problems(document):
    predict = document["paths"]["/predict"]["post"]
    for status in ("400", "413", "415", "422", "503"):
        assert list(predict["responses"][status]["content"]) == ["application/problem+json"]


@pytest.mark.parametrize("schema", ["PhotoResult", "ScoredName", "ModelName", "Problem"])
def test_what_is_answered_is_shown_by_example(document, schema):
    properties = document["components"]["schemas"][schema]["properties"].values()
    assert [p for p in properties if "examples" in p]


def test_the_page_loads_from_our_own_host_alone(client):
    page = client.get("/docs")
    assert page.status_code == 200
    loaded = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert loaded
    assert [link for link in loaded if not link.startswith("/") or link.startswith("//")] == []
    assert "default-src 'self'" in page.headers["content-security-policy"]
    assert "script-src" not in page.headers["content-security-policy"]
