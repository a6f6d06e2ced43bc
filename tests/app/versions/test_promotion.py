"""Promoting past the gate or against it, going back, and what is kept of it all."""

import json
import threading

import pytest
from sqlalchemy import select

from app.accounts.tables import AuditEntry
from app.core.db import reading, transaction
from app.core.errors import Conflict, ModelUnavailable, NotFound
from app.predictions import registry
from app.predictions.tables import ActivationKind, ModelActivation, ModelVersion
from app.versions import promotion
from app.versions.promotion import GateClosed, Promotion
from tests.versions import BUNDLED, make_version

REASON = "The new one is needed for the field day."

SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def promoting(service):
    """Limits that hold on any machine; the same figures twice pass with this margin."""
    service.settings.gate_margin = 0.05
    service.settings.gate_max_milliseconds = 10_000
    return Promotion(service.sessions, service.settings)


@pytest.fixture
def register(service, tmp_path):
    """Register the bundled network under another number, with other figures."""

    def add(number, **species):
        folder = make_version(tmp_path, number)
        metrics = json.loads((folder / "metrics.json").read_text())
        metrics["species"] |= species
        (folder / "metrics.json").write_text(json.dumps(metrics))
        with transaction(service.sessions) as session:
            return registry.import_version(session, folder, service.settings).id

    return add


def serving(service):
    with reading(service.sessions) as session:
        return session.scalars(select(ModelVersion.version).where(ModelVersion.active)).one()


def story(service):
    with reading(service.sessions) as session:
        rows = promotion.history(session)
        return [(row.kind.value, row.model_version.version, row.replaced and row.replaced.version) for row in rows]


BUNDLED_NUMBER = json.loads((BUNDLED / "model.json").read_text())["version"]
WORSE = {"value": 0.5, "low": 0.4, "high": 0.6, "photos": 355}


def test_what_passes_the_gate_serves_and_history_and_log_say_so(service, promoting, register):
    done = promoting.promote(register("2.0.0"), None)
    assert serving(service) == "2.0.0"
    assert story(service) == [("promoted", "2.0.0", BUNDLED_NUMBER), ("installed", BUNDLED_NUMBER, None)]
    assert done.gate["passed"]
    assert {check["name"] for check in done.gate["checks"]} == {"labels", "accuracy", "calibration", "size", "latency"}
    with reading(service.sessions) as session:
        entry = session.scalars(select(AuditEntry)).one()
        assert (entry.action, entry.user_id) == ("model.promoted", None)
        assert entry.details["version"].endswith("2.0.0")


@SQLITE
def test_the_gate_refuses_and_nothing_changes(service, promoting, register):
    with pytest.raises(GateClosed, match="Accuracy differs by -0") as closed:
        promoting.promote(register("2.0.0", accuracy=WORSE), None)
    assert not closed.value.report.passed
    assert serving(service) == BUNDLED_NUMBER
    assert len(story(service)) == 1


@SQLITE
def test_an_overruling_takes_a_reason_and_keeps_it(service, promoting, register):
    worse = register("2.0.0", accuracy=WORSE)
    for nothing in ("", "   ", "because"):
        with pytest.raises(Conflict, match="reason"):
            promoting.promote(worse, None, overrule=nothing)
    done = promoting.promote(worse, None, overrule=f" {REASON} ")
    assert (done.kind, done.reason, done.gate["passed"]) == (ActivationKind.OVERRULED, REASON, False)
    assert serving(service) == "2.0.0"


@SQLITE
def test_a_reason_against_a_gate_that_lets_pass_is_no_overruling(promoting, register):
    assert promoting.promote(register("2.0.0"), None, overrule=REASON).kind is ActivationKind.PROMOTED


def test_back_to_what_served_last_and_to_any_version_that_served(service, promoting, register):
    first, second = register("2.0.0"), register("3.0.0")
    promoting.promote(first, None)
    promoting.promote(second, None)
    assert promoting.roll_back(None, None, "It was slow.").model_version_id == first
    assert serving(service) == "2.0.0"
    assert promoting.roll_back(second, None).model_version_id == second
    with reading(service.sessions) as session:
        bundled = registry.find_version(
            session, json.loads((BUNDLED / "model.json").read_text())["name"], BUNDLED_NUMBER
        )
    promoting.roll_back(bundled.id, None)
    assert serving(service) == BUNDLED_NUMBER
    assert [kind for kind, _, _ in story(service)][:3] == ["rolled_back"] * 3


@SQLITE
def test_no_way_back_to_what_never_served(promoting, register):
    with pytest.raises(Conflict, match="never served"):
        promoting.roll_back(register("2.0.0"), None)
    with pytest.raises(NotFound, match="No other version"):
        promoting.roll_back(None, None)
    with pytest.raises(NotFound):
        promoting.roll_back(999, None)


@SQLITE
def test_what_serves_already_is_not_promoted_again(promoting, register):
    version = register("2.0.0")
    promoting.promote(version, None)
    with pytest.raises(Conflict, match="serves already"):
        promoting.promote(version, None)


@SQLITE
def test_a_version_that_can_not_be_loaded_never_serves(service, promoting, register):
    version = register("2.0.0")
    with reading(service.sessions) as session:
        folder = registry.folder_of(session.get_one(ModelVersion, version), service.settings)
    (folder / "model.tflite").write_bytes(b"no network")
    for way in (promoting.gate, lambda it: promoting.promote(it, None, overrule=REASON)):
        with pytest.raises(ModelUnavailable, match="its hash differs"):
            way(version)
    assert serving(service) == BUNDLED_NUMBER


def test_two_who_promote_at_once_do_it_one_after_the_other_or_one_is_told(service, promoting, register):
    """Whoever looked at figures against another version than the one that serves by then must look again."""
    versions = [register(f"{number}.0.0") for number in (2, 3, 4)]
    told, ready = [], threading.Barrier(len(versions))

    def promote(version):
        ready.wait()
        try:
            promoting.promote(version, None)
        except Conflict as error:
            told.append(error.detail)

    threads = [threading.Thread(target=promote, args=(version,)) for version in versions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    with reading(service.sessions) as session:
        rows = session.scalars(select(ModelActivation).order_by(ModelActivation.id)).all()
        assert session.scalars(select(ModelVersion.id).where(ModelVersion.active)).all() == [rows[-1].model_version_id]
    assert len(rows) + len(told) == 1 + len(versions)
    assert all("Another version has been put into service" in detail for detail in told)
    assert [row.replaced_id for row in rows[1:]] == [row.model_version_id for row in rows[:-1]]


@SQLITE
def test_what_an_operator_names_at_the_start_serves_and_is_told_once(service, register):
    version = register("2.0.0")
    for _ in range(2):
        with transaction(service.sessions) as session:
            promotion.install(session, session.get_one(ModelVersion, version), "Named with --model.")
    assert story(service)[0] == ("installed", "2.0.0", BUNDLED_NUMBER)
    assert len(story(service)) == 2
