"""Reading labelled folders of photos, splitting them fairly, and feeding them to a network."""
