"""``wingcheck collect``: photos from Flickr with their provenance and licence."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:  # imported when they are used, so that `wingcheck --help` stays quick
    from ml.collection import CollectRequest, Manners
    from ml.collection.manifest import Manifest

app = typer.Typer(help="Collect photos from Flickr, with their licences.", no_args_is_help=True)
Folder = Annotated[Path, typer.Argument(help="Folder of the collection.")]

_SEARCH, _PLACE, _TAKE, _MANNERS = "What to look for", "Where it was taken", "What to take", "Manners"


@app.command()
def flickr(
    folder: Annotated[Path, typer.Argument(help="Folder to collect into; continues where an earlier run stopped.")],
    keyword: Annotated[
        list[str] | None,
        typer.Option(
            help="'Maniola jurtina', or 'bruin zandoogje=Maniola jurtina'. Repeat it.", rich_help_panel=_SEARCH
        ),
    ] = None,
    request: Annotated[
        Path | None, typer.Option(help="TOML, JSON or YAML file with these options.", rich_help_panel=_SEARCH)
    ] = None,
    licence: Annotated[
        list[str] | None,
        typer.Option(
            help="Name of a licence, such as cc-by-nc. Repeat it. Default: those that allow any use.",
            rich_help_panel=_SEARCH,
        ),
    ] = None,
    taken_after: Annotated[str | None, typer.Option(help="Date or time (ISO).", rich_help_panel=_SEARCH)] = None,
    taken_before: Annotated[str | None, typer.Option(help="Date or time (ISO).", rich_help_panel=_SEARCH)] = None,
    uploaded_after: Annotated[str | None, typer.Option(help="Date or time (ISO).", rich_help_panel=_SEARCH)] = None,
    uploaded_before: Annotated[str | None, typer.Option(help="Date or time (ISO).", rich_help_panel=_SEARCH)] = None,
    sort: Annotated[
        str | None,
        typer.Option(help="relevance (default), date-posted-desc, interestingness-desc, …", rich_help_panel=_SEARCH),
    ] = None,
    safe_search: Annotated[
        str | None, typer.Option(help="safe (default), moderate or restricted.", rich_help_panel=_SEARCH)
    ] = None,
    per_page: Annotated[
        int | None, typer.Option(help="Photos per API call, 1 to 500.", rich_help_panel=_SEARCH)
    ] = None,
    bbox: Annotated[str | None, typer.Option(help="west,south,east,north in degrees.", rich_help_panel=_PLACE)] = None,
    lat: Annotated[float | None, typer.Option(help="Degrees north.", rich_help_panel=_PLACE)] = None,
    lon: Annotated[float | None, typer.Option(help="Degrees east.", rich_help_panel=_PLACE)] = None,
    radius: Annotated[
        float | None, typer.Option(help="Kilometres around lat and lon, 32 at most.", rich_help_panel=_PLACE)
    ] = None,
    has_geo: Annotated[
        bool | None,
        typer.Option("--has-geo/--no-geo", help="Only with, or only without a place.", rich_help_panel=_PLACE),
    ] = None,
    size: Annotated[
        str | None, typer.Option(help="medium-640 (default), square-75, url_l, original, …", rich_help_panel=_TAKE)
    ] = None,
    if_missing: Annotated[
        str | None,
        typer.Option(
            help="Where a photo lacks that size: nearest (default), larger, smaller, skip.", rich_help_panel=_TAKE
        ),
    ] = None,
    maximum: Annotated[
        str | None,
        typer.Option("--max", help="Photos to keep per keyword, or 'all'. Default: 100.", rich_help_panel=_TAKE),
    ] = None,
    max_per_taxon: Annotated[
        int | None,
        typer.Option(help="Photos to keep per taxon, of all its keywords together.", rich_help_panel=_TAKE),
    ] = None,
    min_side: Annotated[
        int | None,
        typer.Option(help="Skip photos with a side of fewer pixels. Default: 64.", rich_help_panel=_TAKE),
    ] = None,
    distance: Annotated[
        str | None,
        typer.Option(
            help="Skip near duplicates that differ in at most this many of 64 bits (default 6), or 'off'.",
            rich_help_panel=_TAKE,
        ),
    ] = None,
    update: Annotated[
        bool, typer.Option("--update", help="Also look for photos uploaded since the last run.", rich_help_panel=_TAKE)
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only count what Flickr has.", rich_help_panel=_TAKE)
    ] = False,
    csv: Annotated[Path | None, typer.Option(help="Also write every photo's row here.", rich_help_panel=_TAKE)] = None,
    jsonl: Annotated[Path | None, typer.Option(help="The same as JSON lines.", rich_help_panel=_TAKE)] = None,
    progress: Annotated[
        Path | None,
        typer.Option(help="Write progress to this file as JSON.", rich_help_panel=_TAKE),
    ] = None,
    rate: Annotated[
        float | None, typer.Option(help="API calls per second at most. Default: 1.", rich_help_panel=_MANNERS)
    ] = None,
    workers: Annotated[
        int | None, typer.Option(help="Downloads at once. Default: 4.", rich_help_panel=_MANNERS)
    ] = None,
    timeout: Annotated[
        float | None, typer.Option(help="Seconds to wait for an answer. Default: 30.", rich_help_panel=_MANNERS)
    ] = None,
    attempts: Annotated[
        int | None, typer.Option(help="How often to ask a busy server. Default: 5.", rich_help_panel=_MANNERS)
    ] = None,
    backoff: Annotated[
        float | None, typer.Option(help="Seconds before the second attempt. Default: 2.", rich_help_panel=_MANNERS)
    ] = None,
    api_url: Annotated[
        str | None,
        typer.Option(
            envvar="WINGCHECK_FLICKR_API_URL",
            help="Another server that speaks Flickr's REST protocol.",
            rich_help_panel=_MANNERS,
        ),
    ] = None,
) -> None:
    """Collect photos by keyword. The key comes from WINGCHECK_FLICKR_KEY and WINGCHECK_FLICKR_SECRET; name a contact
    in WINGCHECK_FLICKR_CONTACT. Stop it at any moment: the same command goes on where it was.
    """
    given = {
        "keywords": keyword, "licences": licence, "taken_after": taken_after, "taken_before": taken_before,
        "uploaded_after": uploaded_after, "uploaded_before": uploaded_before, "sort": sort, "safe_search": safe_search,
        "per_page": per_page, "bbox": bbox, "lat": lat, "lon": lon, "radius": radius, "has_geo": has_geo, "size": size,
        "if_missing": if_missing, "maximum": maximum,
        "maximum_per_taxon": max_per_taxon, "min_side": min_side, "distance": distance,
    }  # fmt: skip
    manners = {"rate": rate, "workers": workers, "timeout": timeout, "attempts": attempts, "backoff": backoff}
    with _refusals():
        from ml.collection.options import manners_from_options, request_from_options

        wanted = request_from_options(given, request)
        how = manners_from_options({**manners, "api_url": api_url})
        if dry_run:
            _count(wanted, how)
        else:
            _collect(wanted, how, folder, update=update, progress=progress)
            _write_rows(folder, csv, jsonl)


@app.command()
def status(
    folder: Folder, as_json: Annotated[bool, typer.Option("--json", help="As JSON, for other programs.")] = False
) -> None:
    """What a collection holds, what was left out and why, and how far each search has been read."""
    with _refusals(), _opened(folder) as manifest:
        from ml.collection.display import show_summary
        from ml.collection.summary import summarise

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
    with _refusals(), _opened(folder) as manifest:
        from ml.collection.display import say
        from ml.collection.export import write_labels, write_photos

        for file in (write_labels(folder, manifest), write_photos(csv or folder / "photos.csv", manifest)):
            say(f"Written: {file}")


@app.command()
def attribution(folder: Folder) -> None:
    """Write the credits of all kept photos, to be published with whatever is made of them."""
    with _refusals(), _opened(folder) as manifest:
        from ml.collection.attribution import write_attribution
        from ml.collection.display import say

        for file in write_attribution(folder, manifest):
            say(f"Written: {file}")


@app.command()
def remove(
    folder: Folder,
    photo: Annotated[list[str], typer.Argument(help="Photos' numbers, or photographers such as 12345678@N00.")],
    jsonl: Annotated[Path | None, typer.Option(help="Rewrite every photo's row to this file as JSON lines.")] = None,
) -> None:
    """Remove photos whose owner asks for it: file, title, tags and place go, and they are never fetched again."""
    with _refusals(), _opened(folder) as manifest:
        from ml.collection.display import say
        from ml.collection.removal import remove_photos
        from ml.collection.run import alone

        with alone(folder):
            removed = remove_photos(folder, manifest, photo)
        _write_rows(folder, None, jsonl)
        say(f"Removed: {', '.join(removed)}. Write the credits anew: wingcheck collect attribution {folder}")


def _collect(request: CollectRequest, manners: Manners, folder: Path, *, update: bool, progress: Path | None) -> None:
    from ml.collection import collect
    from ml.collection.display import ProgressReporter, say, show_summary
    from ml.collection.status_file import StatusFile

    with ProgressReporter(request.maximum) as bars, StatusFile(progress, folder, bars) as reporter:
        summary = collect(request, folder, manners=manners, reporter=reporter, update=update)
    show_summary(summary)
    for found in summary.keywords:
        if found.found == 0 and found.complete and found.keyword in {keyword.text for keyword in request.keywords}:
            say(f"Flickr has no photo for '{found.keyword}' with these filters and licences.")
    if summary.kept:
        say(f"Next: wingcheck collect attribution {folder}")


def _write_rows(folder: Path, csv: Path | None, jsonl: Path | None) -> None:
    from ml.collection.display import say
    from ml.collection.export import write_photos, write_rows

    with _opened(folder) as manifest:
        for file, write in ((csv, write_photos), (jsonl, write_rows)):
            if file is not None:
                say(f"Written: {write(file, manifest)}")


def _count(request: CollectRequest, manners: Manners) -> None:
    from ml.collection import count
    from ml.collection.display import show_counts

    show_counts(request, count(request, manners=manners))


@contextmanager
def _opened(folder: Path) -> Iterator[Manifest]:
    from ml.collection.manifest import Manifest

    manifest = Manifest(folder)
    try:
        yield manifest
    finally:
        manifest.close()


@contextmanager
def _refusals() -> Iterator[None]:
    """What a person can put right is one line: exit code 2 for the key and for parameters, 1 for everything else."""
    from ml.collection.display import complain
    from ml.collection.errors import CollectError, KeyRefused, RequestError

    try:
        yield
    except (KeyRefused, RequestError) as error:
        complain(str(error))
        raise typer.Exit(2) from None
    except CollectError as error:
        complain(str(error))
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        complain("Stopped. The same command goes on where it was.")
        raise typer.Exit(130) from None
