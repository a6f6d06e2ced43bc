"""`make bench`: run the named measurements, or all of them, and print what was measured."""

import argparse
import os
import platform
import sys
from collections.abc import Callable

from benchmarks import (
    bulk,
    corrections,
    decoding,
    hostile_run,
    input_pipeline,
    mixed,
    random_kills,
    records,
    review_desk,
    review_queue,
    runtimes,
    serving,
    storage,
    submissions,
    training_kills,
)

MEASUREMENTS: dict[str, Callable[[], None]] = {
    "decoding": decoding.main,
    "runtimes": runtimes.main,
    "input_pipeline": input_pipeline.main,
}
# With options or data of its own, or minutes long: only when it is named.
ALONE: dict[str, Callable[[list[str]], None]] = {
    "serving": serving.main,
    "submissions": submissions.main,
    "load": mixed.main,
    "bulk": bulk.main,
    "random_kills": random_kills.main,
    "training_kills": training_kills.main,
    "hostile_run": hostile_run.main,
    "corrections": corrections.main,
    "storage": storage.main,
    "review_queue": review_queue.main,
    "records": records.main,
    "review_desk": review_desk.main,
}


def main() -> None:
    """Parse the names and run them."""
    if sys.argv[1:] and sys.argv[1] in ALONE:
        ALONE[sys.argv[1]](sys.argv[2:])
        return
    parser = argparse.ArgumentParser(prog="make bench", description="Measure speed and size.")
    parser.add_argument(
        "names",
        nargs="*",
        metavar="NAME",
        help=f"any of: {', '.join(MEASUREMENTS)}; default: all. Alone: {', '.join(ALONE)}",
    )
    names = parser.parse_args().names or list(MEASUREMENTS)
    for name in names:
        if name not in MEASUREMENTS:
            parser.error(f"no measurement {name!r}; there are {', '.join(MEASUREMENTS)}")
    print(f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}")
    for name in names:
        print(f"\n## {name}\n")
        MEASUREMENTS[name]()


if __name__ == "__main__":
    main()
