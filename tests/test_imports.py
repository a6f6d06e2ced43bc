"""Imports run one way, and serving never pays for TensorFlow. docs/architecture.md gives the reasons."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

# What only training and the reference runtime need: seconds to import, hundreds of megabytes to hold.
TRAINING_ONLY = {"tensorflow", "keras", "sklearn", "matplotlib", "scipy"}


def python(code: str) -> subprocess.CompletedProcess[str]:
    """Run `code` in a fresh interpreter in the checkout, where nothing has been imported yet."""
    return subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )


def test_every_contract_of_pyproject_is_kept():
    result = python("from importlinter.cli import lint_imports; raise SystemExit(lint_imports(no_cache=True))")
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize("module", ["app.main", "app.cli", "app.worker", "app.predictions.inference", "ml.inference"])
def test_importing_what_serves_loads_nothing_of_training(module):
    result = python(f"import sys, {module}; print(*{TRAINING_ONLY} & sys.modules.keys())")
    assert result.returncode == 0, result.stderr
    assert result.stdout.split() == []
