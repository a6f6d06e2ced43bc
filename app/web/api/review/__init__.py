"""The review desk for programs: what its pages do, by the same services and the same rules."""

from app.web.api.review import batches, items, queue, settings, trust

ROUTERS = [queue.router, items.router, batches.router, trust.router, settings.router]
