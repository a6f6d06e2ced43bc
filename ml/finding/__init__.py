"""Teaching a version to find the animal: composites to learn from, the network, its training and its export."""
