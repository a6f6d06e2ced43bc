"""Writes the catalogue's tables into `docs/hostile-files.md`: `python -m tests.hostile.table`."""

from pathlib import Path

from tests.hostile.catalogue import SECTIONS, Case

PAGE = Path(__file__).parents[2] / "docs" / "hostile-files.md"
BEGIN = "<!-- tables: begin, written by `python -m tests.hostile.table` from tests/hostile/catalogue.py -->"
END = "<!-- tables: end -->"


def with_tables(page: str) -> str:
    """The page with its tables as the catalogue has them now."""
    before, rest = page.split(BEGIN)
    after = rest.split(END)[1]
    return before + BEGIN + "\n" + "\n".join(_section(*part) for part in SECTIONS.items()) + END + after


def _section(title: str, cases: list[Case]) -> str:
    rows = "".join(f"| {case.name} | {case.expected[0]} | {case.expected[1]} |\n" for case in cases)
    return f"## {title}\n\n| file | `/predict` | `/submissions` |\n|---|---|---|\n{rows}"


if __name__ == "__main__":
    PAGE.write_text(with_tables(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
