"""What reviewers read: the codes of the review desk in words. Volunteers' wording stands in app/submissions/words.py."""

from app.predictions.rules import Reason
from app.review.filters import ListState
from app.review.rules import IdentificationKind, PhotoQuality, ReviewReason, Rule
from app.submissions.rules import Source, VerificationStatus

_ = str  # marks messages for extraction; they are translated when a language is known

VERDICTS: dict[Reason, str] = {
    Reason.AGREES: _("The computer sees what was claimed."),
    Reason.MODEL_DISAGREES: _("Claimed as %(claim)s; the computer thinks it looks more like %(suggested)s."),
    Reason.NOT_SURE: _("The computer can’t identify it reliably from this photo."),
    Reason.NO_CLAIM: _("The volunteer named no species."),
    Reason.OTHER_CLAIMED: _("The volunteer says it is a species that the computer does not know."),
    Reason.TAXON_UNKNOWN_TO_MODEL: _("The computer does not know %(claim)s."),
    Reason.PHOTOS_CONTRADICT: _("The photos seem to show different species."),
    Reason.SOME_OUT_OF_SCOPE: _("The computer thinks photo %(photo)s does not show %(known)s."),
    Reason.OUT_OF_SCOPE: _("The computer thinks it does not look like %(known)s, the only species it knows."),
    Reason.OUT_OF_SCOPE_AS_CLAIMED: _("Another species was claimed, and the computer sees none of those it knows."),
    Reason.NO_ANIMAL: _("The computer found no butterfly here."),
    Reason.TWO_ANIMALS: _("There seem to be two butterflies in photo %(photo)s, of different species."),
    Reason.PERHAPS_LOOK_ALIKE: _("The computer thinks it could also be a similar species."),
}

NAMED_VERDICTS: dict[Reason, str] = {
    Reason.OUT_OF_SCOPE: _("The computer thinks it does not look like %(known)s, but more like %(like)s."),
    Reason.OUT_OF_SCOPE_AS_CLAIMED: _("Another species was claimed. The computer thinks it looks most like %(like)s."),
}

WHY: dict[ReviewReason, str] = {
    ReviewReason.DISAGREE: _("The computer sees something else"),
    ReviewReason.UNCERTAIN: _("The computer is not sure"),
    ReviewReason.NO_CLAIM: _("The volunteer did not know"),
    ReviewReason.OUT_OF_SCOPE: _("Perhaps something else altogether"),
    ReviewReason.AGREE_UNACCEPTED: _("Claim and computer agree"),
    ReviewReason.AUDIT: _("Random audit"),
    ReviewReason.SECOND_OPINION: _("Another expert is needed"),
    ReviewReason.ANSWERED: _("The volunteer has answered"),
}

LISTS: dict[ListState, str] = {
    ListState.OPEN: _("Waiting"),
    ListState.MINE: _("With me"),
    ListState.QUESTIONED: _("Asked"),
    ListState.DECIDED: _("Decided"),
}

QUALITIES: dict[PhotoQuality, str] = {
    PhotoQuality.GOOD: _("good"),
    PhotoQuality.SMALL: _("small"),
    PhotoQuality.BLURRED: _("blurred"),
    PhotoQuality.DARK: _("dark"),
    PhotoQuality.UNKNOWN: _("not known"),
}

SOURCES: dict[Source, str] = {
    Source.EXIF: _("from the photo"),
    Source.DEVICE: _("from the volunteer's device"),
    Source.TYPED: _("entered by the volunteer"),
    Source.MISSING: _("not given"),
}

RULES: dict[Rule, str] = {
    Rule.ONE: _("One expert is enough"),
    Rule.SECOND_OPINION: _("A second expert if the first disagrees with the volunteer"),
    Rule.TWO_AGREE: _("Two experts must agree, and more than two thirds of all experts who answer"),
}

# What somebody did to a submission, in their history and in the refusal of a stale page.
SAID: dict[IdentificationKind, str] = {
    IdentificationKind.TAXON: _("%(taxon)s, %(code)s"),
    IdentificationKind.UNABLE: _("unable to tell"),
    IdentificationKind.NO_BUTTERFLY: _("no butterfly, or unusable photo"),
    IdentificationKind.QUESTION: _("asked the volunteer"),
    IdentificationKind.COMMENT: _("a comment"),
    IdentificationKind.UNDO: _("undid the decision"),
}

CODES: dict[VerificationStatus, str] = {
    VerificationStatus.V1: _("correct"),
    VerificationStatus.V2: _("considered correct"),
    VerificationStatus.C3: _("plausible"),
    VerificationStatus.R4: _("unable to verify"),
    VerificationStatus.R5: _("incorrect"),
    VerificationStatus.D: _("queried"),
    VerificationStatus.A: _("answered"),
}

HAPPENED: dict[str, str] = {
    "taxon": _("%(who)s decided: %(taxon)s, %(code)s (%(when)s)."),
    "unable": _("%(who)s decided that it can’t be identified (%(when)s)."),
    "no_butterfly": _("%(who)s decided: no butterfly, or unusable photo (%(when)s)."),
    "question": _("%(who)s asked the volunteer a question (%(when)s)."),
    "undo": _("%(who)s undid a decision (%(when)s)."),
    "leased": _("%(who)s has it open, until %(when)s at the latest."),
    "claim_changed": _("The volunteer changed the claim (%(when)s)."),
    "square_moved": _("The square around the butterfly was changed (%(when)s)."),
    "withdrawn": _("The volunteer withdrew it (%(when)s)."),
    "answered": _("The volunteer answered a question (%(when)s)."),
    "accepted": _("The computer accepted it (%(when)s)."),
    "screened": _("The computer checked it again (%(when)s)."),
}
HAPPENED_OTHERWISE = _("It has been changed (%(when)s).")

EVENTS: dict[str, str] = {
    "received": _("Sent by the volunteer"),
    "screened": _("Checked by the computer"),
    "flagged": _("Flagged for an expert"),
    "auto_accepted": _("Accepted by the computer"),
    "claim_kept": _("Second look: the volunteer kept the claim"),
    "claim_changed": _("Second look: the volunteer changed the claim"),
    "square_moved": _("The square around the butterfly was changed"),
    "withdrawn": _("Withdrawn by the volunteer"),
    "identified": _("Identified by an expert"),
    "asked": _("An expert asked the volunteer a question"),
    "answered": _("The volunteer answered"),
    "undone": _("A decision was undone"),
}
