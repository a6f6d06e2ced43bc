"""How long an answer takes on one thread, and how much the version weighs."""

from __future__ import annotations

import statistics
import time
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ml.inference import Recogniser

_ROUNDS = 50


def speed_and_size(recogniser: Recogniser, rounds: int = _ROUNDS) -> dict[str, Any]:
    """Median and best milliseconds of a single photo, from decoded picture to answer, and megabytes on disk.

    Another process on the same cores makes the median larger; the best of many is nearly what the network costs.
    """
    side = recogniser.decoding_side
    noise = np.random.default_rng(1).integers(0, 256, (side * 3 // 4, side, 3)).astype(np.uint8)
    photo = Image.fromarray(noise)
    recogniser.look(photo)
    times = []
    for _ in range(rounds):
        started = time.perf_counter()
        recogniser.look(photo)
        times.append(1000 * (time.perf_counter() - started))
    folder = recogniser.info.folder
    return {
        "runtime": recogniser.runtime,
        "milliseconds_median": round(statistics.median(times), 2),
        "milliseconds_best": round(min(times), 2),
        "megabytes": {
            name: round(_bytes(folder / name) / 1e6, 2)
            for name in ("model.tflite", "saved_model", "model.keras", "finder", "names")
            if (folder / name).exists()
        },
    }


def _bytes(path: Path) -> int:
    return path.stat().st_size if path.is_file() else sum(f.stat().st_size for f in path.rglob("*") if f.is_file())
