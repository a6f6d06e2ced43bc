"""Decoded photos: in memory where they fit, else in a file on disk that is read a batch at a time.

A photo at 96 pixels takes 27 kB, so 50,000 photos with two copies each take 4 GB. Beyond a limit they are decoded once into
a cache file, and training reads from there; another run, another fold and another seed find it again.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

CACHE_VARIABLE = "WINGCHECK_CACHE"
MEMORY_VARIABLE = "WINGCHECK_DATA_MEMORY_MB"
_MEMORY_MB = 2000.0

Fill = Callable[[int], np.ndarray]


class Thumbnails:
    """Rows of uint8 arrays, chosen by index without reading them.

    Behaves like a NumPy array of shape ``(n, …)`` that is only read: indexing with a slice, a mask or indices gives
    another ``Thumbnails`` and reads nothing; ``numpy.asarray``, ``astype`` and indexing with a tuple read.
    """

    dtype = np.dtype(np.uint8)

    def __init__(self, segments: Sequence[np.ndarray], rows: np.ndarray | None = None) -> None:
        """``segments`` hold the rows one after the other; ``rows`` picks from them, all of them by default."""
        self._segments = tuple(segments)
        self._starts = np.cumsum([0, *(len(segment) for segment in self._segments)])
        self._rows = np.arange(self._starts[-1]) if rows is None else np.asarray(rows, np.int64)

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of rows, then the shape of each."""
        return (len(self._rows), *self._segments[0].shape[1:])

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, chosen: Any) -> Any:
        if isinstance(chosen, tuple):
            return np.asarray(self[chosen[0]])[(np.arange(len(self._rows[chosen[0]])), *chosen[1:])]
        if isinstance(chosen, int | np.integer):
            return np.asarray(Thumbnails(self._segments, self._rows[int(chosen)][None]))[0]
        return Thumbnails(self._segments, self._rows[chosen])

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        """Read the rows."""
        values = np.empty(self.shape, np.uint8)
        for segment, start in zip(self._segments, self._starts, strict=False):
            mine = (self._rows >= start) & (self._rows < start + len(segment))
            values[mine] = segment[self._rows[mine] - start]
        return values if dtype is None else values.astype(dtype)

    def astype(self, dtype: Any) -> np.ndarray:
        """Read the rows as another type."""
        return np.asarray(self).astype(dtype)


def joined(one: Any, other: Any) -> Any:
    """Both arrays' rows, one after the other; on disk stays on disk."""
    if isinstance(one, Thumbnails):
        return Thumbnails([*one._segments, np.asarray(other)], _appended(one, len(other)))
    return np.concatenate([one, other])


def _appended(one: Thumbnails, count: int) -> np.ndarray:
    return np.concatenate([one._rows, one._starts[-1] + np.arange(count)])


@dataclass(frozen=True)
class Store:
    """Where decoded photos are kept: in memory up to ``megabytes``, beyond that in files in ``folder``."""

    megabytes: float
    folder: Path

    @classmethod
    def of_this_machine(cls) -> Store:
        """As the environment says: WINGCHECK_DATA_MEMORY_MB (2000) and WINGCHECK_CACHE (the user's cache folder)."""
        home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        folder = Path(os.environ.get(CACHE_VARIABLE) or home / "wingcheck")
        return cls(float(os.environ.get(MEMORY_VARIABLE) or _MEMORY_MB), folder)

    def keep(self, key: Sequence[object], shape: tuple[int, ...], fill: Fill) -> Any:
        """An array of ``shape``, its rows made by ``fill(row)`` on all cores.

        Args:
            key: everything that the rows depend on; the same key finds the same file again.
            shape: of the whole, rows first.
            fill: makes a row, uint8; called from several threads.

        Returns:
            a NumPy array, or a memory map of a cache file where it would be larger than ``megabytes``.
        """
        if np.prod(shape, dtype=float) <= self.megabytes * 1e6:
            values = np.empty(shape, np.uint8)
            _fill(values, fill)
            return values
        name = hashlib.sha256("\n".join(map(str, (*key, shape))).encode()).hexdigest()[:40]
        file = self.folder / f"{name}.npy"
        if not file.is_file():
            self.folder.mkdir(parents=True, exist_ok=True)
            partial = self.folder / f".{name}.{os.getpid()}.npy"
            try:
                values = np.lib.format.open_memmap(partial, mode="w+", dtype=np.uint8, shape=shape)
                _fill(values, fill)
                values.flush()
                partial.replace(file)
            finally:
                with suppress(FileNotFoundError):
                    partial.unlink()
        return np.load(file, mmap_mode="r")


def on_disk(values: np.ndarray) -> bool:
    """Whether an array is a view of a cache file."""
    return isinstance(values, np.memmap)


def _fill(values: np.ndarray, fill: Fill) -> None:
    def one(row: int) -> None:
        values[row] = fill(row)

    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        for _ in pool.map(one, range(len(values))):
            pass
