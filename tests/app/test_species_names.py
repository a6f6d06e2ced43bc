"""Nothing in the application names a species: another model brings other species, without a change of code."""

import re

from app.core.paths import PACKAGE, STATIC, TEMPLATES
from ml.inference import read_version
from tests.versions import BUNDLED


def names():
    """Scientific and vernacular names of the bundled labels, with their genera."""
    for label in read_version(BUNDLED).labels:
        yield from (label.scientific_name, label.scientific_name.split()[0], *label.vernacular_names.values())


def sources():
    yield from PACKAGE.rglob("*.py")
    yield from PACKAGE.rglob("*.po")
    yield from TEMPLATES.rglob("*.html")
    yield from (STATIC / "js").rglob("*.js")
    yield from (STATIC / "css").rglob("*.css")


def without_examples(text):
    """Documentation shows what an answer looks like; an example is no rule."""
    return re.sub(r"(?s)examples?=\[.*?\]", "", text)


def test_no_source_of_the_application_names_a_species():
    wanted = re.compile("|".join(re.escape(name) for name in set(names())), re.IGNORECASE)
    found = {}
    for path in sources():
        lines = without_examples(path.read_text(encoding="utf-8")).splitlines()
        hits = [f"{number}: {line.strip()}" for number, line in enumerate(lines, 1) if wanted.search(line)]
        if hits:
            found[str(path)] = hits
    assert found == {}
