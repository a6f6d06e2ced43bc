"""Real files with changed bytes: a picture or a PhotoError, whatever the decoders meet.

WINGCHECK_FUZZ_FILES says how many of each format, with chance instead of a fixed seed; `make fuzz` does.
"""

import os
import secrets
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.hostile.decoding import fault, originals

ORIGINALS = originals()
FILES = os.environ.get("WINGCHECK_FUZZ_FILES", "")
CHECKOUT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("name", ORIGINALS)
@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(
    cut=st.floats(0, 1),
    changes=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), max_size=8),
)
def test_changed_bytes_are_a_picture_or_a_refusal(name: str, cut: float, changes: list[tuple[float, int]]) -> None:
    data = bytearray(ORIGINALS[name])
    for place, value in changes:
        data[int(place * len(data))] = value
    whole = len(data) if cut > 0.5 else int(cut * 2 * len(data))
    assert fault(bytes(data[:whole])) is None


@pytest.mark.timeout(300 + int(FILES or 0))
def test_thousands_of_changed_files_leave_the_process_whole() -> None:
    """In a process of its own: a decoder that crashes would take this one along."""
    command = [
        sys.executable,
        "-m",
        "tests.hostile.decoding",
        FILES or "500",
        str(secrets.randbits(32) if FILES else 1),
    ]
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, timeout=200 + int(FILES or 0))
    assert done.returncode == 0, f"{done.returncode}\n{done.stdout}\n{done.stderr}"
    assert done.stdout.count("changed files") == len(ORIGINALS)
