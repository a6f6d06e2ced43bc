"""The season's records in words, numbers and a chart."""

from dataclasses import dataclass
from datetime import date, timedelta

from app.core.web.charts import Axis, Chart, Line, chart
from app.records.occurrences import Occurrence
from app.records.pages.form import RecordsForm
from app.records.rules import ACCEPTED, Licence, Precision, Standing
from app.records.summary import Extent, SpeciesCount, Summary
from app.review.pages.figures_views import NumberView, SectionView
from app.review.words import Words
from app.taxa.tables import Taxon

_ = str  # marks messages for extraction
STANDINGS: dict[Standing, str] = {
    Standing.VERIFIED: _("accepted by experts"),
    Standing.PLAUSIBLE: _("plausible"),
    Standing.MACHINE: _("accepted by the computer"),
    Standing.UNDECIDED: _("not decided yet"),
    Standing.NOT_ACCEPTED: _("not accepted"),
}
PRECISIONS: dict[Precision, str] = {
    Precision.EXACT: _("exact, as given"),
    Precision.HUNDRED_METRES: _("rounded to about 100 metres"),
    Precision.KILOMETRE: _("rounded to about 1 kilometre"),
    Precision.TEN_KILOMETRES: _("rounded to about 10 kilometres"),
    Precision.NONE: _("not included"),
}
LICENCES: dict[Licence, str] = {
    Licence.CC0: _("CC0: no restrictions"),
    Licence.CC_BY: _("CC BY 4.0: use with credit"),
    Licence.CC_BY_NC: _("CC BY-NC 4.0: non-commercial use with credit"),
}
_STYLES = ("first", "second", "third", "fourth")
_MOST_TICKS = 6
_MOST_WEEKS = 60


@dataclass(frozen=True)
class SeasonLink:
    label: str
    url: str
    active: bool


@dataclass(frozen=True)
class Weeks:
    """The chart, and the same as a table."""

    picture: Chart
    heads: list[str]
    rows: list[list[str]]


class RecordsViews:
    """Builds the page in one language."""

    def __init__(self, words: Words) -> None:
        self._words = words
        self.t = words.t

    def heading(self, form: RecordsForm) -> str:
        """Of which time these are, and of which species."""
        name = self._words.name(form.wanted.scientific_name)
        return f"{self._time(form)}: {name}" if name else self._time(form)

    def _time(self, form: RecordsForm) -> str:
        since, until = form.wanted.since, form.wanted.until
        if since and until:
            if (since.month, since.day, until.month, until.day) == (1, 1, 12, 31) and since.year == until.year:
                return self.t("Records of %(year)s", year=since.year)
            return self.t("Records from %(since)s to %(until)s", since=self._date(since), until=self._date(until))
        if since:
            return self.t("Records since %(since)s", since=self._date(since))
        if until:
            return self.t("Records until %(until)s", until=self._date(until))
        return self.t("All records")

    def _date(self, day: date) -> str:
        return self._words.language.date(day)

    def seasons(self, form: RecordsForm, years: list[int]) -> list[SeasonLink]:
        """Links to each year and to all of them; the other fields stay as they are."""
        links = [(str(year), f"{year}-01-01", f"{year}-12-31") for year in years]
        shown = (form.values["since"], form.values["until"])
        return [
            SeasonLink(label, f"/review/records?{form.query(since=since, until=until)}", active=shown == (since, until))
            for label, since, until in [*links, (self.t("All years"), "", "")]
        ]

    def lede(self, found: Summary) -> str:
        """The season in a sentence."""
        n = self._words.language.ngettext
        sent = n("One submission", "%(num)s submissions", found.total.records)
        people = n("from one volunteer", "from %(num)s volunteers", found.volunteers)
        accepted = sum(found.standings[standing].records for standing in ACCEPTED)
        return self.t("%(sent)s %(people)s; %(accepted)s accepted.", sent=sent, people=people, accepted=accepted)

    def numbers(self, found: Summary) -> list[NumberView]:
        """What stands in large figures."""
        standings = found.standings
        accepted = [standings[standing] for standing in Standing if standing in ACCEPTED]
        butterflies = sum(one.individuals for one in accepted)
        return [
            NumberView(
                self.t("Butterflies"),
                str(butterflies),
                self.t("in accepted records, as counted by volunteers"),
            ),
            NumberView(
                self.t("Accepted by experts"),
                str(standings[Standing.VERIFIED].records),
                self.t("and %(count)s plausible", count=standings[Standing.PLAUSIBLE].records),
            ),
            NumberView(
                self.t("Accepted by the computer"),
                str(standings[Standing.MACHINE].records),
                self.t("not checked by a person"),
            ),
            NumberView(
                self.t("Not decided yet"),
                str(standings[Standing.UNDECIDED].records),
                self.t("waiting for review, or for a volunteer’s answer"),
            ),
        ]

    def table(self, found: Summary) -> SectionView:
        """Species by standing."""
        heads = [
            self.t("Species"),
            *(self._capital(self.t(text)) for text in STANDINGS.values()),
            self.t("Butterflies"),
        ]
        rows = [self._row(one) for one in found.species]
        return SectionView(
            "species",
            self.t("Species by status"),
            self.t(
                "Species as identified by experts, otherwise as claimed. Butterflies are counted in accepted records."
            ),
            heads,
            rows,
            "",
        )

    def _row(self, one: SpeciesCount) -> list[str]:
        counts = [one.standings[standing].records if standing in one.standings else 0 for standing in STANDINGS]
        return [self._species(one.taxon), *map(str, counts), str(one.accepted.individuals)]

    def _species(self, taxon: Taxon | None) -> str:
        return self._capital(self._words.name(taxon.scientific_name)) if taxon else self.t("No species named")

    def _capital(self, text: str) -> str:
        return text[:1].upper() + text[1:]

    def weeks(self, found: Summary) -> Weeks | None:
        """Accepted records of the most frequent species, week by week; None of fewer than two weeks, or of several seasons."""
        shown = [one for one in found.species if one.taxon is not None and one.weeks]
        shown = sorted(shown, key=lambda one: -one.weeks.total())[: len(_STYLES)]
        seen = {week for one in shown for week in one.weeks}
        span = (max(seen) - min(seen)).days // 7 if seen else 0
        if not 1 <= span <= _MOST_WEEKS:
            return None
        every = [min(seen) + timedelta(weeks=number) for number in range(span + 1)]
        days = [self._words.language.short_date(week) for week in every]
        step = -(-len(every) // _MOST_TICKS)
        named = tuple((float(number), days[number]) for number in range(0, span + 1, step))
        drawn = [
            Line(self._species(one.taxon), style, [(number, one.weeks[week]) for number, week in enumerate(every)])
            for one, style in zip(shown, _STYLES, strict=False)
        ]
        highest = max(y for line in drawn for _x, y in line.points)
        picture = chart(
            self.t("Accepted records of each species by week"),
            Axis(self.t("week of"), 0.0, float(span), named=named),
            Axis(self.t("records"), 0.0, max(5.0, 1.05 * highest), percent=False),
            drawn,
        )
        rows = [[day, *(str(one.weeks[week]) for one in shown)] for day, week in zip(days, every, strict=True)]
        return Weeks(picture, [self.t("Week of"), *(line.name for line in drawn)], rows)

    def chosen(self, extent: Extent) -> list[str]:
        """What a download would hold, and what is missing in it, in sentences."""
        n = self._words.language.ngettext
        told = [n("One record selected.", "%(num)s records selected.", extent.records)]
        if extent.undated:
            told.append(n("One has no date.", "%(num)s have no date.", extent.undated))
        if extent.unplaced:
            told.append(n("One has no coordinates.", "%(num)s have no coordinates.", extent.unplaced))
        if extent.unnamed:
            told.append(
                n(
                    "One has no species and is left out of an archive.",
                    "%(num)s have no species and are left out of an archive.",
                    extent.unnamed,
                )
            )
        return told

    def preview_heads(self) -> list[str]:
        """Of the first few records."""
        return [
            self.t("Species"),
            self.t("Number"),
            self.t("Date"),
            self.t("Where"),
            self.t("Status"),
            self.t("Identified by"),
        ]

    def preview(self, found: list[Occurrence]) -> list[list[str]]:
        """The first few records as they would be written."""
        return [self._cells(one.fields) for one in found]

    def _cells(self, told: dict[str, str]) -> list[str]:
        where = ", ".join(
            part for part in (told["decimalLatitude"], told["decimalLongitude"], told["locality"]) if part
        )
        return [
            told["scientificName"] or "–",
            told["individualCount"],
            told["eventDate"] or "–",
            where or "–",
            told["identificationVerificationStatus"],
            told["identifiedBy"] or "–",
        ]
