"""What stands in the way of starting is said in one clear line, without a traceback."""

import ctypes
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.running import command, environment, free_port

_DROP_FROM_BOUNDING_SET, _OVERRIDE_PERMISSIONS = 24, 1  # prctl(PR_CAPBSET_DROP, CAP_DAC_OVERRIDE)


def run(folder: Path, data: Path, *arguments: str, ordinary: bool = False) -> "subprocess.CompletedProcess[str]":
    """Run `wingcheck run`; with `ordinary`, permissions hold for root too."""
    return subprocess.run(
        command("run", *arguments),
        cwd=folder,
        env=environment(data),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        preexec_fn=_respect_permissions if ordinary else None,
    )


def _respect_permissions() -> None:
    ctypes.CDLL(None).prctl(_DROP_FROM_BOUNDING_SET, _OVERRIDE_PERMISSIONS, 0, 0, 0)


def check_refused(result: "subprocess.CompletedProcess[str]", *parts: str) -> None:
    """One line on standard error that names all this, and exit code 1."""
    assert result.returncode == 1, result.stdout + result.stderr
    [line] = result.stderr.strip().splitlines()
    for part in parts:
        assert part in line


def test_a_port_in_use(tmp_path: Path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = run(tmp_path, tmp_path / "data", "--port", str(port))
    check_refused(result, f"127.0.0.1:{port}", "PORT=")


@pytest.mark.skipif(sys.platform != "linux", reason="takes a privilege from root as Linux does")
def test_a_data_folder_that_is_read_only(tmp_path: Path):
    data = tmp_path / "data"
    data.mkdir(mode=0o555)
    result = run(tmp_path, data, "--port", str(free_port()), ordinary=True)
    check_refused(result, str(data), "Permission denied", "WINGCHECK_DATA_DIR")


def test_a_data_folder_that_is_a_file(tmp_path: Path):
    data = tmp_path / "data"
    data.write_text("not a folder")
    check_refused(run(tmp_path, data, "--port", str(free_port())), str(data), "WINGCHECK_DATA_DIR")
