"""What experts correct makes the next model better: measured on photos of volunteers from whom no model ever learns."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from app.accounts.tables import User
from app.core import jobs
from app.core.db import reading
from app.core.settings import Settings
from app.predictions.tables import ModelVersion
from app.versions import comparisons
from app.versions.comparisons import Comparison
from app.versions.promotion import Promotion
from app.versions.runs import RunRequest, Runs, get
from ml.datasets.synthetic import drawn_butterfly, write_drawn_folder
from tests.app.sending import TAXA
from tests.conftest import Service, copy_of, make_settings, running
from tests.people import make_user
from tests.reviewing import decide, send, taxon

VOLUNTEERS = 40
WRONG = 0.6
REASON = "The first model of this count."


@pytest.fixture
def settings(tmp_path: Path, sqlite_template: Path) -> Settings:
    """Base data in which most labels are wrong."""
    root = write_drawn_folder(tmp_path / "noisy", per_label=24, outsiders=30)
    table = root / "pair" / "labels.csv"
    with table.open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    names = sorted({row["label"] for row in rows})
    for row in np.random.default_rng(1).permutation(len(rows))[: int(WRONG * len(rows))]:
        rows[row]["label"] = names[1 - names.index(rows[row]["label"])]
    with table.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)
    values = {
        "training_root": str(root),
        "retrain_config": "tiny",
        "gate_least_photos": 8,
        "gate_max_milliseconds": 10_000,
    }
    return make_settings(tmp_path, database_url=copy_of(sqlite_template, tmp_path), **values)


@pytest.fixture
def service(settings: Settings) -> Iterator[Service]:
    with running(settings) as found:
        yield found


def train(service: Service) -> ModelVersion:
    """A run from its start to its version, and what it lets the version look at afterwards."""
    number = Runs(service.sessions, service.settings, service.worker.dispatcher.send).start(RunRequest(epochs=16), None)
    service.work()
    service.worker.finish_long_work()
    with reading(service.sessions) as session:
        run = get(session, number)
    assert run.model_version is not None, f"{run.state()}: {run.job.error}\n{run.log}"
    jobs.sweep(service.sessions, service.worker.dispatcher.send)
    service.work()
    return run.model_version


def season(service: Service, expert: User) -> None:
    """Drawn butterflies of many volunteers, each looked at by an expert, who knows."""
    random = np.random.default_rng(7)
    for who in range(VOLUNTEERS):
        picture = io.BytesIO()
        species = who % 2
        drawn_butterfly(orange=bool(species), spots=1 + species, size=75, random=random).save(
            picture, "JPEG", quality=90
        )
        number = send(service, picture.getvalue(), who)
        decide(service, expert, number, taxon(TAXA[species]))


def compare(service: Service, version: ModelVersion, other: ModelVersion) -> Comparison:
    with reading(service.sessions) as session:
        found = comparisons.compare(session, version, other)
    assert found is not None
    return found


def test_a_model_of_wrong_labels_gets_better_by_what_experts_correct(service: Service):
    promotion = Promotion(service.sessions, service.settings)
    noisy = train(service)
    promotion.promote(noisy.id, None, overrule=REASON)
    season(service, make_user(service.sessions))
    corrected = train(service)

    found = compare(service, corrected, noisy)
    assert found.overall.photos == VOLUNTEERS // 5
    assert found.unanswered == 0
    assert found.overall.other_accuracy <= 0.5
    assert found.overall.accuracy >= found.overall.other_accuracy + 0.4
    assert found.overall.low > 0

    difference = promotion.gate(corrected.id).report.difference
    assert difference is not None
    assert difference.paired
    assert difference.value == pytest.approx(found.overall.difference)
