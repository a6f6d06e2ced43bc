"""Importing much at once, and no more than is needed."""

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uncollected() -> Iterator[None]:
    """For imports. What they make stays: to look for garbage among it takes a sixth of the start, and time again ever after."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if collecting:
            gc.enable()


@contextmanager
def without(*packages: str) -> Iterator[None]:
    """For the import of something that takes along whatever it finds installed: these packages are not found meanwhile."""
    hidden = [name for name in packages if name not in sys.modules]
    for name in hidden:
        sys.modules[name] = None  # type: ignore[assignment]  # what is None there can't be imported
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]
