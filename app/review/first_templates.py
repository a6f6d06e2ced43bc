"""Questions that every desk asks, to begin with: put there once, where there are none, and the charity's own from then on."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.review.tables import QuestionTemplate

_FIRST = {
    "en": (
        "Do you have another photo of the same butterfly, perhaps of the other side of its wings?",
        "Did you see the upper side of its wings? What colours and spots were there?",
        "There seems to be more than one butterfly in your photos. Which one did you count?",
        "Was this photo taken on the day and at the place that you gave?",
        "How sure are you of the species, and what made you think so?",
    ),
    "nl": (
        "Hebt u nog een foto van dezelfde vlinder, misschien van de andere kant van de vleugels?",
        "Hebt u de bovenkant van de vleugels gezien? Welke kleuren en vlekken zag u daar?",
        "Op uw foto's lijkt meer dan één vlinder te staan. Welke hebt u geteld?",
        "Is deze foto gemaakt op de dag en de plaats die u hebt opgegeven?",
        "Hoe zeker bent u van de soort, en waaraan zag u het?",
    ),
}


def put_there(session: Session) -> None:
    """Write them unless there is a template already. Whoever deletes them all gets them back at the next start."""
    if session.scalar(select(QuestionTemplate.id).limit(1)) is not None:
        return
    for language, bodies in _FIRST.items():
        session.add_all(QuestionTemplate(language=language, body=body) for body in bodies)
