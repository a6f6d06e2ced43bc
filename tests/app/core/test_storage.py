"""Where photos lie, in a folder and in a bucket alike: whole or not at all, and never outside the root."""

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from app.core.storage import make_storage
from tests.conftest import make_settings
from tests.s3 import make_bucket, s3_server, s3_settings


@pytest.fixture(scope="module")
def s3_url() -> Iterator[str]:
    with s3_server() as url:
        yield url


@pytest.fixture(params=["folder", "s3", "s3 under a prefix"])
def storage(request, tmp_path):
    if request.param == "folder":
        return make_storage(make_settings(tmp_path))
    url, bucket = request.getfixturevalue("s3_url"), f"photos-{uuid.uuid4().hex}"
    make_bucket(url, bucket)
    prefix = {"s3_prefix": "/wingcheck/2026/"} if "prefix" in request.param else {}
    return make_storage(make_settings(tmp_path, **s3_settings(url, bucket), **prefix))


def test_what_was_put_is_got(storage):
    storage.put("originals/ab/abcd", b"bytes")
    assert storage.exists("originals/ab/abcd")
    assert storage.get("originals/ab/abcd") == b"bytes"


def test_what_is_missing_is_an_error_of_its_own(storage):
    assert not storage.exists("a")
    with pytest.raises(FileNotFoundError):
        storage.get("a")


def test_putting_again_is_harmless(storage):
    storage.put("a", b"bytes")
    storage.put("a", b"bytes")
    assert storage.get("a") == b"bytes"


def test_deleting_twice_is_no_error(storage):
    storage.put("a", b"bytes")
    storage.delete("a")
    storage.delete("a")
    assert not storage.exists("a")


def test_keys_are_listed_by_their_beginning(storage):
    for key in ("originals/1", "originals/2", "display/1"):
        storage.put(key, b"x")
    assert sorted(storage.keys("originals/")) == ["originals/1", "originals/2"]


def test_an_empty_storage_lists_nothing(storage):
    assert list(storage.keys("")) == []


@pytest.mark.parametrize("key", ["../outside", "/etc/passwd", "a/../../outside", "", ".", "a/.."])
@pytest.mark.parametrize("action", ["get", "delete", "exists", "put"])
def test_a_key_outside_the_root_is_refused(storage, action, key):
    with pytest.raises(ValueError, match="not a storage key"):
        getattr(storage, action)(key, *([b"x"] if action == "put" else []))


def test_the_check_passes_where_something_can_be_written(storage):
    storage.check()
    assert list(storage.keys("")) == []


def test_files_tell_their_size_and_when_they_were_written(storage):
    storage.put("original/1", b"bytes")
    [file] = storage.files("original/")
    assert (file.key, file.size) == ("original/1", 5)
    assert abs(datetime.now(UTC) - file.modified_at) < timedelta(minutes=1)


def test_a_longer_version_replaces_what_was_cut_short(storage):
    storage.put("a", b"by")
    storage.put("a", b"bytes")
    assert storage.get("a") == b"bytes"


def test_large_files_and_names_with_spaces_come_back(storage):
    data = bytes(range(256)) * 40_000
    storage.put("original/ä b+c", data)
    assert storage.get("original/ä b+c") == data
    assert list(storage.keys()) == ["original/ä b+c"]


def test_more_files_than_one_page_are_all_listed(storage, monkeypatch):
    monkeypatch.setattr("app.core.storage.s3.PAGE", 3)
    for n in range(8):
        storage.put(f"thumb/{n}", b"x")
    assert sorted(storage.keys("thumb/")) == [f"thumb/{n}" for n in range(8)]


def test_nothing_is_left_over_after_writing(storage):
    storage.put("a", b"x")
    assert list(storage.leftovers()) == []
