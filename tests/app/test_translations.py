"""Everything that people read is there in every language: nothing missing, nothing doubtful, nothing left over."""

import re
from collections import Counter

import pytest

from app.core.web.i18n import LANGUAGES
from scripts.messages import catalogue_of, extract, read

SOURCE = "en"
TRANSLATED = sorted(set(LANGUAGES) - {SOURCE})
# %(name)s is filled in by the server, {name} by a script in the browser.
PLACEHOLDERS = re.compile(r"%\(\w+\)[a-z]|\{\w+\}")


@pytest.fixture(scope="module")
def said():
    """Every message that templates and code say."""
    return {message.id: message for message in extract() if message.id}


def forms(text):
    return list(text) if isinstance(text, tuple | list) else [text]


def name(message):
    return forms(message.id)[0]


@pytest.mark.parametrize("language", TRANSLATED)
def test_every_message_is_translated(said, language):
    catalogue = read(language)
    missing = [name(m) for m in said.values() if m.id not in catalogue or not all(forms(catalogue[m.id].string))]
    assert missing == [], "run `make messages` and translate what is empty"


@pytest.mark.parametrize("language", TRANSLATED)
def test_plurals_have_every_form_of_the_language(said, language):
    catalogue = read(language)
    plurals = [catalogue[m.id] for m in said.values() if m.pluralizable and m.id in catalogue]
    assert plurals
    assert [name(m) for m in plurals if len(forms(m.string)) != catalogue.num_plurals] == []


@pytest.mark.parametrize("language", TRANSLATED)
def test_no_translation_is_a_guess(language):
    assert [name(message) for message in read(language) if message.id and message.fuzzy] == []


@pytest.mark.parametrize("language", TRANSLATED)
def test_nothing_is_left_over(said, language):
    catalogue = read(language)
    assert [name(message) for message in catalogue if message.id and message.id not in said] == []
    assert list(catalogue.obsolete) == []


@pytest.mark.parametrize("language", TRANSLATED)
def test_a_translation_fills_in_what_its_message_fills_in(language):
    wrong = []
    for message in read(language):
        if not message.id:
            continue
        wanted = set(PLACEHOLDERS.findall(forms(message.id)[-1]))
        for text in forms(message.string):
            found = set(PLACEHOLDERS.findall(text))
            # The form for one thing may leave out the number: "one photo".
            if found != wanted and not (message.pluralizable and found == wanted - {"%(num)s", "%(n)s"}):
                wrong.append((name(message), text))
    assert wrong == []


@pytest.mark.parametrize("language", TRANSLATED)
def test_every_message_stands_in_the_catalogue_once(language):
    text = catalogue_of(language).read_text(encoding="utf-8")
    ids = Counter(re.findall(r'^msgid (".+")$', text, re.MULTILINE))
    assert [message for message, count in ids.items() if count > 1] == []


@pytest.mark.parametrize("language", TRANSLATED)
def test_apostrophes_are_curly(said, language):
    texts = [text for id_ in said for text in forms(said[id_].id)]
    texts += [text for message in read(language) if message.id for text in forms(message.string)]
    assert [text for text in texts if "'" in text] == []


def test_extraction_finds_templates_code_plurals_and_scripts(said):
    ids = {name(message) for message in said.values()}
    assert "My submissions" in ids  # a template
    assert "It looks like you are right" in ids  # a table of words in the code
    assert "We are looking at your photo" in ids  # a fragment
    assert "Page not found" in ids  # worded where errors become pages
    assert [message for message in said.values() if message.pluralizable]
