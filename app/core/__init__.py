"""What every room stands on: settings, database, storage, jobs, processes, errors, the web frame. It knows no butterflies."""
