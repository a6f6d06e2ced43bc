"""The contact sheet of random changes."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from ml.augmentation.preview import COLUMNS, examples, rows_of, sheet
from ml.augmentation.settings import CHANGES
from ml.cli import app
from ml.config import Augmentation, load_config

PHOTO = np.random.default_rng(1).integers(0, 256, (40, 40, 3)).astype(np.uint8)


def test_a_row_for_each_change_alone_and_one_for_all_together() -> None:
    rows = rows_of(None)

    assert [row.title for row in rows] == [*(change.text for change in CHANGES), "all together"]
    for change, row in zip(CHANGES, rows, strict=False):
        assert getattr(row.changes, change.key) == change.example
        assert row.changes.flip == (change.key == "flip")


def test_a_configs_rows_are_what_it_changes() -> None:
    config = load_config("tiny").augmentation
    rows = rows_of(config)

    assert [row.title for row in rows] == ["rotation, degrees", "shift, both ways", "zoom in and out",
                                           "mirror image", "all together"]  # fmt: skip
    assert rows[-1].changes == config


def test_mixup_mixes_with_the_photo_upside_down() -> None:
    pictures = examples(PHOTO, Augmentation(flip=False, mixup=0.4))

    for picture in pictures:
        shares = [(share, np.abs(share * PHOTO + (1 - share) * PHOTO[::-1] - picture).max())
                  for share in np.linspace(0.5, 1, 501)]  # fmt: skip
        assert min(difference for _, difference in shares) < 2


def test_the_sheet_holds_every_picture() -> None:
    page = np.asarray(sheet(PHOTO, load_config("tiny").augmentation))
    paper = (page == page[0, 0]).all(-1)

    rows, columns = (~paper[:, 224:]).any(1), (~paper[:, 224:]).any(0)
    assert rows.sum() == 5 * 40
    assert columns.sum() == COLUMNS * 40


def test_from_the_command_line(tmp_path: Path) -> None:
    Image.fromarray(PHOTO).save(tmp_path / "photo.png")
    out = tmp_path / "sheet.png"
    arguments = [
        "augment",
        "preview",
        str(tmp_path / "photo.png"),
        "--out",
        str(out),
        "--config",
        "tiny",
        "--size",
        "32",
    ]
    made = CliRunner().invoke(app, arguments)

    assert made.exit_code == 0, made.output
    assert Image.open(out).height == 2 * 24 + 5 * 32 + 4 * 8


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["nowhere.jpg"], "nowhere.jpg"),
        (["pyproject.toml"], "pyproject.toml"),
        (["a.jpg", "--config", "tinny"], "tinny"),
    ],
)
def test_refuses_with_a_sentence(arguments: list[str], reason: str) -> None:
    result = CliRunner().invoke(app, ["augment", "preview", *arguments])

    assert result.exit_code == 1
    assert reason in result.output
