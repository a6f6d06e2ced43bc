"""Where photos lie: whole or not at all, and never outside the root."""

import errno
import os

import pytest

from app.storage import LocalStorage


@pytest.fixture
def storage(tmp_path):
    return LocalStorage(tmp_path / "photos")


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


def test_a_file_that_was_cut_short_is_mended(storage):
    storage.put("a", b"bytes")
    (storage.root / "a").write_bytes(b"by")
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
@pytest.mark.parametrize("action", ["get", "delete", "exists"])
def test_a_key_outside_the_root_is_refused(storage, action, key):
    with pytest.raises(ValueError, match="not a storage key"):
        getattr(storage, action)(key)


def test_nothing_is_written_outside_the_root(storage, tmp_path):
    with pytest.raises(ValueError, match="not a storage key"):
        storage.put("../outside", b"x")
    assert not (tmp_path / "outside").exists()


def test_a_link_does_not_lead_outside_either(storage, tmp_path):
    storage.put("a", b"x")
    (tmp_path / "secret").write_text("secret")
    (storage.root / "link").symlink_to(tmp_path / "secret")
    with pytest.raises(ValueError, match="not a storage key"):
        storage.get("link")


@pytest.mark.parametrize("failing", ["fsync", "replace"])
def test_a_write_that_fails_leaves_nothing_behind(storage, monkeypatch, failing):
    def fails(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, failing, fails)
    with pytest.raises(OSError, match="No space left"):
        storage.put("originals/a", b"bytes")
    assert not storage.exists("originals/a")
    assert list((storage.root / "originals").iterdir()) == []


def test_what_is_being_written_is_no_key_yet(storage):
    storage.put("a", b"x")
    (storage.root / ".writing-b").write_bytes(b"half")
    assert list(storage.keys("")) == ["a"]


def test_the_check_passes_where_something_can_be_written(storage):
    storage.check()
    assert list(storage.keys("")) == []


def test_the_check_fails_where_nothing_can_be_written(tmp_path):
    (tmp_path / "photos").write_text("a file where the folder should be")
    with pytest.raises(OSError, match="exists"):
        LocalStorage(tmp_path / "photos").check()
