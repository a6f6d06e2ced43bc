"""The review desk for programs: what its pages do, by the same services and the same rules."""

from app.web.api.review import batches, items, queue, records, settings, trust

ROUTERS = [queue.router, items.router, batches.router, trust.router, records.router, settings.router]
