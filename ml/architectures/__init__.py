"""Networks by name. Each takes RGB pixels 0…255 and gives the same four outputs."""
