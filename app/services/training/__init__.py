"""Retraining: snapshots of verified photos, runs, their processes and their schedule."""
