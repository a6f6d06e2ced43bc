"""What volunteers do: send, take a second look, answer, withdraw, take their data away."""
