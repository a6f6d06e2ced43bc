"""Verified records for others: selection, summary, Darwin Core archive."""
