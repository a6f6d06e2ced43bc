"""Each kind of file gets its status, in bounded time, with nothing of ours in the answer; the document says the same."""

import json
import time
import uuid
from pathlib import Path

import pytest

from tests.conftest import copy_of, make_settings, running
from tests.hostile.catalogue import CASES, SECTIONS, Case
from tests.hostile.table import PAGE, with_tables

SECONDS = 20  # of a machine that does other things as well; each takes under two on its own


@pytest.fixture(scope="module")
def client(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp("hostile")
    with running(make_settings(folder, database_url=copy_of(sqlite_template, folder))) as service:
        yield service.client


@pytest.mark.parametrize("case", CASES, ids=str)
def test_every_file_gets_the_status_that_the_document_says(client, case: Case):
    file = [("file", (case.filename, case.make(), "image/jpeg"))]
    client.cookies.clear()  # somebody else each time, or the same photo again would be a repeat
    begun = time.monotonic()
    predicted = client.post("/predict", files=file)
    sent = client.post(
        "/submissions",
        files=file,
        data={"claim": "unknown", "idempotency_key": uuid.uuid4().hex},
        headers={"Accept": "application/json"},
    )
    assert time.monotonic() - begun < SECONDS
    assert (predicted.status_code, sent.status_code) == case.expected, predicted.text + sent.text
    for answer in (predicted, sent):
        assert "Traceback" not in answer.text
        assert ".py" not in answer.text
        good = answer.status_code < 400
        assert answer.headers["content-type"].split(";")[0] == f"application/{'json' if good else 'problem+json'}"
        assert "set-cookie" not in predicted.headers
    if predicted.status_code == 200:
        [result] = predicted.json()["results"]
        assert all(0 <= p["probability"] <= 1 for p in result["predictions"])
        assert_only_pictures_come_back(client, sent)
    elif sent.status_code == 422:
        assert [mistake["field"] for mistake in sent.json()["errors"]] == ["file"]


def assert_only_pictures_come_back(client, sent) -> None:
    """What is shown is a copy of ours: a JPEG, whatever came."""
    page = client.get(json.loads(sent.text)["url"])
    assert page.status_code == 200
    token = page.url.path.rsplit("/", 1)[-1]
    [photo] = client.get(f"/api/v1/submissions/{token}").json()["photos"]
    assert "/" not in photo["filename"]
    assert "\\" not in photo["filename"]
    copy = client.get(photo["url"])
    assert copy.headers["content-type"] == "image/jpeg"
    assert copy.headers["x-content-type-options"] == "nosniff"
    assert copy.content.startswith(b"\xff\xd8\xff")
    assert b"<script" not in copy.content


def test_names_tell_the_cases_apart():
    assert len({case.name for case in CASES}) == len(CASES) == sum(map(len, SECTIONS.values()))


def test_the_document_is_the_catalogue():
    page = PAGE.read_text(encoding="utf-8")
    assert with_tables(page) == page, "the catalogue was changed: run `python -m tests.hostile.table`"
