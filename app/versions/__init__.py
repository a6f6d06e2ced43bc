"""Model versions: training, comparison, promotion, replays, shadow mode, policies, drift watch."""
