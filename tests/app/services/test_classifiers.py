"""Which model version answers: registering, importing, putting into service, and following a switch."""

import json
import shutil
import threading

import pytest
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError

import ml.inference.versions
from app.db import transaction
from app.domain.errors import Conflict, ModelUnavailable, NotFound, Overloaded
from app.models import ModelVersion, Taxon, VernacularName
from app.services import classifiers
from app.services.classifiers import Answer, Classifiers, ModelVersionError, PhotoError
from ml.inference import read_version
from tests.conftest import make_settings
from tests.factories import photo
from tests.versions import BUNDLED, NEVER_IN_SCOPE, make_version, put_into_service


def versions(sessions):
    """Name, version and whether it serves, of every registered version."""
    with sessions() as session:
        rows = session.scalars(select(ModelVersion).order_by(ModelVersion.id))
        return [(row.version, row.active) for row in rows]


def register(sessions):
    with transaction(sessions) as session:
        classifiers.register_bundled(session)


@pytest.fixture
def another(tmp_path):
    """The folder of a version 2.0.0 of the bundled model."""
    return make_version(tmp_path, "2.0.0")


@pytest.fixture
def bundle(tmp_path, monkeypatch):
    """A folder of bundled versions of this test's own."""
    folder = tmp_path / "pretrained"
    folder.mkdir()
    monkeypatch.setattr(ml.inference.versions, "PRETRAINED", folder)
    return folder


BUNDLED_NUMBER = read_version(BUNDLED).version

# --- bundled ---------------------------------------------------------------------------------------------------------


def test_the_bundled_version_serves_from_the_start(service):
    assert versions(service.sessions) == [(BUNDLED_NUMBER, True)]


def test_registering_again_changes_nothing(service):
    register(service.sessions)
    assert versions(service.sessions) == [(BUNDLED_NUMBER, True)]


def test_registering_leaves_another_active_version_in_service(service, another):
    put_into_service(service.sessions, service.settings, another)
    register(service.sessions)
    assert versions(service.sessions) == [(BUNDLED_NUMBER, False), ("2.0.0", True)]


def test_an_upgrade_that_brings_another_bundled_version_puts_it_into_service(lite, another, bundle):
    shutil.copytree(another, bundle / BUNDLED.name)
    register(lite.sessions)
    assert versions(lite.sessions) == [(BUNDLED_NUMBER, False), ("2.0.0", True)]


def test_an_upgrade_that_renames_the_bundled_version_does_so_too(lite, another, bundle):
    shutil.copytree(another, bundle / "another-name")
    register(lite.sessions)
    assert versions(lite.sessions) == [(BUNDLED_NUMBER, False), ("2.0.0", True)]


def test_labels_become_taxa_with_names_and_marks_per_language(service):
    with service.sessions() as session:
        taxa = {taxon.scientific_name: taxon for taxon in session.scalars(select(Taxon))}
        for label in read_version(BUNDLED).labels:
            taxon = taxa[label.scientific_name]
            assert {n.language: n.name for n in taxon.vernacular_names} == dict(label.vernacular_names)
            for language, marks in label.marks.items():
                assert taxon.marks_in(language) == list(marks)
            assert (taxon.taxon_rank, taxon.gbif_key) == (label.taxon_rank, label.gbif_key)


def test_what_people_entered_for_a_taxon_is_never_overwritten(service, another):
    with transaction(service.sessions) as session:
        session.execute(update(VernacularName).where(VernacularName.language == "en").values(name="our own name"))
    put_into_service(service.sessions, service.settings, another)
    with service.sessions() as session:
        names = session.scalars(select(VernacularName.name).where(VernacularName.language == "en"))
        assert set(names) == {"our own name"}


# --- importing -------------------------------------------------------------------------------------------------------


def import_version(service, folder):
    with transaction(service.sessions) as session:
        return classifiers.import_version(session, folder, service.settings)


def test_an_imported_version_lies_in_the_data_folder_and_waits(service, another):
    version = import_version(service, another)
    shutil.rmtree(another)
    assert versions(service.sessions) == [(BUNDLED_NUMBER, True), ("2.0.0", False)]
    assert read_version(classifiers.folder_of(version, service.settings)).version == "2.0.0"


def test_importing_the_same_folder_again_is_no_error(lite, another):
    import_version(lite, another)
    import_version(lite, another)
    assert len(versions(lite.sessions)) == 2


def test_another_content_under_the_same_number_is_refused(lite, another, tmp_path):
    import_version(lite, another)
    with pytest.raises(Conflict, match="versions never change"):
        import_version(lite, make_version(tmp_path / "changed", "2.0.0", **NEVER_IN_SCOPE))


def test_another_content_under_the_number_of_the_bundled_one_is_refused(lite, tmp_path):
    with pytest.raises(Conflict, match="registered already"):
        import_version(lite, make_version(tmp_path, BUNDLED_NUMBER, **NEVER_IN_SCOPE))


@pytest.mark.parametrize("name", ["model.tflite", "saved_model/saved_model.pb"])
def test_a_folder_that_was_changed_after_export_is_refused(lite, another, name):
    with (another / name).open("ab") as file:
        file.write(b"x")
    with pytest.raises(ModelVersionError, match="its hash differs"):
        import_version(lite, another)
    assert versions(lite.sessions) == [(BUNDLED_NUMBER, True)]


@pytest.mark.parametrize("missing", ["model.json", "policy.json", "metrics.json", "model.tflite"])
def test_a_folder_that_is_not_whole_is_refused(lite, another, missing):
    (another / missing).unlink()
    with pytest.raises(ModelVersionError, match=missing):
        import_version(lite, another)


@pytest.mark.parametrize("number", ["../../outside", "1/2", "", " "])
def test_a_number_that_is_no_folder_name_is_refused(lite, another, number):
    manifest = json.loads((another / "model.json").read_text()) | {"version": number, "name": "../up"}
    (another / "model.json").write_text(json.dumps(manifest))
    with pytest.raises(ModelVersionError, match="folder"):
        import_version(lite, another)


# --- in service ------------------------------------------------------------------------------------------------------


def test_exactly_one_version_serves_a_task(service, another):
    put_into_service(service.sessions, service.settings, another)
    assert versions(service.sessions) == [(BUNDLED_NUMBER, False), ("2.0.0", True)]


def test_the_database_itself_refuses_two(service, another):
    import_version(service, another)
    with pytest.raises(IntegrityError), transaction(service.sessions) as session:
        session.execute(update(ModelVersion).values(active=True))


def test_activating_the_one_that_serves_leaves_it_in_service(service):
    with transaction(service.sessions) as session:
        classifiers.activate(session, session.scalars(select(ModelVersion)).one())
    assert versions(service.sessions) == [(BUNDLED_NUMBER, True)]


def test_an_unknown_version_is_not_found(lite):
    with pytest.raises(NotFound), lite.sessions() as session:
        classifiers.find_version(session, "nothing", "0")


def test_a_running_server_follows_a_switch_within_a_second(service, another, monkeypatch):
    serving = service.client.app.state.classifiers
    assert serving.current().info.version == BUNDLED_NUMBER
    put_into_service(service.sessions, service.settings, another)
    assert serving.current().info.version == BUNDLED_NUMBER  # not asked again at once
    monkeypatch.setattr(classifiers, "_RECHECK_SECONDS", 0)
    assert serving.current().info.version == "2.0.0"
    answer = service.client.post("/predict", files=[("file", ("a.jpg", photo()))]).json()
    assert answer["model"]["version"] == "2.0.0"


def test_without_an_active_version_there_is_no_answer(lite):
    with transaction(lite.sessions) as session:
        session.execute(update(ModelVersion).values(active=False))
    with pytest.raises(ModelUnavailable, match="No model version is active"):
        lite.worker.classifiers.current()


def test_a_folder_that_is_gone_is_told(lite, another):
    put_into_service(lite.sessions, lite.settings, another)
    shutil.rmtree(lite.settings.model_dir)
    with pytest.raises(ModelUnavailable, match="is missing"):
        lite.worker.classifiers.current()


def test_a_damaged_folder_is_told(lite, another):
    put_into_service(lite.sessions, lite.settings, another)
    (lite.settings.model_dir / f"{read_version(another).name}-2.0.0" / "policy.json").unlink()
    with pytest.raises(ModelUnavailable, match=r"no policy\.json"):
        lite.worker.classifiers.current()


@pytest.mark.parametrize("damage", ["gone", "damaged"])
def test_what_can_not_be_loaded_never_replaces_what_answers(lite, another, monkeypatch, damage):
    monkeypatch.setattr(classifiers, "_RECHECK_SECONDS", 0)
    serving = lite.worker.classifiers
    assert serving.current().info.version == BUNDLED_NUMBER
    put_into_service(lite.sessions, lite.settings, another)
    if damage == "gone":
        shutil.move(lite.settings.model_dir, lite.settings.model_dir.with_name("elsewhere"))
    else:
        (lite.settings.model_dir / f"{read_version(another).name}-2.0.0" / "policy.json").unlink()
    assert serving.current().info.version == BUNDLED_NUMBER
    assert serving.current().info.version == BUNDLED_NUMBER
    if damage == "gone":
        shutil.move(lite.settings.model_dir.with_name("elsewhere"), lite.settings.model_dir)
        monkeypatch.setattr(classifiers, "_RETRY_SECONDS", 0)
        assert serving.current().info.version == "2.0.0"


def test_while_one_loads_the_new_version_others_are_answered_by_the_present_one(lite, another, monkeypatch):
    monkeypatch.setattr(classifiers, "_RECHECK_SECONDS", 0)
    serving, loading, go_on = lite.worker.classifiers, threading.Event(), threading.Event()
    serving.current()
    put_into_service(lite.sessions, lite.settings, another)
    load = classifiers.load

    def slowly(*arguments):
        loading.set()
        go_on.wait(30)
        return load(*arguments)

    monkeypatch.setattr(classifiers, "load", slowly)
    first = threading.Thread(target=serving.current)
    first.start()
    loading.wait(30)
    assert serving.current().info.version == BUNDLED_NUMBER
    go_on.set()
    first.join(30)
    assert serving.current().info.version == "2.0.0"


def test_the_task_of_the_settings_serves_and_no_other(lite, another, tmp_path):
    manifest = json.loads((another / "model.json").read_text()) | {"task": "another-task"}
    (another / "model.json").write_text(json.dumps(manifest))
    put_into_service(lite.sessions, lite.settings, another)
    assert versions(lite.sessions) == [(BUNDLED_NUMBER, True), ("2.0.0", True)]
    for task, expected in [("", "2.0.0"), ("another-task", "2.0.0"), (read_version(BUNDLED).task, BUNDLED_NUMBER)]:
        serving = Classifiers(lite.sessions, make_settings(lite.settings.data_dir.parent, task=task))
        assert serving.current().info.version == expected
        serving.close()


# --- answers ---------------------------------------------------------------------------------------------------------


def test_a_photo_that_can_not_be_read_stands_in_its_place(lite):
    serving = lite.worker.classifiers
    answers = serving.answer(
        serving.current(), [(lambda: photo(1), None), (lambda: b"x", None), (lambda: photo(2), None)]
    )
    assert [type(answer) for answer in answers] == [Answer, PhotoError, Answer]


def test_a_photo_is_read_only_when_its_turn_comes(lite):
    """Waiting photos take no memory: with two threads no more than two are held at once."""
    settings = make_settings(lite.settings.data_dir.parent, prediction_threads=2)
    serving = Classifiers(lite.sessions, settings)
    held, most, lock = 0, 0, threading.Lock()

    def read():
        nonlocal held, most
        with lock:
            held += 1
            most = max(most, held)
        data = photo(1)
        with lock:
            held -= 1
        return data

    serving.answer(serving.current(), [(read, None)] * 12)
    serving.close()
    assert most <= 2


def test_what_reading_raises_reaches_the_caller_and_frees_the_place(lite):
    serving = lite.worker.classifiers

    def gone():
        raise FileNotFoundError("gone")

    with pytest.raises(FileNotFoundError):
        serving.answer(serving.current(), [(gone, None)])
    assert serving.waiting == 0


def test_a_full_queue_refuses_at_once_and_says_when_to_come_back(lite):
    serving = Classifiers(lite.sessions, make_settings(lite.settings.data_dir.parent, prediction_queue=1))
    served, go_on, arrived = serving.current(), threading.Event(), threading.Event()

    def slow():
        arrived.set()
        go_on.wait(30)
        return photo(1)

    waiting = threading.Thread(target=serving.answer, args=(served, [(slow, None)]))
    waiting.start()
    arrived.wait(30)
    with pytest.raises(Overloaded) as error:
        serving.answer(served, [(lambda: photo(1), None)])
    go_on.set()
    waiting.join(30)
    serving.close()
    assert error.value.retry_after > 0
