"""Whose count this is: the organisation's name, logo, contact, texts, and what its volunteers are asked about their photos."""
