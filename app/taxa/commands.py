"""`wingcheck taxa`: species and what the coordinator wants for each."""

from pathlib import Path
from typing import Annotated

import typer

from app.core.commands import out, sessions
from app.core.db import transaction
from app.core.errors import WingcheckError
from app.taxa import files as taxon_files
from app.taxa import list as taxon_list
from app.taxa import names as taxa
from app.taxa.tables import TaxonPolicy

taxa_cli = typer.Typer(no_args_is_help=True, help="Species and their settings.")


@taxa_cli.command("policy")
def taxon_policy(
    scientific_name: str,
    accept: Annotated[
        bool | None, typer.Option("--accept/--no-accept", help="Acceptance by the computer for this species.")
    ] = None,
    wanted_error: Annotated[float | None, typer.Option(min=0.001, max=0.5, help="Acceptable error rate.")] = None,
    reliability: Annotated[
        float | None, typer.Option(min=0.01, max=0.999, help="Share of claims of this species that are correct.")
    ] = None,
) -> None:
    """Show or change the settings of a species."""
    with transaction(sessions()) as session:
        taxon = taxa.find(session, scientific_name)
        if taxon is None:
            raise WingcheckError(f"no species {scientific_name!r} is known here")
        if taxon.policy is None:
            taxon.policy = TaxonPolicy(machine_acceptance=False)
        if accept is not None:
            taxon.policy.machine_acceptance = accept
        if wanted_error is not None:
            taxon.policy.wanted_error = wanted_error
        if reliability is not None:
            taxon.policy.claim_reliability = reliability
        policy = taxon.policy
    out.print(
        f"{scientific_name}: machine acceptance {'on' if policy.machine_acceptance else 'off'}, "
        f"wanted error {policy.wanted_error or 'as the model version says'}, "
        f"claim reliability {policy.claim_reliability or 'as the model version says'}",
        soft_wrap=True,
    )


@taxa_cli.command("import")
def import_list(
    file: Annotated[Path, typer.Argument(help="A CSV, a GBIF species list, or a Darwin Core archive.", dir_okay=False)],
    preview: Annotated[bool, typer.Option("--preview", help="Only show what would change.")] = False,
) -> None:
    """Add and correct species from a list; undo with `taxa undo`."""
    try:
        listed = taxon_files.read_list(file.read_bytes())
    except OSError as error:
        raise WingcheckError(f"{file} can't be read: {error.strerror}") from error
    with transaction(sessions()) as session:
        if preview:
            for difference in taxon_list.differences_from(session, listed.taxa):
                what = "new" if difference.before is None else ", ".join(difference.fields)
                out.print(f"{difference.scientific_name}: {what}", soft_wrap=True, highlight=False)
            return
        change = taxon_list.save(session, None, taxon_list.propose(session, None, file.name, listed).id)
    out.print(f"{len(change.done)} species added or changed; undo with 'wingcheck taxa undo {change.id}'.")


@taxa_cli.command("undo")
def undo(number: Annotated[int, typer.Argument(help="Number of the change.")]) -> None:
    """Undo a change to the list."""
    with transaction(sessions()) as session:
        change = taxon_list.undo(session, None, number)
    out.print(f"The change {change.source} is undone.")
