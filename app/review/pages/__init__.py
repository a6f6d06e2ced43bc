"""The pages of the review desk. Each route validates, calls one service, renders."""
