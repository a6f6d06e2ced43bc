"""Photos from Flickr: collecting them, having people look through them, and giving the right ones to training."""
