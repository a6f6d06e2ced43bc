"""Everything that can be said of a version on photos that it never learnt from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ml.datasets.examples import Examples
from ml.datasets.folder import DataError
from ml.evaluation import details
from ml.evaluation.breakdown import Answers, answers_for, breakdown, curves
from ml.evaluation.material import Material, source_material, training_material
from ml.evaluation.mistakes import Mistake, worst_mistakes
from ml.evaluation.paired import compare_paired, paired_sentence
from ml.evaluation.scores import Scores, figures_of, score
from ml.evaluation.small import naming_figures, small_figures
from ml.evaluation.speed import speed_and_size
from ml.inference import ModelVersionInfo, Recogniser, Runtime, load_recogniser

ERROR_RATES = (0.01, 0.02, 0.05, 0.1)
WORST = 12


@dataclass(frozen=True)
class Evaluation:
    """``figures`` are ready for JSON; the rest is what a report draws its pictures from."""

    figures: dict[str, Any]
    recogniser: Recogniser
    examples: Examples
    scores: Scores
    mistakes: list[Mistake]


def evaluate(
    folder: Path,
    *,
    data: Path | None = None,
    photos: Path | None = None,
    against: Path | None = None,
    error_rates: Sequence[float] = ERROR_RATES,
    runtime: Runtime = "litert",
    rounds: int = 1000,
    worst: int = WORST,
) -> Evaluation:
    """Measure a version.

    Args:
        folder: of the version.
        data: the data folder that it was trained with; its test part measures, its calibration part sets thresholds.
        photos: another data set to measure on instead.
        against: folder of another version with the same labels, to compare with on the same photos.
        error_rates: for which to look for thresholds.
        runtime: that answers.
        rounds: of the bootstrap.
        worst: how many mistakes to name.

    Raises:
        ModelVersionError, DataError, ConfigError: a version or the photos can't be read, or don't fit together.
    """
    recogniser = load_recogniser(folder, runtime)
    info = recogniser.info
    material = _material(info, data, photos)
    test, labels = material.test, _labels(recogniser)
    scores = score(recogniser, test)
    thresholds = _thresholds(recogniser, material, error_rates)
    figures, answers = figures_and_answers(recogniser, scores, test, thresholds, rounds)
    measured: dict[str, Any] = {
        "model": {"name": info.name, "version": info.version, "digest": info.digest},
        "runtime": recogniser.runtime,
        "labels": labels,
        **material.about,
        **figures,
        "curves": curves(answers, labels),
        "speed": speed_and_size(recogniser),
    }
    if material.before is not None:
        measured["species_before_review"] = species_before(recogniser, material.before, rounds)
    if against is not None:
        measured["paired"] = _paired(recogniser, answers, against, data, photos, runtime, rounds)
    mistakes = [] if answers.several else worst_mistakes(scores, test, labels, info.policy.in_scope_threshold, worst)
    measured["mistakes"] = [asdict(mistake) for mistake in mistakes]
    return Evaluation(measured, recogniser, test, scores, mistakes)


def figures_and_answers(
    recogniser: Recogniser, scores: Scores, test: Examples, thresholds: Sequence[Mapping[str, Any]], rounds: int
) -> tuple[dict[str, Any], Answers]:
    """All figures of a version but the curves, ready for JSON, and the answers that they are of.

    ``small`` and ``names`` are None where the version can't, or there is nothing to ask about; ``thresholds`` are those whose
    effect on these photos is reported.
    """
    info, labels = recogniser.info, _labels(recogniser)
    several = info.head == "sigmoids"
    answers = answers_for(scores.where(test.classes >= 0).probabilities, test.species, labels, several=several)
    figures = {
        **figures_of(scores, test, info.policy, rounds, several=several),
        "small": None if several else small_figures(recogniser, test, rounds=rounds),
        "names": None if several else naming_figures(info, scores, test, rounds),
        **breakdown(info, answers, labels, thresholds, rounds),
    }
    figures["species"] |= details.more_species_figures(answers.answers, answers.classes, answers.bundles, rounds)
    return figures, answers


def species_before(recogniser: Recogniser, before: Examples, rounds: int) -> dict[str, Any]:
    """How well the labels are told apart by labels as they were before a person judged them."""
    several = recogniser.info.head == "sigmoids"
    scores = score(recogniser, before.species)
    species: dict[str, Any] = figures_of(scores, before.species, recogniser.info.policy, rounds, several=several)[
        "species"
    ]
    return species


def _material(
    info: ModelVersionInfo, data: Path | None, photos: Path | None, shape: ModelVersionInfo | None = None
) -> Material:
    if photos is not None:
        return source_material(info, photos, shape)
    if data is None:
        raise DataError("Say where the photos are: --data FOLDER, or --photos SOURCE.")
    return training_material(info, data, shape)


def _thresholds(recogniser: Recogniser, material: Material, rates: Sequence[float]) -> list[dict[str, Any]]:
    """Learnt from the calibration photos; those of the policy where there are none."""
    if material.calibration is None:
        return [asdict(threshold) for threshold in recogniser.info.policy.thresholds]
    own, several = material.calibration.species, recogniser.info.head == "sigmoids"
    answers = answers_for(score(recogniser, own).probabilities, own, _labels(recogniser), several=several)
    return [details.learnt_threshold(answers.answers, answers.classes, rate) for rate in rates]


def _paired(
    recogniser: Recogniser,
    ours: Answers,
    against: Path,
    data: Path | None,
    photos: Path | None,
    runtime: Runtime,
    rounds: int,
) -> dict[str, Any]:
    other = load_recogniser(against, runtime)
    labels, theirs = _labels(recogniser), _labels(other)
    if sorted(labels) != sorted(theirs) or (other.info.head == "sigmoids") != ours.several:
        raise DataError(f"{other.info.name} knows other labels ({', '.join(theirs)}): the two can't be compared.")
    same = _material(recogniser.info, data, photos, other.info).test.species
    columns = [theirs.index(label) for label in labels]
    answers = score(other, same).probabilities[:, columns]
    comparison = compare_paired(
        ours,
        answers_for(answers, same, labels, several=ours.several).answers,
        ("no", "yes") if ours.several else labels,
        rounds,
    )
    this_name, other_name = (f"{version.info.name} {version.info.version}" for version in (recogniser, other))
    about = {"name": other.info.name, "version": other.info.version, "digest": other.info.digest}
    return {"against": about, "sentence": paired_sentence(comparison, this_name, other_name)} | comparison


def _labels(recogniser: Recogniser) -> list[str]:
    return [label.scientific_name for label in recogniser.info.labels]
