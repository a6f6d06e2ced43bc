"""`wingcheck doctor`: what is wrong, and the repair of what is safe to repair."""

import itertools
import json
from typing import Annotated

import typer

from app.core.commands import err, out
from app.core.db import make_engine
from app.core.settings import get_settings
from app.core.storage import make_storage
from app.upkeep.doctor import Examination, Finding, examine
from app.upkeep.doctor import repair as repair_all

_SHOWN = 10


def doctor(
    repair: Annotated[
        bool, typer.Option("--repair", help="Repair what is safe to repair, and list the repairs.")
    ] = False,
    quick: Annotated[bool, typer.Option("--quick", help="Don't compare the hash of every photo.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Check database, photos and jobs. Exits with 0 if all is well, otherwise with 1."""
    settings = get_settings()
    found = examine(settings, make_engine(settings.database_url), make_storage(settings), contents=not quick)
    if repair:
        repair_all(found)
    if as_json:
        findings = [finding.as_json() for finding in found.findings]
        out.print_json(json.dumps({"healthy": not found.left, "findings": findings, "skipped": found.skipped}))
    else:
        _print(found)
    if found.left:
        raise typer.Exit(1)


def _print(found: Examination) -> None:
    for check, group in itertools.groupby(sorted(found.findings, key=lambda f: f.check), key=lambda f: f.check):
        findings = list(group)
        out.print(f"{check}: {len(findings)}", style="bold")
        for finding in findings[:_SHOWN]:
            _print_one(finding)
        if len(findings) > _SHOWN:
            out.print(f"  … and {len(findings) - _SHOWN} more; --json lists all")
    if found.skipped:
        err.print(f"Not checked until that is repaired: {', '.join(found.skipped)}.")
    if not found.findings:
        out.print("All is well.")
    elif not found.left:
        out.print(f"All {len(found.findings)} problems were repaired.")
    else:
        mendable = sum(finding.mend is not None for finding in found.left)
        hint = f"; 'wingcheck doctor --repair' mends {mendable} of them" if mendable else ""
        out.print(f"{len(found.left)} problems{hint}.")


def _print_one(finding: Finding) -> None:
    out.print(f"  {finding.subject}: {finding.problem}", soft_wrap=True, highlight=False)
    if said := finding.repaired or finding.advice:
        out.print(f"    {'Repaired: ' if finding.repaired else ''}{said}", soft_wrap=True, highlight=False)
