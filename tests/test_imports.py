"""Imports run one way, and serving never pays for TensorFlow. docs/architecture.md gives the reasons."""

import ast
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


def test_use_cases_know_nothing_of_http():
    """Only what answers requests imports the web frameworks: pages, API, forms, their dependencies and the web frame."""
    outside = []
    for path in sorted((ROOT / "app").rglob("*.py")):
        parts = path.relative_to(ROOT / "app").with_suffix("").parts
        if (
            {"web", "pages", "form", "dependencies"} & set(parts)
            or parts[-1].startswith(("api", "pages"))
            or parts == ("main",)
        ):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if {name.split(".")[0] for name in names} & {"fastapi", "starlette", "jinja2"}:
                outside.append("/".join(parts))
    # The layer that finds out who is asking, and what writes mails.
    assert sorted(set(outside)) == ["accounts/visitors", "mail/rendering"]
