"""What to say, and to suggest, where the queue has nothing for a reviewer."""

from typing import Any

from app.review.filters import Filter
from app.review.pages.queue_views import LinkView
from app.review.words import Words


def nothing_left(words: Words, wanted: Filter, waiting: int) -> dict[str, Any]:
    """``waiting``: how many match the filter all the same, because others have them open or this reviewer has answered them."""
    t = words.t
    queue = LinkView(t("To the queue"), "/review")
    everything = LinkView(t("Show all waiting"), "/review/next")
    figures = LinkView(t("Show your decisions"), "/review/figures")
    if waiting:
        return {
            "title": t("Nothing left for you"),
            "text": t(
                "The remaining submissions are open with other reviewers, or need a different expert. Check again later."
            ),
            "ways": [everything, queue] if wanted.narrowed_by else [queue, figures],
        }
    if wanted.narrowed_by:
        return {
            "title": t("No more matches"),
            "text": t("Everything that matches your filter has been decided."),
            "ways": [everything, queue],
        }
    return {
        "title": t("All done"),
        "text": t("Nothing is waiting for an expert. Thank you."),
        "ways": [figures, queue],
    }
