"""What the routes about models share."""

from typing import Annotated

from fastapi import Depends

from app.core.web.dependencies import Sessions, SettingsDep
from app.review.pages.shared import WordsDep
from app.versions.promotion import Promotion

__all__ = ["PromotionDep", "Sessions", "SettingsDep", "WordsDep"]


def _promotion(sessions: Sessions, settings: SettingsDep) -> Promotion:
    return Promotion(sessions, settings)


PromotionDep = Annotated[Promotion, Depends(_promotion)]
