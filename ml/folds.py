"""Cross-validation: every photo is answered by a model that has not learnt from it nor from its siblings.

Each fold trains in a process of its own, which starts TensorFlow afresh and gives its memory back, and leaves two files,
``fold-N.csv`` and, last, ``fold-N.json``. A run that was stopped goes on with the folds that lack the second. The folder's
``folds.json`` holds the config; with another one, the folder is refused.

A queue may run the folds one by one, anywhere the folder and the data are: ``python -m ml.folds FOLDER NUMBER --data DATA``.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ml.config import Config, ConfigError, from_dict, to_dict
from ml.datasets.examples import OUTSIDER, Divided, divide, species_photos
from ml.datasets.folder import DataError
from ml.datasets.sources import resolved
from ml.datasets.splits import Fold
from ml.evaluation.calibration import fit_temperature, probabilities_from
from ml.evaluation.metrics import auroc
from ml.evaluation.out_of_fold import (
    OutOfFold,
    join,
    out_of_fold_figures,
    read_out_of_fold,
    write_out_of_fold,
)
from ml.export import viewing_graph
from ml.steps import predict_raw
from ml.training import RunOptions, TrainingError, train

PLAN = "folds.json"
TABLE = "out_of_fold.csv"
FIGURES = "out_of_fold.json"
Say = Callable[[str], None]


class FoldError(TrainingError):
    """A fold's process failed; the message says which."""


def run_folds(
    config: Config, folds: int, data: Path, folder: Path, *, say: Say = print, threads: int = 1, rounds: int = 1000
) -> dict[str, Any]:
    """Train all folds that are not there yet, one after the other, and put their answers together.

    Args:
        config: the recipe, the same for every fold.
        folds: how many, at least 2.
        data: folder that holds the config's folders.
        folder: where the folds' files are, new or of an earlier run of the same config.
        say: told what happens.
        threads: CPU threads of each process.
        rounds: bootstrap rounds of the intervals.

    Returns:
        out_of_fold.json's content: figures over all photos, and the in-scope AUROC of each fold.

    Raises:
        ConfigError: fewer than two folds, or the folder is of another config.
        FoldError: a fold's process failed; the others' files stay.
    """
    plan_folds(config, folds, folder)
    for number in range(1, folds + 1):
        if (folder / f"fold-{number}.json").is_file():
            say(f"Fold {number} of {folds} is there already.")
            continue
        say(f"Fold {number} of {folds} …")
        command = [sys.executable, "-m", "ml.folds", str(folder), str(number), "--data", str(data)]
        done = subprocess.run([*command, "--threads", str(threads)], check=False)
        if done.returncode:
            raise FoldError(f"Fold {number} failed with exit code {done.returncode}. The same command goes on from it.")
    return combine(folder, rounds)


def plan_folds(config: Config, folds: int, folder: Path) -> None:
    """Write down what the folds of a folder are, or check that it is the same. Raises ConfigError."""
    if folds < 2:
        raise ConfigError("There must be at least two folds.")
    plan = json.loads(json.dumps({"folds": folds, "config": to_dict(config)}))
    file = folder / PLAN
    if not file.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        _write_json(file, plan)
    elif json.loads(file.read_text(encoding="utf-8")) != plan:
        raise ConfigError(f"{folder} holds folds of another config, or another number of them. Choose another folder.")


def train_fold(folder: Path, number: int, data: Path, *, threads: int = 1) -> None:
    """Train one fold of a planned folder and write its files.

    Raises:
        ConfigError: the folder has no plan, or no such fold.
        DataError, TrainingError: see there.
    """
    try:
        plan = json.loads((folder / PLAN).read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{folder} has no {PLAN}.") from error
    config = resolved(from_dict(plan["config"]), data)
    if not 1 <= number <= plan["folds"]:
        raise ConfigError(f"There is no fold {number} of {plan['folds']}.")
    divided = divide(config, data, Fold(number, plan["folds"]))
    trained = train(config, divided.train, divided.calibration, RunOptions(threads=threads))
    table, scope = _answers(trained.network, config, divided, data, number)
    write_out_of_fold(table, folder / f"fold-{number}.csv")
    report = {
        "in_scope_auroc": None if scope is None else round(scope, 5),
        "data_fingerprint": divided.fingerprint,
        "photos": divided.counts,
        "loss": [round(epoch.loss, 6) for epoch in trained.history],
    }
    _write_json(folder / f"fold-{number}.json", report)


def _answers(network: Any, config: Config, divided: Divided, data: Path, number: int) -> tuple[OutOfFold, float | None]:
    """The test part's answers, looked at as a served model would, and the in-scope AUROC over all other subjects."""
    graph = viewing_graph(network, config)
    watched, species = divided.calibration.species, divided.test_before_review.species
    temperature = fit_temperature(predict_raw(graph, watched.pixels)["species"], watched.classes)
    logits = predict_raw(graph, species.pixels)
    in_scope = _sigmoid(logits["scope"][:, 0])
    scope = None
    if config.outsiders is not None:
        scope = auroc(in_scope, _sigmoid(predict_raw(graph, divided.test.others.pixels)["scope"][:, 0]))
    judged = {str(name): int(index) for name, index in zip(divided.test.names, divided.test.classes, strict=True)}
    screening = {photo.path: photo.screening for photo in species_photos(config, data, doubtful=True)}
    names = [str(name) for name in species.names]
    table = OutOfFold(
        labels=config.species.labels,
        paths=species.names,
        classes=species.classes,
        judged=np.array([judged.get(name, OUTSIDER) for name in names]),
        screening=np.array([screening[name] for name in names]),
        folds=np.full(len(species), number),
        bundles=species.bundles,
        probabilities=probabilities_from(logits["species"], temperature),
        in_scope=in_scope,
    )
    return table, scope


def combine(folder: Path, rounds: int = 1000) -> dict[str, Any]:
    """Write out_of_fold.csv and out_of_fold.json from the folds' files; returns the latter's content. Raises DataError."""
    plan = json.loads((folder / PLAN).read_text(encoding="utf-8"))
    numbers = range(1, plan["folds"] + 1)
    missing = [number for number in numbers if not (folder / f"fold-{number}.json").is_file()]
    if missing:
        raise DataError(f"Of {folder} the folds {missing} are missing.")
    reports = [json.loads((folder / f"fold-{number}.json").read_text(encoding="utf-8")) for number in numbers]
    table = join([read_out_of_fold(folder / f"fold-{number}.csv") for number in numbers])
    write_out_of_fold(table, folder / TABLE)
    figures = out_of_fold_figures(table, rounds)
    figures["in_scope_auroc_per_fold"] = [report["in_scope_auroc"] for report in reports]
    _write_json(folder / FIGURES, figures)
    return figures


def _sigmoid(logits: np.ndarray) -> np.ndarray:
    return np.asarray(1 / (1 + np.exp(-logits.astype(np.float64))))


def _write_json(path: Path, value: object) -> None:
    """All or nothing: what is there is complete."""
    part = path.with_suffix(".part")
    part.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    part.replace(path)


def main() -> None:
    """One fold, for the process that trains it."""
    parser = argparse.ArgumentParser(prog="python -m ml.folds", description="Train one fold of a planned folder.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("number", type=int)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    try:
        train_fold(arguments.folder, arguments.number, arguments.data, threads=arguments.threads)
    except (ConfigError, DataError, TrainingError) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
