"""The web frame: server, middleware, errors, languages, rendering."""
