import pytest

from app.taxa.rules import slug


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Genus species", "genus-species"),
        ("Genus species subsp. alpina", "genus-species-subsp-alpina"),
        ("Genus × hybridus", "genus-hybridus"),
        ("  Genus  ", "genus"),
        ("../../etc/passwd", "etc-passwd"),
        ("", ""),
    ],
)
def test_a_name_in_file_names_and_links(name, expected):
    assert slug(name) == expected
