"""A drawn data folder and a tiny model version trained on it, each made once."""

from pathlib import Path
from typing import Any

import pytest

from ml.config import load_config
from ml.datasets.synthetic import write_drawn_folder
from ml.progress import silent
from ml.run import train_version


@pytest.fixture(scope="session")
def drawn_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_drawn_folder(tmp_path_factory.mktemp("drawn"), per_label=60, outsiders=100)


@pytest.fixture(scope="session")
def tiny_version(drawn_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("version") / "tiny"
    train_version(load_config("tiny"), drawn_data, folder, command="test", say=_quiet, report=silent, rounds=20)
    return folder


def _quiet(_: Any) -> None:
    pass
