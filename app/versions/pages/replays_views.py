"""Replays in words: how far one is, what it found, and the submissions that would get another verdict."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from app.predictions.rules import ClaimKind, Outcome
from app.review.words import Words
from app.submissions.tables import ClaimRecord
from app.submissions.words import DONT_KNOW, OTHER_SPECIES
from app.versions.pages.figures import Cell, percent
from app.versions.pages.outcomes import OUTCOMES
from app.versions.pages.version_views import title
from app.versions.replay_results import Summary, Wanted
from app.versions.tables import Replay, ReplayVerdict

_HEAT = 4


@dataclass(frozen=True)
class MatrixCell(Cell):
    """``url`` leads to the submissions counted; empty where none flips."""

    url: str
    name: str


@dataclass(frozen=True)
class Change:
    """A number as it is now, as it would be, and the difference in words."""

    name: str
    before: int
    after: int
    said: str
    hint: str


@dataclass(frozen=True)
class ReplayView:
    """A replay as pages show it. ``share``: per cent done; ``matrix``: a row per verdict of the version in service."""

    id: int
    version_id: int
    version: str
    against: str
    live: bool
    what: str
    who: str
    created_at: datetime
    state: str
    state_text: str
    over: bool
    done: int
    share: int
    progress: str
    missing: str
    failed: str
    headline: str
    flips: int
    decided: str
    disputed: int
    columns: list[str]
    matrix: list[tuple[str, list[MatrixCell]]]
    changes: list[Change]
    revision: str


@dataclass(frozen=True)
class FlipView:
    """A submission that would get another verdict."""

    url: str
    thumb_url: str
    title: str
    said: str
    notes: list[str]
    sent_at: datetime


class ReplayViews:
    """Builds them in one language."""

    def __init__(self, words: Words) -> None:
        self._words = words
        self.t = words.t
        self.n = words.language.ngettext

    def view(self, found: Summary, *, current: bool = False) -> ReplayView:
        """A replay with what it found so far. ``current``: a live one that goes on growing."""
        replay = found.replay
        flips = sum(found.flips.values())
        state, state_text, over = self._state(found, current=current)
        return ReplayView(
            id=replay.id,
            version_id=replay.model_version_id,
            version=title(replay.model_version),
            against=title(replay.against),
            live=replay.live,
            what=self.what(replay),
            who=replay.user.name if replay.user else self.t("the command line"),
            created_at=replay.created_at,
            state=state,
            state_text=state_text,
            over=over,
            done=found.done,
            share=round(100 * found.done / found.submissions) if found.submissions else 0,
            progress=self.t("%(done)s of %(all)s submissions", done=found.done, all=found.submissions),
            missing=self._missing(found, over=over),
            failed=self.n("One part failed.", "%(num)s parts failed.", found.failed) if found.failed else "",
            headline=self._headline(found, flips),
            flips=flips,
            decided=self._decided(found),
            disputed=found.disputed,
            columns=[self.t(OUTCOMES[outcome]) for outcome in Outcome],
            matrix=self._matrix(found),
            changes=self._changes(found),
            revision=f"{found.done}-{found.waiting}-{found.failed}-{found.decided}",
        )

    def what(self, replay: Replay) -> str:
        """What it looks at."""
        if replay.live:
            return self.t("new submissions")
        if replay.only_measuring:
            return self.t("evaluation photos only")
        if replay.since is None:
            return self.t("all submissions")
        return self.t("submissions since %(day)s", day=self._words.language.date(replay.since))

    def _state(self, found: Summary, *, current: bool) -> tuple[str, str, bool]:
        if found.replay.live:
            text = self.t("running") if current else self.t("ended")
            return ("running" if current else "over"), text, not current
        if found.waiting:
            return "running", self.t("running"), False
        return ("failed", self.t("parts failed"), True) if found.failed else ("done", self.t("done"), True)

    def _missing(self, found: Summary, *, over: bool) -> str:
        left = found.submissions - found.done
        if not over or found.failed or not left:
            return ""
        return self.n(
            "One was skipped: withdrawn, or its photo can’t be read.",
            "%(num)s were skipped: withdrawn, or their photos can’t be read.",
            left,
        )

    def _headline(self, found: Summary, flips: int) -> str:
        if not found.done:
            return self.t("Nothing checked yet.")
        if not flips:
            return self.n(
                "The verdict of the one submission would not change.",
                "None of the %(num)s verdicts would change.",
                found.done,
            )
        if found.done == 1:
            return self.t("The verdict of the one submission would change.")
        return self.n(
            "Of %(done)s submissions, one would get a different verdict (%(share)s).",
            "Of %(done)s submissions, %(num)s would get a different verdict (%(share)s).",
            flips,
            done=found.done,
            share=percent(flips / found.done, 1),
        )

    def _decided(self, found: Summary) -> str:
        if not found.decided:
            return ""
        return self.n(
            "One has already been decided by a person; it would not change and is not counted below.",
            "%(num)s have already been decided by people; they would not change and are not counted below.",
            found.decided,
        )

    def _matrix(self, found: Summary) -> list[tuple[str, list[MatrixCell]]]:
        rows = []
        for before in Outcome:
            counts = {after: _count(found, before, after) for after in Outcome}
            if total := sum(counts.values()):
                cells = [self._cell(found.replay.id, before, after, counts, total) for after in Outcome]
                rows.append((self.t(OUTCOMES[before]), cells))
        return rows

    def _cell(
        self, replay_id: int, before: Outcome, after: Outcome, counts: Mapping[Outcome, int], total: int
    ) -> MatrixCell:
        count = counts[after]
        flips = before is not after and count > 0
        return MatrixCell(
            count=count,
            share=percent(count / total),
            heat=heat_of(count, total),
            right=before is after,
            url=f"/admin/replays/{replay_id}?before={before}&verdict={after}#list" if flips else "",
            name=self.flip(before, after),
        )

    def flip(self, before: Outcome, after: Outcome) -> str:
        """From which verdict to which."""
        return self.t("%(before)s → %(after)s", before=self.t(OUTCOMES[before]), after=self.t(OUTCOMES[after]))

    def _changes(self, found: Summary) -> list[Change]:
        expert = self.t("what the computer does not agree with")
        accepted = self.t("for species with acceptance turned on")
        return [
            self.change(self.t("For an expert"), found.queue_before, found.queue_after, expert),
            self.change(self.t("Accepted by the computer"), found.accepted_before, found.accepted_after, accepted),
        ]

    def change(self, name: str, before: int, after: int, hint: str) -> Change:
        """A number now and then."""
        return Change(name, before, after, self._difference(before, after), hint)

    def _difference(self, before: int, after: int) -> str:
        if before == after:
            return self.t("no change")
        more = after > before
        share = f" ({'+' if more else ''}{percent((after - before) / before)})" if before else ""
        number = abs(after - before)
        said = self.n("one more", "%(num)s more", number) if more else self.n("one fewer", "%(num)s fewer", number)
        return said + share

    def flips(self, rows: list[ReplayVerdict]) -> list[FlipView]:
        """The submissions of a page."""
        return [self._flip(row) for row in rows]

    def _flip(self, row: ReplayVerdict) -> FlipView:
        submission = row.submission
        photo = next((each for each in submission.photos if each.removed_at is None), None)
        notes = []
        if row.decided:
            notes.append(self.t("decided by a person: no change"))
        elif row.accepted_now:
            notes.append(self.t("currently accepted by the computer"))
        elif row.accepted_after:
            notes.append(self.t("would be accepted by the computer"))
        claim = self._claim(submission.claim)
        return FlipView(
            url=f"/review/{submission.id}",
            thumb_url=f"/photos/{photo.token}/thumb.jpg" if photo else "",
            title=claim[:1].upper() + claim[1:],
            said=self.flip(row.before, row.after),
            notes=notes,
            sent_at=submission.created_at,
        )

    def _claim(self, claim: ClaimRecord) -> str:
        if claim.kind is ClaimKind.TAXON and claim.taxon is not None:
            return self._words.name(claim.taxon.scientific_name)
        return claim.verbatim or self.t(OTHER_SPECIES) if claim.kind is ClaimKind.OTHER else self.t(DONT_KNOW)

    def filters(self, replay: ReplayView, wanted: Wanted) -> list[tuple[str, str, bool]]:
        """The lists there are: address, name, and whether it is shown."""
        here = f"/admin/replays/{replay.id}"
        flips = self.t("Different verdict (%(number)s)", number=replay.flips)
        disputed = self.t("Disputed acceptances (%(number)s)", number=replay.disputed)
        found = [
            (f"{here}#list", flips, wanted == Wanted()),
            (f"{here}?disputed=true#list", disputed, wanted.disputed),
        ]
        if wanted.before is not None and wanted.after is not None:
            found.append(("", self.flip(wanted.before, wanted.after), True))
        return found


def heat_of(count: int, total: int) -> int:
    """How strongly a cell of a table is coloured, 0…4."""
    return math.ceil(_HEAT * count / total) if total else 0


def _count(found: Summary, before: Outcome, after: Outcome) -> int:
    return found.same.get(before, 0) if before is after else found.flips.get((before, after), 0)
