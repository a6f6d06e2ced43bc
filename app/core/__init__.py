"""The base of every room: settings, database, storage, jobs, processes, errors, the web frame. It knows no butterflies."""
