"""``wingcheck dataset``: look at a data set, divide it, name its content."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from ml.commands.output import console, refusals, write_json, written

app = typer.Typer(help="Inspect, split and clean a data set.", no_args_is_help=True)

Source = Annotated[
    Path,
    typer.Argument(
        help="A folder per class (perhaps with train, valid and test above), a folder with labels.csv, a collection, a "
        "snapshot, or a listing (.csv, .json, .jsonl)."
    ),
]
Depth = Annotated[
    int | None,
    typer.Option("--depth", min=1, help="Folders of a hierarchy that make the class. Default: the innermost."),
]
Distance = Annotated[int, typer.Option(min=0, max=64, help="Near duplicates differ in at most this many of 64 bits.")]


@app.command()
def inspect(
    source: Source,
    depth: Depth = None,
    distance: Distance = 6,
    html: Annotated[Path | None, typer.Option(help="Write a report with pictures here.")] = None,
    sheet: Annotated[Path | None, typer.Option(help="Write the contact sheet (PNG or JPEG) here.")] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write all figures here.")] = None,
    per_class: Annotated[int, typer.Option(min=1, help="Photos of each class on the contact sheet.")] = 24,
) -> None:
    """Counts, sizes, duplicates, balance, and what to put right before training."""
    with refusals(OSError):
        from ml.datasets.contact_sheet import MOST_CLASSES, contact_sheet
        from ml.datasets.inspection import inspect as inspected
        from ml.datasets.sources import read_source
        from ml.datasets.survey import survey

        photos = read_source(source, depth=depth)
        figures = inspected(survey(photos), distance=distance)
        _show(figures)
        if json_file is not None:
            write_json(json_file, figures)
        if html is not None or sheet is not None:
            picture = contact_sheet(photos, per_class=per_class)
        if sheet is not None:
            picture.save(sheet)
        if html is not None:
            from ml.reports import data_uri, write_report

            largest = max(figures["classes"].values())
            title = f"The data set {source.resolve().name}"
            shown = {"found": figures, "largest": largest, "most_classes": MOST_CLASSES, "sheet": data_uri(picture)}
            write_report(html, "dataset.html", title=title, **shown)
        written(json_file, sheet, html)


@app.command()
def split(
    source: Source,
    depth: Depth = None,
    by: Annotated[
        list[str] | None,
        typer.Option(help="What stays together: photographer, event, near-duplicate, block. Repeat it. Default: all."),
    ] = None,
    fractions: Annotated[
        str, typer.Option(help="Shares for train/calibration/test; calibration is also called validation.")
    ] = "0.6/0.2/0.2",
    seed: Annotated[int, typer.Option(help="Seed of the split.")] = 1,
    block: Annotated[int, typer.Option(min=1, help="Sequence numbers per block.")] = 25,
    distance: Distance = 6,
    anew: Annotated[bool, typer.Option("--anew", help="Replace an earlier split.")] = False,
) -> None:
    """Divide into train, calibration and test: stratified, grouped, the same for the same seed. Training follows it."""
    with refusals(OSError):
        from ml.datasets.division import divide_source, fractions_from, ties_from, write_split

        division = divide_source(
            source,
            ties=ties_from(by),
            fractions=fractions_from(fractions),
            seed=seed,
            block=block,
            distance=distance,
            depth=depth,
            anew=anew,
        )
        table = Table("class", "train", "calibration", "test")
        for label, counts in division.report["classes"].items():
            table.add_row(label, *(str(counts[part]) for part in ("train", "calibration", "test")))
        console.print(table)
        console.print(division.sentence)
        written(*write_split(division))


@app.command()
def fingerprint(source: Source, depth: Depth = None) -> None:
    """The hash of a data set's photos and classes: the same data give the same one, wherever they lie."""
    with refusals(OSError):
        from ml.datasets.sources import read_source
        from ml.datasets.survey import content_fingerprint, digests_of

        photos = read_source(source, depth=depth)
        typer.echo(content_fingerprint(photos, digests_of(photos)))


@app.command()
def clean(
    table: Annotated[Path, typer.Argument(help="out_of_fold.csv, from `wingcheck train CONFIG --folds 5`.")],
    source: Annotated[Path | None, typer.Option(help="Data set of the table; needed for the contact sheet.")] = None,
    depth: Depth = None,
    out: Annotated[Path, typer.Option(help="Write the list of candidates here.")] = Path("label_candidates.csv"),
    sheet: Annotated[Path | None, typer.Option(help="Write the candidates' pictures (PNG or JPEG) here.")] = None,
    scope: Annotated[bool, typer.Option(help="Also look for photos that show none of the labels.")] = True,
) -> None:
    """List labels that are probably wrong, for a person to decide: keep, remove or relabel:LABEL.

    Once decided, a config names the list as its species.review.
    """
    with refusals(OSError):
        from ml.datasets.folder import DataError
        from ml.datasets.sources import read_source
        from ml.evaluation import cleaning
        from ml.evaluation.out_of_fold import read_out_of_fold

        if sheet is not None and source is None:
            raise DataError("Say where the photos are: --source FOLDER.")
        answers = read_out_of_fold(table)
        candidates = cleaning.label_candidates(answers, scope=scope)
        cleaning.write_candidates(candidates, out)
        console.print(f"{len(candidates)} of {len(answers)} labels are probably wrong. Written: {out}")
        comparison = cleaning.against_screening(candidates, answers)
        if comparison.precision is not None and comparison.recall is not None:
            console.print(
                f"Of {comparison.doubtful} photos marked doubtful {comparison.both} are among them: "
                f"precision {comparison.precision:.2f} (drawn blindly {comparison.chance:.2f}), "
                f"recall {comparison.recall:.2f}."
            )
        if sheet is not None and source is not None:
            photos = {photo.path: photo for photo in read_source(source, depth=depth)}
            cleaning.candidate_sheet(candidates, photos).save(sheet)
            written(sheet)


def _show(figures: dict[str, object]) -> None:
    classes, parts = figures["classes"], figures["parts"]
    assert isinstance(classes, dict)
    assert isinstance(parts, dict)
    table = Table("class", "photos", *parts)
    for label, count in classes.items():
        table.add_row(label, str(count), *(str(parts[part].get(label, 0)) for part in parts))
    console.print(table)
    remarks = figures["remarks"]
    assert isinstance(remarks, list)
    for remark in remarks or ["Nothing stands out."]:
        console.print(f"• {remark}")
    console.print(f"Fingerprint: {figures['fingerprint']}")
