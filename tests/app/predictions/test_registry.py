"""Which model versions there are: registering, importing, and putting into service."""

import json
import shutil

import pytest
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError

import ml.inference.versions
from app.core.db import transaction
from app.core.errors import Conflict, NotFound, WingcheckError
from app.predictions import registry
from app.predictions.inference import ModelVersionError
from app.predictions.tables import ModelVersion
from app.taxa.tables import Taxon, VernacularName
from ml.inference import read_version
from tests.versions import BUNDLED, BUNDLED_NUMBER, NEVER_IN_SCOPE, make_version, put_into_service, registered


def register(sessions):
    with transaction(sessions) as session:
        registry.register_bundled(session)


@pytest.fixture
def bundle(tmp_path, monkeypatch):
    """A folder of bundled versions of this test's own."""
    folder = tmp_path / "pretrained"
    folder.mkdir()
    monkeypatch.setattr(ml.inference.versions, "PRETRAINED", folder)
    return folder


# --- bundled ---------------------------------------------------------------------------------------------------------


def test_without_tensorflow_the_bundled_version_needs_no_files_for_it(bundle, tmp_path, monkeypatch):
    """As in the web image. What LiteRT reads is never left out, and what somebody imports is whole."""
    for_tensorflow = shutil.ignore_patterns("saved_model", "*.keras")
    served = shutil.copytree(BUNDLED, bundle / "a", ignore=for_tensorflow)
    imported = shutil.copytree(BUNDLED, tmp_path / "b", ignore=for_tensorflow)
    monkeypatch.setattr(ml.inference.versions, "find_spec", lambda name: name)
    with pytest.raises(ModelVersionError, match=r"has no .*(saved_model|keras)"):
        read_version(served)
    monkeypatch.setattr(ml.inference.versions, "find_spec", lambda name: None)
    assert read_version(served).has_litert
    with pytest.raises(ModelVersionError, match=r"has no .*(saved_model|keras)"):
        read_version(imported)
    (served / "names" / "model.tflite").unlink()
    with pytest.raises(ModelVersionError, match=r"has no names/model\.tflite"):
        read_version(served)


def test_the_bundled_version_serves_from_the_start(service):
    assert registered(service.sessions) == [(BUNDLED_NUMBER, True)]


def test_registering_again_changes_nothing(service):
    register(service.sessions)
    assert registered(service.sessions) == [(BUNDLED_NUMBER, True)]


def test_registering_leaves_another_active_version_in_service(service, another):
    put_into_service(service.sessions, service.settings, another)
    register(service.sessions)
    assert registered(service.sessions) == [(BUNDLED_NUMBER, False), ("2.0.0", True)]


def test_an_upgrade_that_brings_another_bundled_version_puts_it_into_service(lite, another, bundle):
    shutil.copytree(another, bundle / BUNDLED.name)
    register(lite.sessions)
    assert registered(lite.sessions) == [(BUNDLED_NUMBER, False), ("2.0.0", True)]


def test_an_upgrade_that_renames_the_bundled_version_does_so_too(lite, another, bundle):
    shutil.copytree(another, bundle / "another-name")
    register(lite.sessions)
    assert registered(lite.sessions) == [(BUNDLED_NUMBER, False), ("2.0.0", True)]


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
        return registry.import_version(session, folder, service.settings)


def test_an_imported_version_lies_in_the_data_folder_and_waits(service, another):
    version = import_version(service, another)
    shutil.rmtree(another)
    assert registered(service.sessions) == [(BUNDLED_NUMBER, True), ("2.0.0", False)]
    assert read_version(registry.folder_of(version, service.settings)).version == "2.0.0"


@pytest.mark.parametrize("target", ["/etc/passwd", "manifest.json"])
def test_a_version_with_links_is_refused(lite, another, target):
    """What they lead to would be copied, or read, in the name of the service."""
    (another / "secrets.txt").symlink_to(target)
    with pytest.raises(ModelVersionError, match="is a link"):
        import_version(lite, another)


@pytest.mark.parametrize("location", ["../..", "/etc", "a/../../b"])
def test_a_row_that_leads_elsewhere_is_refused(lite, location):
    version = ModelVersion(task="t", name="browns", version="7", location=location, digest="d", labels=[])
    with pytest.raises(WingcheckError):
        registry.folder_of(version, lite.settings)


def test_importing_the_same_folder_again_is_no_error(lite, another):
    import_version(lite, another)
    import_version(lite, another)
    assert len(registered(lite.sessions)) == 2


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
    assert registered(lite.sessions) == [(BUNDLED_NUMBER, True)]


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
    assert registered(service.sessions) == [(BUNDLED_NUMBER, False), ("2.0.0", True)]


def test_the_database_itself_refuses_two(service, another):
    import_version(service, another)
    with pytest.raises(IntegrityError), transaction(service.sessions) as session:
        session.execute(update(ModelVersion).values(active=True))


def test_activating_the_one_that_serves_leaves_it_in_service(service):
    with transaction(service.sessions) as session:
        registry.activate(session, session.scalars(select(ModelVersion)).one())
    assert registered(service.sessions) == [(BUNDLED_NUMBER, True)]


def test_an_unknown_version_is_not_found(lite):
    with pytest.raises(NotFound), lite.sessions() as session:
        registry.find_version(session, "nothing", "0")
