"""What pages call the states, phases and causes of training runs."""

from app.domain.training import RunState, Start, Trigger

_ = str  # marks messages for extraction
STATES = {
    RunState.WAITING: _("waits for its turn"),
    RunState.RUNNING: _("under way"),
    RunState.STOPPING: _("is being stopped"),
    RunState.LOST: _("its worker is gone; another one goes on with it"),
    RunState.DONE: _("finished"),
    RunState.FAILED: _("failed"),
    RunState.CANCELLED: _("cancelled"),
}
# As the process reports them; another word is shown as it is.
PHASES = {
    "waiting": _("Waiting for a worker"),
    "preparing": _("Fetching the photos"),
    "reading": _("Reading the photos"),
    "finding": _("Learning to find the animal"),
    "training": _("Learning"),
    "exporting": _("Writing the version"),
    "measuring": _("Measuring the version"),
    "comparing": _("Comparing it with the version in service"),
    "stopped": _("Stopped; it goes on from where it was"),
    "done": _("Finished"),
    "failed": _("Failed"),
    "cancelled": _("Cancelled"),
}
CAUSES = {
    Trigger.PERSON: _("started by %(who)s"),
    Trigger.COMMAND_LINE: _("started by the command line"),
    Trigger.NIGHTLY: _("started by the nightly schedule"),
    Trigger.NEW_PHOTOS: _("started because enough new photos had come"),
}
STARTS = {
    Start.SCRATCH: _("from scratch"),
    Start.ACTIVE: _("from the version in service"),
}
PARTS = {"train": _("to learn from"), "test": _("to measure it, and never to learn from")}
