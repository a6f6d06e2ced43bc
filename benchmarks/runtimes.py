"""The same model version under LiteRT and under TensorFlow (the baseline): time per photo on one thread, memory, start."""

import json
import subprocess
import sys

from benchmarks.timing import table

_PROBE = """
import json, os, resource, sys, time
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
started = time.perf_counter()
import numpy as np
from benchmarks.timing import median_ms
from ml.inference import bundled_versions, load_classifier
classifier = load_classifier(bundled_versions()[0], sys.argv[1], threads=1)
size = classifier.info.input_size
batch = np.random.default_rng(0).uniform(0, 255, (1, size, size, 3)).astype(np.float32)
classifier.predict(batch)
ready = time.perf_counter() - started
print(json.dumps({"ms": median_ms(lambda: classifier.predict(batch), 200), "ready": ready,
                  "mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))
"""


def probe(runtime: str) -> dict[str, float]:
    """Measure one runtime in a process of its own."""
    done = subprocess.run([sys.executable, "-c", _PROBE, runtime], check=True, capture_output=True, text=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> None:
    """Print the table."""
    slow, fast = probe("savedmodel"), probe("litert")
    rows: list[tuple[str, ...]] = [("", "SavedModel in TensorFlow", "LiteRT", "ratio")]
    for key, name, form in (
        ("ms", "one photo, ms", ".2f"),
        ("ready", "start to first answer, s", ".2f"),
        ("mb", "peak memory, MB", ".0f"),
    ):
        rows.append((name, format(slow[key], form), format(fast[key], form), f"{slow[key] / fast[key]:.1f}"))
    table(rows)
