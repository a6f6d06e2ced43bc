"""The pages of the review desk. Each route validates, calls one service, renders."""

from app.web.routes.review import (
    acceptance,
    actions,
    figures,
    filters,
    grid,
    item,
    preferences,
    queue,
    records,
    settings,
    templates,
)

# The more particular addresses first: /review/{id} would take them all.
ROUTERS = [
    module.router
    for module in (filters, grid, figures, records, acceptance, settings, templates, preferences, queue, item, actions)
]
