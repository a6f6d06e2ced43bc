"""What the OpenAPI document promises, held against the service as it runs: Schemathesis with every check that it has.

WINGCHECK_FUZZ_SECONDS makes it go on for that long, with chance instead of a fixed seed; `make fuzz` does.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from app.accounts.api_keys import MOST_REQUESTS
from app.core.roles import Role, Scope
from tests.people import make_key, make_user
from tests.running import Server

CHECKOUT = Path(__file__).resolve().parents[2]
SECONDS = os.environ.get("WINGCHECK_FUZZ_SECONDS", "")
BOUNDED = [
    "--max-examples=2",
    "--seed=1",
    "--generation-deterministic",
    "--phases=examples,coverage,fuzzing",
]
LONGER = ["--max-examples=100000", f"--max-time={SECONDS}"]
# What it takes for a refusal, and an address that is too long, which it has forgotten.
CONFIG = """[checks.negative_data_rejection]
expected-statuses = [400, 401, 403, 404, 405, 406, 409, 413, 414, 415, 422, 428, 429]
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("promises"))
    try:
        yield server.start()
    finally:
        server.close()


@pytest.fixture(scope="module")
def key(server):
    """A key for everything."""
    admin = make_user(server.sessions, Role.ADMIN)
    return make_key(server.sessions, admin, *Scope, requests_per_minute=MOST_REQUESTS)


@pytest.mark.timeout(600 + 2 * int(SECONDS or 0))
def test_the_service_keeps_what_its_document_promises(server, key, tmp_path):
    command = [str(Path(sys.executable).with_name("schemathesis")), "run", f"{server.url}/openapi.json"]
    command += ["--header", f"Authorization: Bearer {key}"]
    command += ["--no-color", "--no-shrink", "--continue-on-failure", *(LONGER if SECONDS else BOUNDED)]
    hooks = {"SCHEMATHESIS_HOOKS": "tests.app.promises", "PYTHONPATH": str(CHECKOUT), "NO_PROXY": "*"}
    (tmp_path / "schemathesis.toml").write_text(CONFIG)
    before = len(server.log)
    done = subprocess.run(command, cwd=tmp_path, env=os.environ | hooks, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert number("Tested", done.stdout) == number("Selected", done.stdout) > 0, done.stdout
    assert "unexpected error" not in server.log[before:]


def number(name, report):
    found = re.search(rf"{name}: (\d+)", report)
    return int(found[1]) if found else None
