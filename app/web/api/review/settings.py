"""What coordinators set for the desk, and reviewers for themselves, over JSON."""

from typing import Annotated

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from app.db import reading
from app.domain.review import Rule
from app.services.review import desk_settings, preferences
from app.services.review.desk_settings import DeskSettings, DeskSettingsService
from app.services.review.preferences import Preferences, PreferencesService
from app.web.api.review.shared import NUMBER, Sessions, TaxonName, TaxonOut, YesNo, named, refusals
from app.web.auth import Coordinator, Reviewer
from app.web.dependencies import LanguageDep, ReadSession

router = APIRouter(prefix="/api/v1/review", tags=["review"])
_NO_SPECIES = "There is no such species."


class SettingsBody(BaseModel):
    """What holds for everybody at the desk. Shares and the limit are fractions of 1."""

    rule: Rule = Field(Rule.ONE, description="How many experts a record takes.")
    audit_share: Annotated[float, Field(ge=0, le=1), NUMBER] = 0.05
    blind_share: Annotated[float, Field(ge=0, le=1), NUMBER] = 0.0
    lease_minutes: Annotated[int, Field(ge=1, le=120), NUMBER] = 10
    wrong_limit: Annotated[float, Field(ge=0.005, le=0.5), NUMBER] = 0.1
    minimum_audits: Annotated[int, Field(ge=0, le=10_000), NUMBER] = 0


class RuleIn(BaseModel):
    rule: Rule | None = Field(description="null: the rule of all species.")


class RuleOut(BaseModel):
    taxon: TaxonOut
    rule: Rule


class PreferencesBody(BaseModel):
    blind: YesNo = Field(False, description="Hide claim and verdict of every item until it is answered.")


@router.get("/settings", summary="The desk's settings", response_model=SettingsBody, responses=refusals())
def show_settings(_user: Reviewer, session: ReadSession) -> SettingsBody:
    """As they are in force."""
    return SettingsBody(**vars(desk_settings.current(session)))


@router.put("/settings", summary="Change the desk's settings", response_model=SettingsBody, responses=refusals())
def change_settings(user: Coordinator, sessions: Sessions, wanted: SettingsBody) -> SettingsBody:
    """What is left out gets its default."""
    DeskSettingsService(sessions).change(user.user_id, DeskSettings(**wanted.model_dump()))
    return wanted


@router.get("/rules", summary="Species with a rule of their own", response_model=list[RuleOut], responses=refusals())
def list_rules(_user: Reviewer, session: ReadSession, language: LanguageDep) -> list[RuleOut]:
    """How many experts they take."""
    found = desk_settings.rules_by_taxon(session)
    return [RuleOut(taxon=named(taxon, language), rule=rule) for taxon, rule in found]


@router.put(
    "/rules/{scientific_name}",
    status_code=204,
    summary="Give a species a rule of its own",
    response_class=Response,
    responses=refusals(_422=_NO_SPECIES),
)
def set_rule(user: Coordinator, sessions: Sessions, scientific_name: TaxonName, wanted: RuleIn) -> None:
    """Holds for what is decided from now on."""
    DeskSettingsService(sessions).set_rule(user.user_id, scientific_name, wanted.rule)


@router.get("/preferences", summary="Your preferences", response_model=PreferencesBody, responses=refusals())
def show_preferences(user: Reviewer, session: ReadSession) -> PreferencesBody:
    """What holds for you alone."""
    return PreferencesBody(blind=preferences.of(session, user.user_id).blind)


@router.put("/preferences", summary="Change your preferences", response_model=PreferencesBody, responses=refusals())
def change_preferences(user: Reviewer, sessions: Sessions, wanted: PreferencesBody) -> PreferencesBody:
    """What only pages keep (brightness and the like) stays as it is."""
    with reading(sessions) as session:
        options = preferences.of(session, user.user_id).options
    PreferencesService(sessions).save(user.user_id, Preferences(wanted.blind, options))
    return wanted
