"""What leaves the house: the wheel carries all that a served page needs, the source archive all that a build needs."""

import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
NOT_SOURCE = shutil.ignore_patterns(
    ".git",
    ".venv*",
    "node_modules",
    "var",
    "runs",
    "dist",
    "build",
    "__pycache__",
    ".*_cache",
    ".hypothesis",
    "test-results",
)


def build(target: str, source: Path, into: Path) -> Path:
    """Build ``wheel`` or ``sdist`` of the project in `source` with what is installed here: no network."""
    command = [sys.executable, "-m", "hatchling", "build", "-t", target, "-d", str(into)]
    result = subprocess.run(command, cwd=source, capture_output=True, text=True, timeout=550, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    [built] = into.iterdir()
    return built


def files_below(folder: str) -> set[str]:
    """The files of a folder of the checkout, as paths from its root, without what Python or an editor leaves behind."""
    return {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and not path.name.startswith(".")
    }


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """A copy of the working tree that has a vendored front-end file, installed or not, and something to leave out."""
    copy = tmp_path_factory.mktemp("checkout") / "wingcheck"
    shutil.copytree(ROOT, copy, ignore=NOT_SOURCE)
    (copy / "static" / "vendor").mkdir(parents=True, exist_ok=True)
    (copy / "static" / "vendor" / "probe.js").touch()
    (copy / "app" / "__pycache__").mkdir(exist_ok=True)
    (copy / "app" / "__pycache__" / "probe.pyc").touch()
    return copy


@pytest.fixture(scope="module")
def sdist(checkout, tmp_path_factory):
    return build("sdist", checkout, tmp_path_factory.mktemp("sdist"))


@pytest.fixture(scope="module")
def wheel(checkout, tmp_path_factory):
    return build("wheel", checkout, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def carried(wheel):
    return set(zipfile.ZipFile(wheel).namelist())


@pytest.mark.parametrize("folder", ["templates", "static", "migrations"])
def test_the_wheel_carries_each_folder_beside_the_package(folder, carried):
    wanted = {f"app/_bundled/{path}" for path in files_below(folder)}
    assert wanted, f"{folder}/ is empty"
    assert wanted - carried == set()


@pytest.mark.parametrize("folder", ["app/locales", "ml/pretrained"])
def test_the_wheel_carries_translations_and_the_bundled_model(folder, carried):
    wanted = files_below(folder)
    assert wanted, f"{folder}/ is empty"
    assert wanted - carried == set()


def test_the_wheel_carries_what_git_ignores_because_it_is_made(carried):
    assert "app/_bundled/static/vendor/probe.js" in carried


def test_the_wheel_carries_nothing_else(carried):
    top = {name.split("/")[0] for name in carried if ".dist-info/" not in name}
    assert top == {"app", "ml"}
    assert [name for name in carried if name.endswith(".pyc") or "/tests/" in name] == []


def test_the_wheel_says_who_may_use_it_and_has_the_command(wheel, carried):
    [licence] = [name for name in carried if name.endswith(".dist-info/licenses/LICENSE")]
    [entry_points] = [name for name in carried if name.endswith(".dist-info/entry_points.txt")]
    archive = zipfile.ZipFile(wheel)
    assert b"MIT License" in archive.read(licence)
    assert b"wingcheck = app.__main__:main" in archive.read(entry_points)


def test_the_unpacked_wheel_finds_its_own_files(wheel, tmp_path):
    shutil.unpack_archive(wheel, tmp_path, format="zip")
    code = "from app.core import paths; print(paths.TEMPLATES, paths.STATIC, paths.MIGRATIONS, sep='\\n')"
    result = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    for line in result.stdout.splitlines():
        assert Path(line).is_relative_to(tmp_path)
        assert Path(line).is_dir()


def test_the_source_archive_builds_the_same_wheel(sdist, carried, tmp_path):
    shutil.unpack_archive(sdist, tmp_path)
    [source] = tmp_path.iterdir()
    again = build("wheel", source, tmp_path / "again")
    assert set(zipfile.ZipFile(again).namelist()) == carried


def test_the_source_archive_has_the_commands_and_no_leftovers(sdist):
    with tarfile.open(sdist) as archive:
        names = {name.split("/", 1)[1] for name in archive.getnames()}
    assert {
        "Makefile",
        "requirements.lock",
        "README.md",
        "LICENSE",
        "pyproject.toml",
        "tests/test_packaging.py",
    } <= names
    leftovers = {".venv", ".venv-litserve", "node_modules", "var", "runs", "dist"}
    assert {name.split("/")[0] for name in names} & leftovers == set()
