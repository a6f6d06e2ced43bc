"""What models answered for photos that they had not learnt from, for every photo of a data set: out_of_fold.csv.

Columns: ``path``; ``label``, as found; ``judged``, the label a person's review gives it, empty where the review took the
photo out; ``screening`` (ok or doubtful); ``fold``; ``bundle``, photos that belong together; one ``p:LABEL`` for each label,
calibrated within the fold; ``in_scope``.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ml.datasets.folder import DataError
from ml.evaluation import metrics
from ml.evaluation.metrics import interval

_PREFIX = "p:"


@dataclass(frozen=True)
class OutOfFold:
    """A row per photo: ``paths``, ``screening``, ``bundles`` str ``(n,)``; ``classes`` and ``judged`` int ``(n,)``, indices
    into ``labels``, ``judged`` -1 where a person took the photo out; ``folds`` int ``(n,)``; ``probabilities`` ``(n, k)``;
    ``in_scope`` ``(n,)``.
    """

    labels: tuple[str, ...]
    paths: np.ndarray
    classes: np.ndarray
    judged: np.ndarray
    screening: np.ndarray
    folds: np.ndarray
    bundles: np.ndarray
    probabilities: np.ndarray
    in_scope: np.ndarray

    def __len__(self) -> int:
        return len(self.paths)

    def where(self, chosen: np.ndarray) -> OutOfFold:
        """The photos that a mask or an index array picks."""
        rows = {name: getattr(self, name)[chosen] for name in self.__dataclass_fields__ if name != "labels"}
        return OutOfFold(self.labels, **rows)


def join(parts: Sequence[OutOfFold]) -> OutOfFold:
    """All folds' rows, by path. Raises DataError where they are not of the same labels or share a photo."""
    if len({part.labels for part in parts}) != 1:
        raise DataError("These folds are not of the same labels.")
    names = [name for name in OutOfFold.__dataclass_fields__ if name != "labels"]
    together = OutOfFold(
        parts[0].labels, **{name: np.concatenate([getattr(part, name) for part in parts]) for name in names}
    )
    if len(set(together.paths.tolist())) != len(together):
        raise DataError("Some photo is in two folds.")
    return together.where(np.argsort(together.paths, kind="stable"))


def write_out_of_fold(table: OutOfFold, path: Path) -> None:
    """Write out_of_fold.csv, six decimals."""
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        head = ["path", "label", "judged", "screening", "fold", "bundle"]
        writer.writerow([*head, *(_PREFIX + label for label in table.labels), "in_scope"])
        for row in range(len(table)):
            judged = "" if table.judged[row] < 0 else table.labels[table.judged[row]]
            names = [table.paths[row], table.labels[table.classes[row]], judged, table.screening[row]]
            figures = [f"{value:.6f}" for value in [*table.probabilities[row], table.in_scope[row]]]
            writer.writerow([*names, table.folds[row], table.bundles[row], *figures])


def read_out_of_fold(path: Path) -> OutOfFold:
    """Read out_of_fold.csv. Raises DataError where it is missing or malformed."""
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            reader = csv.DictReader(stream)
            columns = reader.fieldnames or []
            rows = list(reader)
        labels = tuple(name.removeprefix(_PREFIX) for name in columns if name.startswith(_PREFIX))
        if not rows or len(labels) < 2:
            raise DataError(f"{path} holds no answers for at least two labels.")
        index = {label: number for number, label in enumerate(labels)} | {"": -1}
        return OutOfFold(
            labels=labels,
            paths=np.array([row["path"] for row in rows]),
            classes=np.array([labels.index(row["label"]) for row in rows]),
            judged=np.array([index[row["judged"]] for row in rows]),
            screening=np.array([row["screening"] for row in rows]),
            folds=np.array([int(row["fold"]) for row in rows]),
            bundles=np.array([row["bundle"] for row in rows]),
            probabilities=np.array([[float(row[_PREFIX + label]) for label in labels] for row in rows]),
            in_scope=np.array([float(row["in_scope"]) for row in rows]),
        )
    except FileNotFoundError as error:
        raise DataError(f"There is no {path}; `wingcheck train CONFIG --folds 5` makes one.") from error
    except (OSError, UnicodeDecodeError, csv.Error, KeyError, ValueError, TypeError) as error:
        raise DataError(f"{path} can't be read: {error!r}.") from error


def out_of_fold_figures(table: OutOfFold, rounds: int = 1000) -> dict[str, Any]:
    """Figures over the photos that the screening passed, with labels ``as_found`` and ``as_judged`` by a person, each with
    its interval, and the accuracy of every fold on labels as found. ``doubtful`` is how many photos it did not pass.
    """
    passed = table.where(table.screening == "ok")
    kept = passed.judged >= 0
    return {
        "photos": len(passed),
        "doubtful": len(table) - len(passed),
        "as_found": _figures(passed, passed.classes, rounds),
        "as_judged": _figures(passed.where(kept), passed.judged[kept], rounds),
        "accuracy_per_fold": {
            str(fold): round(metrics.accuracy(passed.probabilities[own], passed.classes[own]), 4)
            for fold in sorted(set(passed.folds.tolist()))
            for own in [passed.folds == fold]
        },
    }


def _figures(table: OutOfFold, classes: np.ndarray, rounds: int) -> dict[str, Any]:
    measures: dict[str, Any] = {
        "accuracy": metrics.accuracy,
        "auroc": metrics.macro_auroc,
        "log_loss": metrics.log_loss,
        "calibration_error": metrics.calibration_error,
        "coverage_at_1_percent_error": lambda p, c: metrics.coverage_at_error(p, c, 0.01),
        "coverage_at_5_percent_error": lambda p, c: metrics.coverage_at_error(p, c, 0.05),
    }
    return {
        name: interval(figure, table.probabilities, classes, bundles=table.bundles, rounds=rounds)
        for name, figure in measures.items()
    }
