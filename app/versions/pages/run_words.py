"""What pages call the states, phases and causes of training runs."""

from app.versions.rules import Start, Trigger

_ = str  # marks messages for extraction
# As the process reports them; another word is shown as it is.
PHASES = {
    "waiting": _("Waiting for a worker"),
    "preparing": _("Fetching photos"),
    "reading": _("Reading photos"),
    "finding": _("Training the animal finder"),
    "training": _("Training"),
    "exporting": _("Exporting the version"),
    "measuring": _("Evaluating the version"),
    "comparing": _("Comparing with the version in service"),
    "stopped": _("Interrupted; will continue from there"),
    "done": _("Finished"),
    "failed": _("Failed"),
    "cancelled": _("Cancelled"),
}
CAUSES = {
    Trigger.PERSON: _("started by %(who)s"),
    Trigger.COMMAND_LINE: _("started from the command line"),
    Trigger.NIGHTLY: _("started by the nightly schedule"),
    Trigger.NEW_PHOTOS: _("started because enough new photos had arrived"),
}
STARTS = {
    Start.SCRATCH: _("from scratch"),
    Start.ACTIVE: _("from the version in service"),
}
PARTS = {"train": _("training"), "test": _("evaluation only")}
