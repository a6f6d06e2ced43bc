"""``wingcheck collect``: photos from Flickr with their provenance and licence."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from ml.commands.output import complain, refusals, written

app = typer.Typer(help="Collect photos from Flickr, with their licences.", no_args_is_help=True)
Folder = Annotated[Path, typer.Argument(help="Folder of the collection.")]


@app.command()
def flickr(
    folder: Annotated[Path, typer.Argument(help="Folder to collect into; continues where an earlier run stopped.")],
    keyword: Annotated[
        list[str] | None, typer.Option(help="'Maniola jurtina', or 'bruin zandoogje=Maniola jurtina'. Repeat it.")
    ] = None,
    request: Annotated[Path | None, typer.Option(help="TOML or JSON file with these options.")] = None,
    licence: Annotated[
        list[str] | None,
        typer.Option(help="Name of a licence, such as cc-by-nc. Repeat it. Default: those that allow any use."),
    ] = None,
    taken_after: Annotated[str | None, typer.Option(help="Date or time (ISO).")] = None,
    taken_before: Annotated[str | None, typer.Option(help="Date or time (ISO).")] = None,
    bbox: Annotated[str | None, typer.Option(help="west,south,east,north in degrees.")] = None,
    size: Annotated[str | None, typer.Option(help="medium-640 (default), square-75, url_l, original, …")] = None,
    if_missing: Annotated[
        str | None, typer.Option(help="Where a photo lacks that size: nearest (default), larger, smaller, skip.")
    ] = None,
    maximum: Annotated[
        str | None, typer.Option("--max", help="Photos to keep per keyword, or 'all'. Default: 100.")
    ] = None,
    max_per_taxon: Annotated[
        int | None, typer.Option(help="Photos to keep per taxon, of all its keywords together.")
    ] = None,
    min_side: Annotated[int | None, typer.Option(help="Skip photos with a side of fewer pixels. Default: 64.")] = None,
    distance: Annotated[
        str | None,
        typer.Option(help="Skip near duplicates that differ in at most this many of 64 bits (default 6), or 'off'."),
    ] = None,
    update: Annotated[bool, typer.Option("--update", help="Also look for photos uploaded since the last run.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count what Flickr has.")] = False,
    jsonl: Annotated[Path | None, typer.Option(help="Also write every photo's row here, as JSON lines.")] = None,
    progress: Annotated[Path | None, typer.Option(help="Write progress to this file as JSON.")] = None,
    rate: Annotated[float | None, typer.Option(help="API calls per second at most. Default: 1.")] = None,
    workers: Annotated[int | None, typer.Option(help="Downloads at once. Default: 4.")] = None,
    api_url: Annotated[
        str | None,
        typer.Option(envvar="WINGCHECK_FLICKR_API_URL", help="Another server that speaks Flickr's REST protocol."),
    ] = None,
) -> None:
    """Collect photos by keyword. The key comes from WINGCHECK_FLICKR_KEY and WINGCHECK_FLICKR_SECRET; name a contact
    in WINGCHECK_FLICKR_CONTACT. Stop it at any moment: the same command goes on where it was.
    """
    options = {
        "keywords": keyword, "licences": licence, "taken_after": taken_after, "taken_before": taken_before,
        "bbox": None if bbox is None else bbox.split(","), "size": size, "if_missing": if_missing, "maximum": maximum,
        "maximum_per_taxon": max_per_taxon, "min_side": min_side, "distance": distance,
    }  # fmt: skip
    with _ending():
        from ml.collection import run
        from ml.collection.request import CollectRequest, Manners, checked, read_request_file

        collect_request = checked(CollectRequest, (read_request_file(request) if request else {}) | _given(options))
        manners = checked(Manners, _given({"rate": rate, "workers": workers, "api_url": api_url}))
        if dry_run:
            from ml.collection.display import show_counts

            show_counts(collect_request, run.count(collect_request, manners=manners))
            return
        _collect(collect_request, manners, folder, update=update, progress=progress)
        if jsonl is not None:
            _write_rows(folder, jsonl)


def _given(options: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value is not None}


@app.command()
def status(
    folder: Folder, as_json: Annotated[bool, typer.Option("--json", help="As JSON, for other programs.")] = False
) -> None:
    """What a collection holds, what was left out and why, and how far each search has been read."""
    with _ending(), _opened(folder) as manifest:
        from ml.collection.display import show_summary
        from ml.collection.reporting import summarise

        summary = summarise(manifest)
        if as_json:
            typer.echo(json.dumps(summary.as_dict(), ensure_ascii=False, indent=1))
        else:
            show_summary(summary)


@app.command()
def export(
    folder: Folder,
    csv: Annotated[Path | None, typer.Option(help="Where every photo's row goes. Default: FOLDER/photos.csv.")] = None,
) -> None:
    """Write labels.csv, which training reads, and every photo's row as CSV."""
    with _ending(), _opened(folder) as manifest:
        from ml.collection.export import write_labels, write_photos

        written(write_labels(folder, manifest), write_photos(csv or folder / "photos.csv", manifest))


@app.command()
def attribution(folder: Folder) -> None:
    """Write the credits of all kept photos, to be published with whatever is made of them."""
    with _ending(), _opened(folder) as manifest:
        from ml.collection.attribution import write_attribution

        written(*write_attribution(folder, manifest))


@app.command()
def remove(
    folder: Folder,
    photo: Annotated[list[str], typer.Argument(help="Photos' numbers, or photographers such as 12345678@N00.")],
    jsonl: Annotated[Path | None, typer.Option(help="Rewrite every photo's row to this file as JSON lines.")] = None,
) -> None:
    """Remove photos whose owner asks for it: file, title, tags and place go, and they are never fetched again."""
    with _ending(), _opened(folder) as manifest:
        from ml.collection.display import say
        from ml.collection.export import remove_photos
        from ml.collection.run import alone

        with alone(folder):
            removed = remove_photos(folder, manifest, photo)
        if jsonl is not None:
            _write_rows(folder, jsonl)
        say(f"Removed: {', '.join(removed)}. Write the credits anew: wingcheck collect attribution {folder}")


def _collect(request: Any, manners: Any, folder: Path, *, update: bool, progress: Path | None) -> None:
    from ml.collection import run
    from ml.collection.display import ProgressReporter, say, show_summary
    from ml.collection.reporting import StatusFile

    with ProgressReporter(request.maximum) as bars, StatusFile(progress, folder, bars) as reporter:
        summary = run.collect(request, folder, manners=manners, reporter=reporter, update=update)
    show_summary(summary)
    for result in summary.keywords:
        if result.found == 0 and result.complete and result.keyword in {keyword.text for keyword in request.keywords}:
            say(f"Flickr has no photo for '{result.keyword}' with these filters and licences.")
    if summary.kept:
        say(f"Next: wingcheck collect attribution {folder}")


def _write_rows(folder: Path, file: Path) -> None:
    from ml.collection.export import write_rows

    with _opened(folder) as manifest:
        written(write_rows(file, manifest))


def _opened(folder: Path) -> Any:
    from ml.collection.manifest import Manifest

    return closing(Manifest(folder))


@contextmanager
def _ending() -> Iterator[None]:
    """Exit code 2 where the key or a parameter is wrong, 130 after Ctrl-C, 1 for everything else that a person can put right."""
    from ml.collection.errors import KeyRefused, RequestError

    try:
        with refusals():
            yield
    except typer.Exit as ending:
        raise typer.Exit(2) if isinstance(ending.__cause__, KeyRefused | RequestError) else ending from None
    except KeyboardInterrupt:
        complain("Stopped. The same command goes on where it was.")
        raise typer.Exit(130) from None
