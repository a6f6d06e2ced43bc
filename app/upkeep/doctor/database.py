"""Checks of the database itself: reachable, whole, of the newest schema, with a model version that can answer."""

from collections.abc import Iterator

from sqlalchemy import Connection, select, text
from sqlalchemy.exc import SQLAlchemyError

from app.core import migrations
from app.core.db import reading
from app.core.errors import ModelUnavailable
from app.predictions.inference import ModelVersionError, read_version
from app.predictions.registry import folder_of, is_bundled
from app.predictions.tables import ModelVersion
from app.upkeep.doctor.findings import Finding, Patient


def check_database(patient: Patient) -> Iterator[Finding]:
    """Reachable, not damaged, newest schema. What this finds makes most other checks pointless."""
    try:
        with patient.engine.connect().execution_options(read_only=True) as connection:
            if connection.dialect.name == "sqlite":
                yield from _sqlite_damage(connection)
            if not migrations.is_current(connection):
                yield Finding(
                    "schema",
                    migrations.current(connection) or "none",
                    "The database does not have the newest schema.",
                    "Run 'wingcheck db upgrade'.",
                )
    except SQLAlchemyError as error:
        yield Finding(
            "database", patient.engine.url.render_as_string(), f"The database can't be used: {_plain(error)}."
        )


def _plain(error: SQLAlchemyError) -> str:
    return " ".join(str(getattr(error, "orig", None) or error).split())


def _sqlite_damage(connection: Connection) -> Iterator[Finding]:
    for (said,) in connection.execute(text("PRAGMA integrity_check(20)")):
        if said != "ok":
            yield Finding(
                "integrity",
                "sqlite",
                f"The database file is damaged: {said}.",
                "Stop the service and restore a backup.",
            )
    for table, row, parent, _ in connection.execute(text("PRAGMA foreign_key_check")).fetchmany(20):
        yield Finding(
            "references",
            f"{table} {row}",
            f"A row of {table} refers to a row of {parent} that is not there.",
            "Restore a backup, or ask for help: what wrote this did not use Wingcheck.",
        )


def check_models(patient: Patient) -> Iterator[Finding]:
    """A version serves, and every version's folder is there and holds what was registered."""
    with reading(patient.sessions) as session:
        versions = list(session.scalars(select(ModelVersion).order_by(ModelVersion.id)))
    if not any(version.active for version in versions):
        yield Finding(
            "models",
            "none",
            "No model version is active: nothing is screened.",
            "'wingcheck models list' shows what there is, 'wingcheck models activate' puts one into service.",
        )
    for version in versions:
        name = f"{version.name} {version.version}"
        try:
            changed = read_version(folder_of(version, patient.settings)).digest != version.digest
        except (ModelUnavailable, ModelVersionError) as error:
            if version.active or not is_bundled(version):
                yield Finding("models", name, str(error), "Import it again, or restore its folder from a backup.")
            continue
        if changed and version.active:
            yield Finding(
                "models",
                name,
                "The folder of this model version holds another one.",
                "Start the service anew, or import it again.",
            )
