"""A name in a row or a backup leads nowhere but into its folder."""

import pytest

from app.core.errors import WingcheckError
from app.core.paths import inside


@pytest.mark.parametrize("name", ["browns-1.2.0", "2026-07-14-a1b2", "x_y+z"])
def test_a_plain_name(tmp_path, name):
    assert inside(tmp_path, name) == tmp_path / name


@pytest.mark.parametrize("name", ["", ".", "..", "../x", "a/b", "/etc", ".hidden", "a\\b", "a\nb", "~", "-rf"])
def test_anything_else_is_refused(tmp_path, name):
    with pytest.raises(WingcheckError):
        inside(tmp_path, name)
