"""The review desk: the queue, leases, decisions, questions, and the figures that say whether it can be trusted."""
