"""The review desk: queue, decisions, batches, questions, figures, machine acceptance."""
