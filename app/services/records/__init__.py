"""Records as they leave the house: which ones, how many, and written out in Darwin Core."""
