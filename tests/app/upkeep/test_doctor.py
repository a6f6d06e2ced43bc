"""What can be wrong with files is found, named, and repaired where that is safe; what is well is left alone."""

from datetime import timedelta

import pytest
from sqlalchemy import update

from app.core.db import transaction, utcnow
from app.submissions import photos
from app.submissions.tables import Photo, Submission
from app.upkeep.doctor import repair
from tests.app.sending import submissions, submit
from tests.app.upkeep.examining import SHA, aged, examined, found, repaired, storage_of
from tests.factories import photo


def test_what_is_well_is_left_alone(screened):
    assert found(screened) == set()
    before = set(storage_of(screened).keys())
    repair(examined(screened))
    assert set(storage_of(screened).keys()) == before


def test_what_people_are_doing_now_is_left_alone(service):
    """A photo before its row, a job that waits, a file half-written."""
    submit(service, photo(1))
    storage_of(service).put(photos.key_of("ab" * 32, "original"), b"before its row")
    (service.settings.photo_dir / "original" / ".writing-x").write_bytes(b"half")
    assert found(service) == set()


# --- files ----------------------------------------------------------------------------------------------------------


def test_files_that_nobody_needs_are_removed(screened):
    key = photos.key_of("ab" * 32, "original")
    storage_of(screened).put(key, b"nobody's")
    aged(screened.settings.photo_dir / key)
    assert found(screened) == {("orphans", key)}
    assert repaired(screened) == set()
    assert not storage_of(screened).exists(key)


def test_a_file_that_nobody_needs_is_kept_for_a_month(screened):
    key = photos.key_of("ab" * 32, "original")
    storage = storage_of(screened)
    storage.put(key, b"nobody's")
    aged(screened.settings.photo_dir / key)
    repair(examined(screened))
    assert storage.get(f"quarantine/{key}") == b"nobody's"
    aged(screened.settings.photo_dir / "quarantine" / key, hours=29 * 24)
    assert found(screened) == set()
    aged(screened.settings.photo_dir / "quarantine" / key, hours=31 * 24)
    assert found(screened) == {("quarantine", f"quarantine/{key}")}
    assert repaired(screened) == set()
    assert not storage.exists(f"quarantine/{key}")


def test_photos_that_are_newer_than_their_database_are_left_alone(screened):
    """As after the restore of an older database beside the photos."""
    storage = storage_of(screened)
    keys = {photos.key_of(f"{number:064x}", "original") for number in range(20)}
    for key in keys:
        storage.put(key, b"sent later")
        aged(screened.settings.photo_dir / key)
    with transaction(screened.sessions) as session:
        session.execute(update(Submission).values(created_at=utcnow() - timedelta(days=30)))
    assert repaired(screened) == {("photos without records", "20 files")}
    assert keys <= set(storage.keys())


def test_files_of_a_withdrawn_photo_are_nobody_s(screened):
    storage = storage_of(screened)
    files = {key: storage.get(key) for key in storage.keys()}
    submissions(screened).withdraw(screened.token)
    for key, data in files.items():
        storage.put(key, data)
        aged(screened.settings.photo_dir / key)
    assert found(screened) == {("orphans", key) for key in files}
    assert repaired(screened) == set()


def test_an_original_whose_time_is_over_is_nobody_s(screened):
    with transaction(screened.sessions) as session:
        session.execute(update(Photo).values(original_removed_at=utcnow()))
    aged(screened.settings.photo_dir / photos.key_of(SHA, "original"))
    assert found(screened) == {("orphans", photos.key_of(SHA, "original"))}
    assert repaired(screened) == set()


def test_a_file_that_is_needed_by_now_stays(lite):
    storage_of(lite).put(photos.key_of(SHA, "original"), photo(1))
    aged(lite.settings.photo_dir / photos.key_of(SHA, "original"))
    examination = examined(lite)
    submit(lite, photo(1))
    repair(examination)
    assert storage_of(lite).exists(photos.key_of(SHA, "original"))


def test_files_of_others_are_said_and_left_alone(screened):
    storage_of(screened).put("holiday/beach.jpg", b"sand")
    aged(screened.settings.photo_dir / "holiday/beach.jpg")
    assert repaired(screened) == {("strange files", "holiday/beach.jpg")}
    assert storage_of(screened).exists("holiday/beach.jpg")


@pytest.mark.parametrize("variant", ["display", "thumb"])
@pytest.mark.parametrize("damage", ["missing", "cut", "zeros"])
def test_copies_are_made_anew(screened, variant, damage):
    key = photos.key_of(SHA, variant)
    path = screened.settings.photo_dir / key
    good = path.read_bytes()
    if damage == "missing":
        path.unlink()
    else:
        path.write_bytes(good[:500] if damage == "cut" else b"\0" * len(good))
    check = "missing files" if damage == "missing" else "damaged files"
    assert found(screened) == {(check, key)}
    assert repaired(screened) == set()
    assert path.read_bytes() == good


@pytest.mark.parametrize("damage", ["missing", "changed"])
def test_an_original_can_only_come_from_a_backup(screened, damage):
    key = photos.key_of(SHA, "original")
    path = screened.settings.photo_dir / key
    if damage == "missing":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:-1] + b"x")
    check = "missing files" if damage == "missing" else "damaged files"
    assert repaired(screened) == {(check, key)}
    [finding] = examined(screened).findings
    assert "backup" in finding.advice


def test_a_copy_is_never_made_from_a_damaged_original(screened):
    path = screened.settings.photo_dir / photos.key_of(SHA, "original")
    path.write_bytes(photo(2))
    storage_of(screened).delete(photos.key_of(SHA, "thumb"))
    examination = examined(screened)
    repair(examination)
    assert len(examination.left) == 2
    assert any("original is damaged" in finding.advice for finding in examination.left)


def test_a_quick_look_does_not_read_the_photos(screened):
    path = screened.settings.photo_dir / photos.key_of(SHA, "original")
    path.write_bytes(b"x")
    assert found(screened, contents=False) == set()
    assert found(screened) != set()


def test_leftovers_are_removed(screened):
    photo_left = screened.settings.photo_dir / "original" / ".writing-abc"
    photo_left.write_bytes(b"half")
    model_left = screened.settings.model_dir / ".importing-browns-2"
    model_left.mkdir(parents=True)
    run_left = screened.settings.data_dir / "runs" / "77"
    (run_left / "snapshot").mkdir(parents=True)
    for path in (photo_left, model_left, run_left):
        aged(path)
    names = {"original/.writing-abc", str(model_left), str(run_left)}
    assert found(screened) == {("leftovers", name) for name in names}
    assert repaired(screened) == set()
    assert not run_left.exists()
    assert not photo_left.exists()
    assert not model_left.exists()
