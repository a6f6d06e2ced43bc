"""What experts' corrections are worth, on real photos: a model of base data with wrong labels against one that was corrected.

The base data are the two browns with the labels that a careful eye doubted counted as good ones. Some volunteers send those
photos, others send photos of blocks that no model learns from; an expert answers as ``doubtful_labels.csv`` has it, and
where that says nothing can be told, so does the expert. Then the same recipe is trained again, all by the services behind
the pages; the volunteers of the second kind measure both. Every seed is a pair of its own, because two trainings differ.
"""

import argparse
import csv
import shutil
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sqlalchemy.orm import Session

import ml.experiments
from app.core import jobs, migrations
from app.core.db import make_engine, reading
from app.core.settings import Settings
from app.predictions.rules import ClaimKind
from app.predictions.tables import ModelVersion
from app.review.decisions import Decision
from app.review.rules import IdentificationKind
from app.versions import comparisons
from app.versions.comparisons import Comparison
from app.versions.promotion import Promotion
from app.versions.replays import Replays
from app.versions.runs import RunRequest, Runs, get
from benchmarks.timing import table
from ml.config import Config, load_config
from ml.datasets.folder import Photo, read_folder
from ml.datasets.review import Judgement, apply_review, read_review
from ml.datasets.splits import split_species
from tests.conftest import Service, make_settings, register, running
from tests.people import make_user
from tests.reviewing import NO_BUTTERFLY, decide, send, taxon

EXPERIMENTS = Path(ml.experiments.__file__).parent
ANSWERS = Path(__file__).with_name("doubtful_labels.csv")
UNTOLD = "can't be told"
RECIPE = """base = "bundled_browns"
input_size = 96
training_resolution = 96
"""


@dataclass(frozen=True)
class Material:
    """``base``: photos that the base data keep; ``doubted``: those of them that are corrected; ``measuring``: by volunteer."""

    base: list[Photo]
    doubted: list[Photo]
    measuring: list[list[Photo]]


@dataclass(frozen=True)
class Pair:
    """Two versions of one recipe and seed on the photos that measure."""

    seed: int
    comparison: Comparison
    noisy_log_loss: float
    log_loss: float


def main(arguments: list[str]) -> None:
    """Print the figures of every pair, and of all together."""
    parser = argparse.ArgumentParser(prog="make bench ARGS=corrections", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with pair/ and other/")
    parser.add_argument("--weights", type=Path, required=True, help="ImageNet weights of MobileNetV2")
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--seeds", type=int, default=3, help="pairs of trainings")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args(arguments)
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        settings = _settings(Path(name), options)
        material = _divide(options.data / "pair", load_config("bundled_browns"))
        _write_base(options.data, Path(settings.training_root), material)
        with running(settings) as service:
            pairs = _measure(service, material, options)
    _report(material, pairs)
    print(f"\n{options.epochs} epochs, {time.monotonic() - begun:.0f} seconds")


def _settings(folder: Path, options: argparse.Namespace) -> Settings:
    recipe, data = folder / "recipe.toml", folder / "data"
    recipe.write_text(RECIPE)
    data.mkdir()
    url = f"sqlite:///{data / 'wingcheck.db'}"
    migrations.upgrade(make_engine(url))
    register(url)
    return make_settings(
        folder,
        database_url=url,
        training_root=str(folder / "base"),
        retrain_config=str(recipe),
        retrain_weights=str(options.weights.resolve()),
        retrain_threads=options.threads,
        retrain_test_share=0.5,  # every second volunteer measures: the two kinds take turns
    )


def _divide(folder: Path, config: Config) -> Material:
    """Blocks that the recipe's own division would test on measure; what was doubted in other blocks is corrected."""
    photos = [photo for photo in read_folder(folder) if not photo.duplicate]
    wanted = config.species
    divided = split_species(
        photos, block=wanted.block, calibration=wanted.calibration, test=wanted.test, seed=wanted.split_seed
    )
    review = read_review(EXPERIMENTS / str(wanted.review))
    base, measuring = [], defaultdict(list)
    for photo, part, name in zip(photos, divided.parts, divided.bundles, strict=True):
        if part != "test":
            base.append(photo)
        elif photo.screening == "ok" and apply_review([photo], review) != [None]:
            measuring[name].append(photo)
    return Material(base, [photo for photo in base if photo.screening == "doubtful"], list(measuring.values()))


def _write_base(data: Path, root: Path, material: Material) -> None:
    """The base data set: every label counts as good."""
    for photo in material.base:
        target = root / "pair" / photo.path
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(photo.file, target)
    kept = {photo.path for photo in material.base}
    with (data / "pair" / "labels.csv").open(newline="") as old, (root / "pair" / "labels.csv").open("w") as new:
        rows = csv.DictReader(old)
        writer = csv.DictWriter(new, list(rows.fieldnames or ()))
        writer.writeheader()
        writer.writerows(row | {"screening": "ok"} for row in rows if row["path"] in kept)
    shutil.copytree(data / "other", root / "other")


def _measure(service: Service, material: Material, options: argparse.Namespace) -> list[Pair]:
    seeds = range(1, options.seeds + 1)
    noisy = [_train(service, options.epochs, seed) for seed in seeds]
    Promotion(service.sessions, service.settings).promote(noisy[0].id, None, overrule="The first model of this count.")
    _season(service, material)
    corrected = [_train(service, options.epochs, seed) for seed in seeds]
    _let_look(service, noisy[1:])
    pairs = []
    for seed, old, new in zip(seeds, noisy, corrected, strict=True):
        with reading(service.sessions) as session:
            found = comparisons.compare(session, new, old)
            assert found is not None
            assert found.unanswered == 0
            losses = [_log_loss(session, version) for version in (old, new)]
        pairs.append(Pair(seed, found, *losses))
        print(f"seed {seed}: {found.overall.other_accuracy:.3f} -> {found.overall.accuracy:.3f}", flush=True)
    return pairs


def _train(service: Service, epochs: int, seed: int) -> ModelVersion:
    """A run from its start to its version, and what it lets the version look at afterwards."""
    request = RunRequest(epochs=epochs, seed=seed, insist=True)
    number = Runs(service.sessions, service.settings, service.worker.dispatcher.send).start(request, None)
    service.work()
    service.worker.finish_long_work()
    with reading(service.sessions) as session:
        run = get(session, number)
    assert run.model_version is not None, f"{run.state()}: {run.job.error}\n{run.log}"
    jobs.sweep(service.sessions, service.worker.dispatcher.send)
    service.work()
    print(f"trained {run.model_version.version}, seed {seed}", flush=True)
    return run.model_version


def _let_look(service: Service, versions: Sequence[ModelVersion]) -> None:
    """Have versions that never served answer for the photos that measure: those were drawn when the first run learnt from
    what the experts had said.
    """
    looking = Replays(service.sessions, service.worker.dispatcher.send)
    for version in versions:
        looking.start(version.id, None, only_measuring=True)
    service.work()


def _season(service: Service, material: Material) -> None:
    """Volunteers of both kinds in turn, each photo sent, screened and decided on by the services behind the pages."""
    judged = read_review(ANSWERS)
    expert = make_user(service.sessions)
    answers = {photo.path: _answer(photo, judged[f"{photo.label}/{photo.sequence}"]) for photo in material.doubted}
    # Where nobody can tell, nobody is verified: whoever sends only such photos would not count as a volunteer.
    doubted = sorted(material.doubted, key=lambda photo: answers[photo.path].kind is IdentificationKind.UNABLE)
    many = len(material.measuring)
    for number, photos in enumerate(material.measuring):
        for photo in doubted[number::many]:
            decide(service, expert, _send(service, photo, 2 * number), answers[photo.path])
        for photo in photos:
            decide(service, expert, _send(service, photo, 2 * number + 1), taxon(_name(photo.label)))


def _send(service: Service, photo: Photo, who: int) -> int:
    return send(service, photo.read(), who, photo.path, claim_kind=ClaimKind.UNKNOWN)


def _answer(photo: Photo, judgement: Judgement) -> Decision:
    if judgement.reason.startswith(UNTOLD):
        return Decision(IdentificationKind.UNABLE)
    return NO_BUTTERFLY if judgement.decision == "remove" else taxon(_name(judgement.relabel or photo.label))


def _name(label: str) -> str:
    return label.replace("_", " ").capitalize()


def _log_loss(session: Session, version: ModelVersion) -> float:
    photos = comparisons.measuring_photos(session, version.labels)
    said = comparisons.opinions_of(session, version.id, photos)
    right = [said[each.photo.id].probabilities[comparisons.name_of(each)] for each in photos]
    return float(-np.mean(np.log(np.maximum(right, 1e-7))))


def _report(material: Material, pairs: Sequence[Pair]) -> None:
    print(f"\n{len(material.base)} photos in the base data, {len(material.doubted)} of them doubted;")
    print(f"{sum(map(len, material.measuring))} photos of {len(material.measuring)} volunteers measure\n")
    rows: list[tuple[str, ...]] = [
        ("seed", "accuracy before", "after", "difference [95 % interval]", "log loss before", "after")
    ]
    for pair in pairs:
        found = pair.comparison.overall
        rows.append(
            (
                str(pair.seed),
                f"{found.other_accuracy:.3f}",
                f"{found.accuracy:.3f}",
                f"{found.difference:+.3f} [{found.low:+.3f} to {found.high:+.3f}]",
                f"{pair.noisy_log_loss:.3f}",
                f"{pair.log_loss:.3f}",
            )
        )
    scores = [pair.comparison.overall for pair in pairs]
    means = [np.mean([getattr(each, name) for each in scores]) for name in ("other_accuracy", "accuracy", "difference")]
    losses = [np.mean([pair.noisy_log_loss for pair in pairs]), np.mean([pair.log_loss for pair in pairs])]
    rows.append(("mean", *(f"{value:.3f}" for value in means[:2]), f"{means[2]:+.3f}", *(f"{x:.3f}" for x in losses)))
    table(rows)
    for name in sorted({name for pair in pairs for name in pair.comparison.per_species}):
        before, after = (
            np.mean([getattr(pair.comparison.per_species[name], field) for pair in pairs])
            for field in ("other_accuracy", "accuracy")
        )
        print(f"{name}: {before:.3f} -> {after:.3f} of its photos named rightly")
