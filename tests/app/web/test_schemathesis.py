"""What the OpenAPI document promises, held against the service as it runs: Schemathesis with every check that it has.

WINGCHECK_FUZZ_SECONDS makes it go on for that long, with chance instead of a fixed seed; `make fuzz` does.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.running import Server

CHECKOUT = Path(__file__).resolve().parents[3]
SECONDS = os.environ.get("WINGCHECK_FUZZ_SECONDS", "")
BOUNDED = [
    "--max-examples=4",
    "--max-time=40",
    "--seed=1",
    "--generation-deterministic",
    "--phases=examples,coverage,fuzzing",
]
LONGER = ["--max-examples=100000", f"--max-time={SECONDS}"]


@pytest.fixture
def server(tmp_path):
    server = Server(tmp_path)
    try:
        yield server.start()
    finally:
        server.close()


@pytest.mark.timeout(300 + 2 * int(SECONDS or 0))
def test_the_service_keeps_what_its_document_promises(server, tmp_path):
    command = [str(Path(sys.executable).with_name("schemathesis")), "run", f"{server.url}/openapi.json"]
    command += ["--no-color", "--no-shrink", "--continue-on-failure", *(LONGER if SECONDS else BOUNDED)]
    hooks = {"SCHEMATHESIS_HOOKS": "tests.app.web.promises", "PYTHONPATH": str(CHECKOUT), "NO_PROXY": "*"}
    done = subprocess.run(command, cwd=tmp_path, env=os.environ | hooks, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Tested: 7" in done.stdout
    assert "unexpected error" not in server.log
