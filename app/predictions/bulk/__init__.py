"""Predictions for many photos, without a server: where photos come from, who looks at them, where results go."""
