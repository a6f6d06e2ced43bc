"""Templates are checked whole: a page that nobody opens in a test must not fail in front of somebody."""

from jinja2 import nodes

from app.core.paths import TEMPLATES
from app.core.web.pages import _environment

NAMES = sorted(path.relative_to(TEMPLATES).as_posix() for path in TEMPLATES.rglob("*") if path.is_file())


def parsed(name: str) -> nodes.Template:
    return _environment("en").parse((TEMPLATES / name).read_text(encoding="utf-8"), name)


def exported(name: str) -> set[str]:
    body = parsed(name).body
    variables = [node.target for node in body if isinstance(node, nodes.Assign)]
    macros = {node.name for node in body if isinstance(node, nodes.Macro)}
    return macros | {target.name for target in variables if isinstance(target, nodes.Name)}


def test_what_a_template_takes_from_another_is_there():
    """But for those of mails, whose file is only known when a mail is written."""
    missing, looked_at = [], 0
    for name in NAMES:
        for taken in parsed(name).find_all(nodes.FromImport):
            if not isinstance(taken.template, nodes.Const):
                continue
            names = {each if isinstance(each, str) else each[0] for each in taken.names}
            missing += [(name, taken.template.value, each) for each in names - exported(taken.template.value)]
            looked_at += 1
    assert missing == []
    assert looked_at > 100
