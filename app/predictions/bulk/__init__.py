"""Many photos at once, without a server: where they come from, who looks at them, where the answers go."""
