"""What only a folder can get wrong: half-written files, links, places outside, a full disk."""

import errno
import os

import pytest

from app.core.storage import LocalStorage


@pytest.fixture
def storage(tmp_path):
    return LocalStorage(tmp_path / "photos")


def test_a_file_that_was_cut_short_is_mended(storage):
    storage.put("a", b"bytes")
    (storage.root / "a").write_bytes(b"by")
    storage.put("a", b"bytes")
    assert storage.get("a") == b"bytes"


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


def test_the_check_fails_where_nothing_can_be_written(tmp_path):
    (tmp_path / "photos").write_text("a file where the folder should be")
    with pytest.raises(OSError, match="exists"):
        LocalStorage(tmp_path / "photos").check()


def test_what_was_never_finished_is_found_and_can_be_removed(storage):
    storage.put("original/a", b"x")
    (storage.root / "original" / ".writing-b").write_bytes(b"half")
    [left] = storage.leftovers()
    assert left.key == "original/.writing-b"
    storage.delete(left.key)
    assert list(storage.leftovers()) == []
