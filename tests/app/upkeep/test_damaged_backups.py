"""A backup that is not whole, or a place that is not empty: refused with the reason, and never half a restore."""

import errno
import json
import shutil
import subprocess
import tarfile

import pytest

from app.core import migrations
from app.core.db import make_engine, transaction
from app.core.errors import Conflict, WingcheckError
from app.core.storage import make_storage
from app.submissions.tables import Volunteer
from app.upkeep import restore as restoring
from app.upkeep.bags import DamagedBag
from tests.app.upkeep.restoring import assert_empty, into
from tests.conftest import running


@pytest.fixture
def bag(backups, tmp_path):
    """A copy of the folder, to be damaged."""
    return shutil.copytree(backups / "bag", tmp_path / "bag")


# --- damage ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("share", [0.0, 0.001, 0.2, 0.5, 0.9, 0.99, 0.9995])
def test_a_tar_file_that_was_cut_short_is_refused(backups, tmp_path, place, share):
    data = (backups / "b.tar").read_bytes()
    end = data.rstrip(b"\0")  # what follows is only padding
    (tmp_path / "cut.tar").write_bytes(data[: int(len(end) * share)])
    with pytest.raises(DamagedBag):
        into(place, tmp_path / "cut.tar")
    assert_empty(place)


@pytest.mark.parametrize("share", [0.01, 0.1, 0.3, 0.5, 0.7, 0.9, 0.999])
def test_one_changed_byte_in_a_tar_file_is_noticed(backups, tmp_path, place, share):
    data = bytearray((backups / "b.tar").read_bytes())
    with tarfile.open(backups / "b.tar") as tar:  # somewhere in the content of a file, about there
        members = [m for m in tar if m.size]
        member = members[int(len(members) * share)]
    data[member.offset_data + member.size // 2] ^= 1
    (tmp_path / "changed.tar").write_bytes(data)
    with pytest.raises(DamagedBag, match="damaged"):
        into(place, tmp_path / "changed.tar")
    assert_empty(place)


@pytest.mark.parametrize(
    "name",
    ["data/tables/submissions.jsonl", "data/backup.json", "manifest-sha256.txt", "bagit.txt", "a photo", "a model"],
)
@pytest.mark.parametrize("damage", ["changed", "cut", "gone"])
def test_a_damaged_file_is_named(bag, place, name, damage):
    found = {"a photo": "data/photos/display/*/*.jpg", "a model": "data/models/*/model.json"}.get(name, name)
    path = next(bag.glob(found))
    data = path.read_bytes()
    if damage == "gone":
        path.unlink()
    else:
        path.write_bytes(data[:-1] if damage == "cut" else bytes([data[0] ^ 1]) + data[1:])
    with pytest.raises(DamagedBag, match=path.name.replace(".", r"\.")):
        into(place, bag)
    assert_empty(place)


def test_a_backup_that_was_never_finished_is_refused(bag, place):
    (bag / "tagmanifest-sha256.txt").unlink()
    with pytest.raises(DamagedBag, match="never finished"):
        into(place, bag)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 something else", b"\0" * 4096, b"text\n" * 500])
def test_any_other_file_is_no_backup(tmp_path, place, content):
    (tmp_path / "other.tar").write_bytes(content)
    with pytest.raises(DamagedBag):
        into(place, tmp_path / "other.tar")


def test_a_place_without_a_backup_is_said(tmp_path, place):
    with pytest.raises(DamagedBag, match="no backup at"):
        into(place, tmp_path / "nowhere")


def seal(bag):
    """Make the manifests right again, as whoever made the changes on purpose would."""
    for manifest, pattern in (("manifest-sha256.txt", "data/**/*"), ("tagmanifest-sha256.txt", "*.txt")):
        files = [p for p in sorted(bag.glob(pattern)) if p.is_file() and not p.name.startswith("tagmanifest")]
        names = [str(path.relative_to(bag)) for path in files]
        found = subprocess.run(["sha256sum", "--", *names], cwd=bag, capture_output=True, check=True)
        (bag / manifest).write_bytes(found.stdout)


def test_names_that_lead_out_of_the_backup_are_refused(bag, place):
    manifest = bag / "manifest-sha256.txt"
    manifest.write_text(manifest.read_text() + f"{'0' * 64}  data/../../outside\n")
    found = subprocess.run(["sha256sum", manifest.name, "bagit.txt"], cwd=bag, capture_output=True, check=True)
    (bag / "tagmanifest-sha256.txt").write_bytes(found.stdout)
    with pytest.raises(DamagedBag, match="list of files"):
        into(place, bag)


@pytest.mark.parametrize(("field", "value"), [("format", 2), ("revision", "9999")])
def test_a_backup_of_a_newer_wingcheck_is_refused(bag, place, field, value):
    path = bag / "data" / "backup.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {field: value}))
    seal(bag)
    with pytest.raises(WingcheckError, match="newer"):
        into(place, bag)
    assert_empty(place)


def test_a_row_that_the_database_refuses_is_named_and_nothing_is_kept(bag, place):
    path = bag / "data" / "tables" / "submissions.jsonl"
    lines = path.read_text().splitlines()
    lines[6] = json.dumps(json.loads(lines[6]) | {"individual_count": -1})
    path.write_text("\n".join(lines) + "\n")
    seal(bag)
    with pytest.raises(WingcheckError, match=r"submissions with id 7.*count_positive"):
        into(place, bag)
    assert_empty(place)


# --- places that are not empty ----------------------------------------------------------------------------------------


def test_a_database_with_rows_is_refused(backups, place, tmp_path):
    with running(place) as service:
        migrations.upgrade(make_engine(place.database_url))
        with transaction(service.sessions) as session:
            session.add(Volunteer(key="somebody"))
    with pytest.raises(Conflict, match="rows in volunteers"):
        into(place, backups / "b.tar")
    assert list(make_storage(place).keys()) == []


def test_a_storage_with_other_photos_is_refused_and_left_alone(backups, place):
    make_storage(place).put("original/ab/abcdef", b"somebody's")
    with pytest.raises(Conflict, match="original/ab/abcdef"):
        into(place, backups / "b.tar")
    assert list(make_storage(place).keys()) == ["original/ab/abcdef"]


def test_another_model_version_of_that_name_is_refused_and_left_alone(backups, place, source):
    [name] = [folder.name for folder in source.model_dir.iterdir()]
    (place.model_dir / name).mkdir(parents=True)
    (place.model_dir / name / "model.json").write_text("{}")
    with pytest.raises(Conflict, match="another model version"):
        into(place, backups / "b.tar")
    assert (place.model_dir / name / "model.json").read_text() == "{}"


def test_another_schema_without_rows_is_refused(backups, place):
    migrations.upgrade(make_engine(place.database_url), "0001")
    with pytest.raises(Conflict, match="without tables"):
        into(place, backups / "b.tar")


def test_photos_that_are_there_already_stay_when_the_restore_fails(backups, place, source, monkeypatch):
    """The database alone was lost: its photos are not the restore's to remove."""
    shutil.copytree(source.photo_dir, place.photo_dir)
    monkeypatch.setattr(restoring, "fill", lambda *_: (_ for _ in ()).throw(OSError(errno.EIO, "broken")))
    with pytest.raises(OSError, match="broken"):
        into(place, backups / "b.tar")
    assert set(make_storage(place).keys()) == set(make_storage(source).keys())
