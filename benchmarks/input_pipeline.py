"""Does training wait for its photos? Images per second from disk to the network, against the article's way, the baseline.

Both make the same changes (rotation 40°, shifts 0.2, shear 0.2, zoom 0.2, mirror image) to the same drawn photos of 75
pixels, in batches of 32. The article's way is the real ``tf.keras`` ImageDataGenerator with ``flow_from_directory``. Ours is
the pipeline that training uses, once with decoded photos in memory and once read from a cache on disk, as for data sets
that don't fit. Then how fast two networks train, photos and all; a pipeline that delivers more never makes them wait.
"""

import dataclasses
import math
import os
import statistics
import tempfile
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count, islice
from pathlib import Path

from benchmarks.timing import table
from ml.backend import tensorflow
from ml.config import Config, OutsiderData, load_config
from ml.datasets.examples import Divided, divide
from ml.datasets.pipeline import Feed
from ml.datasets.synthetic import write_drawn_folder
from ml.datasets.thumbnails import Store
from ml.progress import EpochReport
from ml.training import RunOptions, train

PER_LABEL, ROUNDS, SECONDS = 600, 5, 2.0
# Untimed at the start of each round: more than was got ready while another way had its turn.
AHEAD = 20


def main() -> None:
    """Print both tables."""
    tensorflow()
    with tempfile.TemporaryDirectory() as name:
        folder = write_drawn_folder(Path(name) / "data", per_label=PER_LABEL, outsiders=300)
        cache = Store(0.0, Path(name) / "cache")
        config = load_config("article")
        memory, disk = divide(config, folder), divide(config, folder, store=cache)
        ways = {
            "the article's: ImageDataGenerator, flow_from_directory": _article(folder / "pair", config),
            "ours, decoded photos in memory": _ours(memory, config),
            "ours, decoded photos on disk": _ours(disk, config),
        }
        speeds = _speeds(ways)
        baseline = next(iter(speeds.values()))
        rows: list[tuple[str, ...]] = [("input pipeline", "images/s", "ratio", "CPU time per image, ms", "ratio")]
        rows += [
            (
                way,
                f"{each.rate:,.0f}",
                f"{each.rate / baseline.rate:.1f}",
                f"{each.cpu * 1000:.2f}",
                f"{baseline.cpu / each.cpu:.1f}",
            )
            for way, each in speeds.items()
        ]
        table(rows)
        print()
        networks = {"the article's network, 75 px": config, "the bundled network, 96 px": _bundled()}
        table([("training", "images/s"), *((who, f"{_training(each, folder):,.0f}") for who, each in networks.items())])


@dataclass(frozen=True)
class Speed:
    """Images per second, and seconds of CPU time per image: the second hardly depends on what else the machine does."""

    rate: float
    cpu: float


def _speeds(ways: dict[str, Iterator[int]]) -> dict[str, Speed]:
    """Each way's median over rounds that take turns, so that a busy moment hits all alike. ``ways`` give the sizes of batches,
    without an end: as in a training, none begins anew.
    """
    found: dict[str, list[Speed]] = {way: [] for way in ways}
    for _ in range(ROUNDS + 1):
        for way, sizes in ways.items():
            deque(islice(sizes, AHEAD), maxlen=0)
            started, cpu, images = time.perf_counter(), time.process_time(), 0
            while time.perf_counter() - started < SECONDS:
                images += next(sizes)
            spent = time.process_time() - cpu
            found[way].append(Speed(images / (time.perf_counter() - started), spent / images))
    return {way: _median(speeds[1:]) for way, speeds in found.items()}  # the first round warms up


def _median(speeds: list[Speed]) -> Speed:
    return Speed(statistics.median(each.rate for each in speeds), statistics.median(each.cpu for each in speeds))


def _article(folder: Path, config: Config) -> Iterator[int]:
    generator = tensorflow().keras.preprocessing.image.ImageDataGenerator(
        rescale=1 / 255,
        rotation_range=40,
        width_shift_range=0.2,
        height_shift_range=0.2,
        shear_range=0.2,
        zoom_range=0.2,
        horizontal_flip=True,
        fill_mode="nearest",
    )
    size, batch = (config.input_size, config.input_size), config.optimisation.batch
    flow = generator.flow_from_directory(str(folder), target_size=size, batch_size=batch, class_mode="binary")
    return (len(pictures) for pictures, _ in flow)


def _ours(divided: Divided, config: Config) -> Iterator[int]:
    feed = Feed(divided.train, config.with_changes(epochs=10**9))
    for epoch in count():
        for pictures, *_ in feed.epoch(epoch):
            yield int(pictures.shape[0])


def _bundled() -> Config:
    """The bundled recipe from chance, on the drawn outsiders: what it weighs does not depend on its first weights."""
    bundled = load_config("bundled_browns").with_weights(None)
    return dataclasses.replace(
        bundled,
        species=dataclasses.replace(bundled.species, review=None),
        outsiders=OutsiderData(folder="other", per_epoch=200, plain=60),
    )


def _training(config: Config, folder: Path) -> float:
    """Images per second of the second epoch, on all cores; the first also compiles."""
    divided = divide(config, folder)
    reports: list[EpochReport] = []
    short = config.with_changes(epochs=2)
    train(short, divided.train, divided.calibration, RunOptions(report=reports.append, threads=os.cpu_count() or 1))
    rate = reports[-1].images_per_second
    assert math.isfinite(rate)
    return rate
