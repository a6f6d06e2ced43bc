"""Decoded photos on disk stand in for those in memory, batch for batch."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ml.config import load_config
from ml.datasets.examples import Examples, divide
from ml.datasets.pipeline import Feed
from ml.datasets.thumbnails import Store, Thumbnails, joined
from ml.inference import load_recogniser

ROWS = np.random.default_rng(1).integers(0, 256, (7, 2, 3)).astype(np.uint8)


@pytest.mark.parametrize(
    "chosen", [slice(2, 5), np.array([6, 0, 0]), np.array([True, False] * 3 + [True]), slice(None, None, -1), []]
)
def test_indexing_is_that_of_an_array(chosen: Any) -> None:
    lazy = Thumbnails([ROWS[:3], ROWS[3:]])
    expected = ROWS[np.asarray(chosen, int) if isinstance(chosen, list) else chosen]

    assert isinstance(lazy[chosen], Thumbnails)
    assert lazy[chosen].shape == expected.shape
    assert np.array_equal(lazy[chosen], expected)
    assert lazy[chosen].astype(np.float32).dtype == np.float32


def test_one_row_pairs_of_indices_and_joining() -> None:
    lazy = Thumbnails([ROWS])
    rows, columns = np.array([4, 1]), np.array([1, 0])

    assert np.array_equal(lazy[3], ROWS[3])
    assert np.array_equal(lazy[rows, columns], ROWS[rows, columns])
    assert np.array_equal(joined(lazy[2:4], ROWS[:1]), np.concatenate([ROWS[2:4], ROWS[:1]]))
    assert np.array_equal(joined(ROWS[2:4], ROWS[:1]), np.concatenate([ROWS[2:4], ROWS[:1]]))


def test_what_does_not_fit_is_made_once_and_read_from_disk(tmp_path: Path) -> None:
    made: list[int] = []

    def fill(row: int) -> np.ndarray:
        made.append(row)
        return ROWS[row]

    small, large = Store(1.0, tmp_path / "unused"), Store(0.0, tmp_path / "cache")
    assert not isinstance(small.keep(["a"], ROWS.shape, fill), np.memmap)
    assert not (tmp_path / "unused").exists()
    made.clear()
    for _ in range(2):
        assert np.array_equal(large.keep(["a"], ROWS.shape, fill), ROWS)
    assert sorted(made) == list(range(7))
    large.keep(["b"], ROWS.shape, fill)
    assert len(made) == 14


def test_a_cache_that_broke_off_leaves_nothing(tmp_path: Path) -> None:
    def fill(row: int) -> np.ndarray:
        raise OSError("the photo is gone")

    with pytest.raises(OSError, match="gone"):
        Store(0.0, tmp_path).keep(["a"], ROWS.shape, fill)
    assert list(tmp_path.iterdir()) == []


def test_a_data_set_larger_than_memory_trains_on_the_same_batches(drawn_data: Path, tmp_path: Path) -> None:
    tiny = load_config("tiny")
    memory, disk = (divide(tiny, drawn_data, store=Store(megabytes, tmp_path)) for megabytes in (1000.0, 0.0))

    assert isinstance(disk.train.pixels, Thumbnails)
    assert memory.fingerprint == disk.fingerprint
    for part in ("train", "calibration", "test"):
        one, other = getattr(memory, part), getattr(disk, part)
        assert isinstance(one, Examples)
        arrays = set(one.__dataclass_fields__) - {"pictures"}  # where they were read from
        assert all(np.array_equal(getattr(one, name), getattr(other, name)) for name in arrays)
    pairs = zip(Feed(memory.train, tiny).epoch(1), Feed(disk.train, tiny).epoch(1), strict=True)
    assert all(np.array_equal(one, other) for pair in pairs for one, other in zip(*pair, strict=True))


def test_training_and_measuring_read_from_disk(
    drawn_data: Path, tiny_version: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a memory of nothing the whole road works, and ends where it ends with much."""
    from ml.evaluation.scores import score
    from ml.training import train
    from tests.ml.runs import QUIET

    tiny = load_config("tiny").with_changes(epochs=1)
    memory, disk = (divide(tiny, drawn_data, store=Store(megabytes, tmp_path)) for megabytes in (1000.0, 0.0))
    one, other = (train(tiny, each.train, each.calibration, QUIET) for each in (memory, disk))

    assert [report.loss for report in one.history] == [report.loss for report in other.history]
    recogniser = load_recogniser(tiny_version)
    assert np.array_equal(score(recogniser, memory.test).probabilities, score(recogniser, disk.test).probabilities)
