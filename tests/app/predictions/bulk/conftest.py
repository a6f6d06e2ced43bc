"""What tests of many photos at once share."""

import pytest

from app.predictions.classifiers import offline_version


@pytest.fixture(scope="session")
def info():
    """The bundled version."""
    return offline_version(None)
