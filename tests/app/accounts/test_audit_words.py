"""Whatever is written into the audit log is told in words on its page."""

import ast
from pathlib import Path

from app.accounts.audit import ACTIONS

APP = Path(__file__).parents[3] / "app"


def recorded():
    """The action of every call of ``audit.record`` that names one."""
    for path in sorted(APP.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "record":
                for argument in node.args[2:3]:
                    if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                        yield argument.value


def test_every_action_has_words():
    found = set(recorded())
    assert len(found) > 20
    assert sorted(found - set(ACTIONS)) == []
