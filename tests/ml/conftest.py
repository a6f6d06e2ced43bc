"""A drawn data folder and a tiny model version trained on it, each made once."""

from pathlib import Path

import pytest

from ml.config import load_config
from ml.datasets.synthetic import write_drawn_folder
from ml.run import train_version
from tests.ml.runs import QUIET


@pytest.fixture(scope="session")
def drawn_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_drawn_folder(tmp_path_factory.mktemp("drawn"), per_label=60, outsiders=100)


@pytest.fixture(scope="session")
def tiny_version(drawn_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("version") / "tiny"
    train_version(load_config("tiny"), drawn_data, folder, command="test", options=QUIET, rounds=20)
    return folder
