"""Write the table of settings in docs/operations.md from app/core/settings.py, so that the two can't drift apart."""

import re
from pathlib import Path

from app.core.settings import Settings

PAGE = Path(__file__).resolve().parent.parent / "docs" / "operations.md"
BEGIN, END = "<!-- settings: begin, written by `make docs` from app/core/settings.py -->\n", "<!-- settings: end -->"


def table() -> str:
    """Name, default and meaning of every setting, as Markdown."""
    lines = ["| setting | default | what it is |", "|---|---|---|"]
    for name, field in Settings.model_fields.items():
        if field.default_factory is not None:
            default = "depends on the machine"
        else:
            default = f"`{field.default}`" if field.default not in (None, "") else ""
        lines.append(f"| `WINGCHECK_{name.upper()}` | {default} | {field.description or ''} |")
    return "\n".join(lines) + "\n"


def with_table(page: str) -> str:
    """The page, with what stands between the two marks replaced."""
    return re.sub(f"(?s){re.escape(BEGIN)}.*?{re.escape(END)}", lambda _: BEGIN + table() + END, page)


if __name__ == "__main__":
    PAGE.write_text(with_table(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
