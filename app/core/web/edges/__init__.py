"""What every request passes before a route sees it: addresses, names, limits, log lines."""
