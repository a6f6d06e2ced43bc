"""Models in words and pictures: what the admin's pages show of figures, gates, cards and runs."""
