"""HTTP: HTML pages in routes/, JSON in api/. A route validates, calls one service, renders."""
