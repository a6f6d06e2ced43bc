"""`make bench`: run the named measurements, or all of them, and print what was measured."""

import argparse
import os
import platform
from collections.abc import Callable

from benchmarks import decoding, runtimes, serving

MEASUREMENTS: dict[str, Callable[[], None]] = {
    "decoding": decoding.main,
    "runtimes": runtimes.main,
    "serving": serving.main,
}


def main() -> None:
    """Parse the names and run them."""
    parser = argparse.ArgumentParser(prog="make bench", description="Measure speed and size.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"any of: {', '.join(MEASUREMENTS)}; default: all")
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
