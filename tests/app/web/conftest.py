"""What tests of pages share."""

import pytest

from tests.app.sending import row, submit
from tests.versions import make_version, put_into_service


@pytest.fixture
def serve(lite, tmp_path):
    """Put the bundled network into service under another policy."""

    def put(version="99.0.0", **policy):
        put_into_service(lite.sessions, lite.settings, make_version(tmp_path, version, **policy))
        for classifiers in (lite.worker.classifiers, lite.client.app.state.classifiers):
            classifiers._checked = 0.0

    return put


@pytest.fixture
def screened(lite):
    """Send a submission and let the worker look at it."""

    def send(*pictures, **values):
        token = submit(lite, *pictures, **values).token
        lite.work()
        return row(lite, token)

    return send
