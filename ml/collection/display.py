"""What a person sees of a run: a bar per keyword, and tables afterwards. Names from outside are never markup."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from types import TracebackType

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from ml.collection.manifest import Status
from ml.collection.reporting import KeywordSummary, Reporter, Summary
from ml.collection.request import CollectRequest, Keyword

_console = Console(soft_wrap=True, highlight=False, markup=False)


def say(line: str) -> None:
    """One line, as it stands."""
    _console.print(line)


class ProgressReporter(Reporter):
    """A progress bar per keyword. In a file or a pipe only the pauses are printed."""

    def __init__(self, maximum: int | None) -> None:
        """``maximum``: photos to keep per keyword."""
        self._maximum = maximum
        self._tasks: dict[str, TaskID] = {}
        self._tally: Counter[str] = Counter()
        self._progress = Progress(
            TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[aside]}"),
            TimeRemainingColumn(), console=_console, transient=True, disable=not _console.is_terminal,
        )  # fmt: skip

    def __enter__(self) -> ProgressReporter:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def begun(self, keyword: Keyword, kept: int, found: int) -> None:
        """Draw the keyword's bar."""
        self._tally.clear()
        self._tasks[keyword.text] = self._progress.add_task(
            escape(keyword.text), total=self._total(found), completed=kept, aside=""
        )

    def found(self, keyword: Keyword, total: int) -> None:
        """Now the bar's length is known."""
        self._progress.update(self._tasks[keyword.text], total=self._total(total))

    def settled(self, keyword: Keyword, status: Status, reason: str | None) -> None:
        """One more."""
        self._tally[status] += 1
        aside = ", ".join(f"{self._tally[name]} {name}" for name in ("skipped", "failed") if self._tally[name])
        moves = status == "kept" or self._maximum is None
        self._progress.update(self._tasks[keyword.text], advance=1 if moves else 0, aside=aside)

    def paused(self, seconds: float, why: str) -> None:
        """Say why nothing moves."""
        self._progress.console.print(f"{why}: waiting {seconds:.0f} s", markup=False)

    def _total(self, found: int) -> int | None:
        if not found:
            return self._maximum
        return found if self._maximum is None else min(found, self._maximum)


def show_summary(summary: Summary) -> None:
    """Tables of what is there, and of what was left out and why."""
    if not summary.keywords:
        return say("Nothing has been collected here yet.")
    table = _table(["keyword", "taxon"], ["found", "kept", "left out", "waiting", "MB"], ["search"])
    for keyword in summary.keywords:
        left_out = sum(keyword.skipped.values()) + sum(keyword.failed.values())
        table.add_row(
            Text(keyword.keyword), Text(keyword.taxon), str(keyword.found), str(keyword.kept), str(left_out),
            str(keyword.waiting), f"{keyword.bytes / 1e6:.1f}", "read" if keyword.complete else "not all read",
        )  # fmt: skip
    _console.print(table)
    _show_reasons(summary.keywords)
    if summary.kept:
        licences = ", ".join(f"{number} {name}" for name, number in summary.licences.items())
        by = "1 photographer" if summary.photographers == 1 else f"{summary.photographers} photographers"
        say(f"{summary.kept} {'photo' if summary.kept == 1 else 'photos'} kept, by {by}: {licences}.")


def show_counts(request: CollectRequest, counts: Mapping[str, int]) -> None:
    """What a dry run found."""
    table = _table(["keyword", "taxon"], ["on Flickr", "would be kept at most"], [])
    for keyword in request.keywords:
        number = counts[keyword.text]
        most = number if request.maximum is None else min(number, request.maximum)
        table.add_row(Text(keyword.text), Text(keyword.taxon), str(number), str(most))
    _console.print(table)
    if not any(counts.values()):
        say("Flickr has no photo for these keywords with these filters and licences.")


def _show_reasons(keywords: tuple[KeywordSummary, ...]) -> None:
    counts: Counter[str] = Counter()
    for keyword in keywords:
        counts.update(keyword.skipped)
        counts.update(keyword.failed)
    if counts:
        table = _table(["left out because"], ["photos"], [])
        for reason, number in counts.most_common():
            table.add_row(Text(reason), str(number))
        _console.print(table)


def _table(first: list[str], numbers: list[str], last: list[str]) -> Table:
    table = Table(box=None, pad_edge=False)
    for name in first:
        table.add_column(name, overflow="fold")
    for name in numbers:
        table.add_column(name, justify="right")
    for name in last:
        table.add_column(name)
    return table
