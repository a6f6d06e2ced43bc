"""Collected photos in a backup and after it."""

from app.collecting.tables import Collection
from app.core.db import make_engine, transaction
from app.core.storage import make_storage
from app.core.tables import Job, JobKind
from app.upkeep.backup import back_up
from app.upkeep.restore import restore
from tests.conftest import make_settings


def test_a_backup_has_the_photos_and_the_data_sets_but_nothing_half_written(lite, tmp_path):
    folder = lite.settings.data_dir / "collections" / "abc"
    whole = {"photos/maniola_jurtina/1.jpg": b"one", "photos.jsonl": b"{}\n", "data-set-1/labels.csv": b"path\n"}
    passing = {
        "photos/.arrived/2": b"half",
        "photos/collection.db": b"x",
        "photos/collection.db-wal": b"x",
        "log.txt": b"",
    }
    for name, data in (whole | passing).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    _add_row(lite)
    back_up(lite.settings, make_engine(lite.settings.database_url), make_storage(lite.settings), tmp_path / "b.tar")
    place = make_settings(tmp_path / "new")
    restore(place, make_engine(place.database_url), make_storage(place), tmp_path / "b.tar")
    here = place.data_dir / "collections" / "abc"
    found = {path.relative_to(here).as_posix(): path.read_bytes() for path in here.rglob("*") if path.is_file()}
    assert found == whole


def _add_row(service):
    with transaction(service.sessions) as session:
        job = Job(kind=JobKind.COLLECTION, subject_id=1)
        session.add(job)
        session.flush()
        session.add(Collection(job_id=job.id, folder="abc", keywords=[], licences=[], size="small-240", wanted=1))
