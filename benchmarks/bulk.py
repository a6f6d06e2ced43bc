"""`wingcheck predict` over a folder of 2-MP photos, each another file, against what the cores could do at most.

The floor is that of the serving measurement: cores, divided by a bare decode and forward pass on one thread. A run over few
photos shows what the start takes; the rate is that of all the others.
"""

import argparse
import os
import platform
import resource
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.load import with_number
from benchmarks.pictures import jpeg
from benchmarks.serving import bare_seconds
from benchmarks.timing import table
from ml.inference import bundled_versions
from tests.running import command, environment

FEW = 20


@dataclass(frozen=True)
class Run:
    """One call of the command: seconds on the clock, and of all its processes on the cores."""

    photos: int
    seconds: float
    cpu_seconds: float


def main(arguments: list[str]) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="make bench ARGS=bulk", description=__doc__)
    parser.add_argument("--photos", type=int, default=300, help="how many (default: 300)")
    parser.add_argument("--model", type=Path, default=bundled_versions()[0], help="folder of a model version")
    options = parser.parse_args(arguments)
    photo, cores = jpeg(1632, 1224), os.cpu_count() or 1
    with tempfile.TemporaryDirectory() as folder:
        before = bare_seconds(options.model, photo)
        start, whole = (_run(Path(folder), photo, options.model, many) for many in (FEW, options.photos))
        bare = (before + bare_seconds(options.model, photo)) / 2
    floor, seconds = cores / bare, whole.seconds - start.seconds
    rate, busy = (whole.photos - start.photos) / seconds, (whole.cpu_seconds - start.cpu_seconds) / seconds / cores
    print(f"{cores} cores, {platform.machine()}, Python {platform.python_version()}; {whole.photos} photos\n")
    table(
        [
            ("floor, photos/s", "wingcheck predict", "ratio", "cores busy", "start, s", "whole run, s"),
            (
                *(f"{floor:.1f}", f"{rate:.1f}", f"{rate / floor:.2f}", f"{busy:.0%}"),
                *(f"{start.seconds - FEW / rate:.1f}", f"{whole.seconds:.1f}"),
            ),
        ]
    )


def _run(folder: Path, photo: bytes, model: Path, many: int) -> Run:
    photos = folder / f"{many}-photos"
    photos.mkdir()
    for number in range(many):
        (photos / f"{number:06d}.jpg").write_bytes(with_number(photo, number))
    call = command("predict", str(photos), "--output", f"{photos}.csv", "--model", str(model.resolve()))
    begun, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(call, env=environment(folder / "data"), check=True, capture_output=True)
    seconds, after = time.monotonic() - begun, resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Run(many, seconds, cpu)
