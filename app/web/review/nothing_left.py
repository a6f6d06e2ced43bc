"""What to say, and to suggest, where the queue has nothing for a reviewer."""

from typing import Any

from app.services.review.filters import Filter
from app.web.review.queue_views import LinkView
from app.web.review.words import Words


def nothing_left(words: Words, wanted: Filter, waiting: int) -> dict[str, Any]:
    """``waiting``: how many match the filter all the same, because others have them open or this reviewer has answered them."""
    t = words.t
    queue = LinkView(t("To the queue"), "/review")
    everything = LinkView(t("Everything that waits"), "/review/next")
    figures = LinkView(t("See what you did"), "/review/figures")
    if waiting:
        return {
            "title": t("Nothing left for you here"),
            "text": t(
                "What still waits is open on other desks, or needs another expert than you. Look again in a while."
            ),
            "ways": [everything, queue] if wanted.narrowed_by else [queue, figures],
        }
    if wanted.narrowed_by:
        return {
            "title": t("Nothing left like this"),
            "text": t("Everything that matches your filter is decided."),
            "ways": [everything, queue],
        }
    return {
        "title": t("All done"),
        "text": t("Nothing waits for an expert any more. Thank you."),
        "ways": [figures, queue],
    }
