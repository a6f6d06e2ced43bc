"""The command line's table of contents."""

from typer.core import TyperGroup
from typer.main import get_command
from typer.testing import CliRunner

from app.cli import cli
from app.contents import CONTENTS

LISTED = [name for names in CONTENTS.values() for name in names]


def test_every_command_has_its_place():
    group = get_command(cli)
    assert isinstance(group, TyperGroup)
    assert sorted(LISTED) == sorted(group.commands)


def test_help_is_in_that_order():
    page = CliRunner().invoke(cli, ["--help"], env={"COLUMNS": "120"}).output
    heads = [page.index(f"─ {head} ") for head in CONTENTS]
    names = [page.index(f"│ {name} ") for name in LISTED]

    assert heads == sorted(heads)
    assert names == sorted(names)
