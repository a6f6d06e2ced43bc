"""`wingcheck taxa`: species and what the coordinator wants for each."""

from typing import Annotated

import typer

from app.commands.shared import out, sessions
from app.db import transaction
from app.domain.errors import WingcheckError
from app.models import TaxonPolicy
from app.services import taxa

taxa_cli = typer.Typer(no_args_is_help=True, help="Species and what the coordinator wants for each.")


@taxa_cli.command("policy")
def taxon_policy(
    scientific_name: str,
    accept: Annotated[
        bool | None, typer.Option("--accept/--no-accept", help="Machine acceptance for this species.")
    ] = None,
    wanted_error: Annotated[float | None, typer.Option(min=0.001, max=0.5, help="Wanted error rate.")] = None,
    reliability: Annotated[
        float | None, typer.Option(min=0.01, max=0.999, help="How often claims of this species are right.")
    ] = None,
) -> None:
    """Show or change what the coordinator wants for a species."""
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
