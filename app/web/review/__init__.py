"""What the review desk's pages are given: plain objects in one language."""
