"""The web frame: request edges, errors, languages, rendering."""
