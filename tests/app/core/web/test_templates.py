"""Templates are checked whole: a page that nobody opens in a test must not fail in front of somebody."""

import pytest
from jinja2 import nodes

from app.core.paths import TEMPLATES
from app.core.web.pages import _environment

NAMES = sorted(path.relative_to(TEMPLATES).as_posix() for path in TEMPLATES.rglob("*") if path.is_file())


def parsed(name: str) -> nodes.Template:
    return _environment("en").parse((TEMPLATES / name).read_text(encoding="utf-8"), name)


@pytest.mark.parametrize("folder", sorted({name.partition("/")[0] for name in NAMES}))
def test_what_a_template_takes_from_another_is_there(folder: str):
    missing = []
    for name in NAMES:
        for taken in parsed(name).find_all(nodes.FromImport) if name.startswith(f"{folder}/") else ():
            assert isinstance(taken.template, nodes.Const)
            body = parsed(taken.template.value).body
            there = {node.name for node in body if isinstance(node, nodes.Macro)}
            there |= {
                node.target.name
                for node in body
                if isinstance(node, nodes.Assign) and isinstance(node.target, nodes.Name)
            }
            names = {each if isinstance(each, str) else each[0] for each in taken.names}
            missing += [(name, taken.template.value, each) for each in names - there]
    assert missing == []
