"""What pages call the phases of collections, licences, sizes, decisions, and reasons for leaving a photo out."""

from app.collecting.rules import PhotoDecision

_ = str  # marks messages for extraction
PHASES = {
    "waiting": _("Waiting for a worker"),
    "collecting": _("Fetching photos from Flickr"),
    "entering": _("Listing the photos"),
    "looking": _("The model is checking the photos"),
    "done": _("Finished"),
}
# As the collector words them; another one is shown as it is.
REASONS = {
    "size missing": _("Flickr does not offer the size"),
    "too small": _("too small"),
    "wrong size": _("smaller than Flickr stated"),
    "not an image": _("not an image"),
    "damaged": _("damaged"),
    "too large": _("too large"),
    "gone": _("no longer on Flickr"),
    "exact duplicate": _("duplicate file"),
    "near duplicate": _("looks like another photo"),
    "two taxa": _("found for two species"),
    "licence not wanted": _("different licence"),
    "not a photo": _("not a photo"),
    "malformed": _("unreadable entry from Flickr"),
    "download failed": _("could not be fetched"),
    "removed for its owner": _("removed at the owner’s request"),
}
LICENCES = {
    "cc0": _("CC0: dedicated to the public domain"),
    "public-domain-mark": _("Public Domain Mark: free of known copyright"),
    "us-government": _("Work of the United States government"),
    "no-known-restrictions": _("No known copyright restrictions"),
    "cc-by": _("CC BY: any use, with credit"),
    "cc-by-sa": _("CC BY-SA: any use, with credit, adaptations under the same licence"),
    "cc-by-nc": _("CC BY-NC: non-commercial use, with credit"),
    "cc-by-nc-sa": _("CC BY-NC-SA: non-commercial use, with credit, adaptations under the same licence"),
    "cc-by-nd": _("CC BY-ND: adaptations may not be published"),
    "cc-by-nc-nd": _("CC BY-NC-ND: non-commercial use, adaptations may not be published"),
    "all-rights-reserved": _("All rights reserved: only with the photographer’s permission"),
}
SIZES = {
    "square-150": _("150 pixels, cropped square by Flickr"),
    "small-240": _("240 pixels"),
    "small-320": _("320 pixels"),
    "medium-500": _("500 pixels"),
    "medium-640": _("640 pixels"),
    "medium-800": _("800 pixels"),
    "large-1024": _("1024 pixels"),
}
DECISIONS = {
    PhotoDecision.UNDECIDED: _("Not decided"),
    PhotoDecision.RIGHT: _("Correct"),
    PhotoDecision.OTHER_SPECIES: _("Another species"),
    PhotoDecision.WRONG: _("Wrong species"),
    PhotoDecision.NO_BUTTERFLY: _("Not a butterfly"),
    PhotoDecision.DUPLICATE: _("Duplicate"),
}
KEYS = {
    PhotoDecision.RIGHT: "r",
    PhotoDecision.OTHER_SPECIES: "s",
    PhotoDecision.WRONG: "w",
    PhotoDecision.DUPLICATE: "d",
    PhotoDecision.NO_BUTTERFLY: "n",
    PhotoDecision.UNDECIDED: "u",
}
