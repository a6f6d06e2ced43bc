"""Training runs as the admin's pages show them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from app.core.long_work import RunState
from app.core.web.charts import Axis, Chart, Line, chart
from app.core.web.words import STATES, job_message
from app.review.words import Words
from app.submissions.rules import VerificationStatus
from app.submissions.words import VERIFICATIONS
from app.versions.pages.bases import base_name
from app.versions.pages.figures import percent
from app.versions.pages.run_words import CAUSES, PARTS, PHASES, STARTS
from app.versions.rules import Wanted
from app.versions.runs import state
from app.versions.snapshots import NOTHING, Choice
from app.versions.tables import TrainingRun

_ = str  # marks messages for extraction
MORE = _("On the same %(photos)s photos it gets %(points)s in 100 more right than %(other)s (%(interval)s).")
FEWER = _("On the same %(photos)s photos it gets %(points)s in 100 fewer right than %(other)s (%(interval)s).")
ALIKE = _(
    "On the same %(photos)s photos there is no clear difference from %(other)s: the interval per 100 photos is %(interval)s."
)


@dataclass(frozen=True)
class LearntView:
    """What a run learns from: a row per part with photos and of them new ones, and the base data sets."""

    photos: list[list[str]]
    bases: list[str]


@dataclass(frozen=True)
class RunView:
    """A run now. ``revision`` and ``state`` together tell whether anything is different."""

    id: int
    state: str
    state_text: str
    over: bool
    stoppable: bool
    retriable: bool
    phase: str
    revision: str
    epochs_text: str
    share: int
    facts: list[str]
    ahead: str
    error: str
    log: str
    charts: list[Chart]
    cause: str
    created_at: datetime
    config: str
    start: str
    version_id: int | None
    version_title: str
    comparison: str
    against_id: int | None


class RunViews:
    """Builds them in one language. ``lost_after``: without a heartbeat for so long a run has lost its worker;
    ``collections``: their numbers, by the path of their folders.
    """

    def __init__(self, words: Words, lost_after: timedelta, collections: Mapping[str, int]) -> None:
        self._words = words
        self._collections = collections
        self.t = words.t
        self._lost_after = lost_after

    def view(self, run: TrainingRun, ahead: int = 0, against_id: int | None = None) -> RunView:
        """The run; ``ahead`` of it wait or run so many others; ``against_id``: the version that its own is compared with."""
        found = state(run, self._lost_after)
        version = run.model_version
        return RunView(
            id=run.id,
            state=found.value,
            state_text=self.t(STATES[found]),
            over=found.over,
            stoppable=not found.over and found is not RunState.STOPPING,
            retriable=found in {RunState.FAILED, RunState.CANCELLED},
            phase=self._phase(run, found),
            revision=f"{run.revision}-{found}-{ahead}",
            epochs_text=self._epochs(run),
            share=round(100 * run.epoch / run.epochs) if run.epochs else 0,
            facts=self._facts(run, found),
            ahead=self._ahead(ahead) if found is RunState.WAITING else "",
            error=job_message(self._words.language, run.job) if found in {RunState.FAILED, RunState.WAITING} else "",
            log=run.log,
            charts=self._charts(run.curves, run.epochs),
            cause=self.t(CAUSES[run.cause]) % {"who": run.user.name if run.user else self.t("somebody")},
            created_at=run.created_at,
            config=run.config,
            start=self.t(STARTS[run.start]),
            version_id=version.id if version else None,
            version_title=version.title if version else "",
            comparison=self.comparison(run),
            against_id=against_id if version else None,
        )

    def _phase(self, run: TrainingRun, found: RunState) -> str:
        # The process that trained has nothing more to do; the one that compares says nothing.
        phase = "comparing" if run.phase == "done" and not found.over else run.phase
        return self.t(PHASES[phase]) if phase in PHASES else phase

    def _epochs(self, run: TrainingRun) -> str:
        if not run.epoch:
            return ""
        return self.t("Epoch %(epoch)s of %(epochs)s", epoch=run.epoch, epochs=run.epochs)

    def _ahead(self, ahead: int) -> str:
        if not ahead:
            return self.t("Next in line. Each machine trains one run at a time.")
        ngettext = self._words.language.ngettext
        return ngettext("One run is ahead of it.", "%(num)s runs are ahead of it.", ahead)

    def _facts(self, run: TrainingRun, found: RunState) -> list[str]:
        facts = []
        if run.seconds_left and found is RunState.RUNNING:
            facts.append(self.t("about %(time)s left", time=self.duration(run.seconds_left)))
        if run.images_per_second and not found.over:
            facts.append(self.t("%(number)s photos per second", number=f"{run.images_per_second:.0f}"))
        if run.seconds_spent >= 1:
            facts.append(self.t("%(time)s elapsed", time=self.duration(run.seconds_spent)))
        if run.peak_megabytes >= 1:
            facts.append(self.t("peak memory %(amount)s MB", amount=f"{run.peak_megabytes:.0f}"))
        if run.machine and not found.over:
            facts.append(self.t("on %(machine)s", machine=run.machine))
        return facts

    def duration(self, seconds: float) -> str:
        """A time as people say it, never more exactly than it is known."""
        ngettext = self._words.language.ngettext
        if seconds < 90:
            return ngettext("one second", "%(num)s seconds", max(1, round(seconds)))
        if seconds < 5400:
            return ngettext("one minute", "%(num)s minutes", round(seconds / 60))
        return self.t("%(hours)s hours", hours=f"{seconds / 3600:.1f}")

    def _charts(self, curves: Sequence[Mapping[str, float]], epochs: int) -> list[Chart]:
        if len(curves) < 1:
            return []
        last = max(epochs, *(int(each.get("epoch", 0)) for each in curves), 2)
        across = Axis(self.t("epoch"), 0.0, float(last), percent=False)
        loss = self._lines(curves, "loss", "calibration_loss")
        right = self._lines(curves, "accuracy", "calibration_accuracy")
        most = max((y for line in loss for _, y in line.points), default=1.0)
        least = min((y for line in right for _, y in line.points), default=0.0)
        charts = []
        if loss:
            label = self.t("Loss per epoch (lower is better)")
            charts.append(chart(label, across, Axis(self.t("loss"), 0.0, 1.05 * most, percent=False), loss))
        if right:
            label = self.t("Accuracy per epoch")
            low = max(0.0, min(0.9, least - 0.05))
            charts.append(chart(label, across, Axis(self.t("accuracy"), low, 1.0), right))
        return charts

    def _lines(self, curves: Sequence[Mapping[str, float]], own: str, kept_apart: str) -> list[Line]:
        lines = []
        for name, style, key in (
            (self.t("training photos"), "second", own),
            (self.t("held-out photos"), "first", kept_apart),
        ):
            points = [(float(each["epoch"]), float(each[key])) for each in curves if "epoch" in each and key in each]
            if points:
                lines.append(Line(name, style, points, dotted=len(points) == 1))
        return lines

    def comparison(self, run: TrainingRun) -> str:
        """The new version against the one that served then, in one sentence; empty where nobody compared them."""
        found = (run.comparison or {}).get("accuracy") or {}
        value, low, high = (found.get(key) for key in ("value", "low", "high"))
        if value is None or low is None or high is None:
            return ""
        against = (run.comparison or {}).get("against") or {}
        return compared(self._words, found, f"{against.get('name', '?')} {against.get('version', '?')}")

    def learnt(
        self, counts: Mapping[str, Mapping[str, int]], new: Mapping[str, Mapping[str, int]], bases: Sequence[Any]
    ) -> LearntView:
        """What a snapshot holds: ``counts`` and ``new`` by part and scientific name."""
        ngettext = self._words.language.ngettext
        rows = [
            [
                self._subject(name),
                self.t(PARTS[part]) if part in PARTS else part,
                str(count),
                ngettext("one new", "%(num)s new", new.get(part, {}).get(name, 0))
                if new.get(part, {}).get(name)
                else self.t("none new"),
            ]
            for part, by_name in counts.items()
            for name, count in by_name.items()
        ]
        named = [
            ngettext(
                "%(path)s, one file",
                "%(path)s, %(num)s files",
                int(base["files"]),
                path=base_name(self._words, base["path"], self._collections),
            )
            for base in bases
        ]
        return LearntView(rows, named)

    def planned(self, choice: Choice) -> LearntView:
        """What a run would learn from."""
        return self.learnt(choice.counts, choice.new_counts, [base.as_json() for base in choice.bases])

    def frozen(self, run: TrainingRun) -> LearntView:
        """What the run learns from."""
        new: dict[str, dict[str, int]] = {}
        for row in run.snapshot.photos:
            if row.is_new:
                of_part = new.setdefault(row.part.value, {})
                name = row.taxon.scientific_name if row.taxon else NOTHING
                of_part[name] = of_part.get(name, 0) + 1
        return self.learnt(run.snapshot.counts, new, run.snapshot.bases)

    def wanted(self, run: TrainingRun) -> list[str]:
        """Which photos that experts decided on it was to take, a phrase per condition."""
        wanted, language = Wanted.from_json(run.wanted), self._words.language
        said = [self.t(VERIFICATIONS[VerificationStatus(code)]) for code in wanted.codes]
        phrases = [self.t("decided as %(what)s", what=" / ".join(said))]
        if wanted.since is not None:
            phrases.append(self.t("from %(day)s", day=language.date(wanted.since)))
        if wanted.until is not None:  # its last moment is not included
            phrases.append(self.t("until %(day)s", day=language.date(wanted.until - timedelta(microseconds=1))))
        if wanted.least_experts > 1:
            phrases.append(self.t("by at least %(count)s experts", count=wanted.least_experts))
        if wanted.least_agreement > 0:
            phrases.append(self.t("with at least %(share)s agreement", share=percent(wanted.least_agreement)))
        return phrases

    def _subject(self, name: str) -> str:
        if name == NOTHING:
            return self.t("Something else")
        known = self._words.name(name)
        return known[:1].upper() + known[1:]


def compared(words: Words, accuracy: Mapping[str, Any], other: str) -> str:
    """A paired difference in accuracy, in one sentence: whether it is more than chance, and for how many photos."""
    value, low, high = (float(accuracy[key]) for key in ("value", "low", "high"))
    params = {
        "points": f"{100 * abs(value):.1f}",
        "interval": f"{100 * low:+.1f} … {100 * high:+.1f}",
        "photos": accuracy.get("photos", "?"),
        "other": other,
    }
    chance = words.t("The difference is statistically significant.")
    if low > 0:
        return words.t(MORE, **params) + " " + chance
    if high < 0:
        return words.t(FEWER, **params) + " " + chance
    return words.t(ALIKE, **params)
