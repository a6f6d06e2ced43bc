"""Collecting photos from Flickr, sorting them, and making data sets of them."""
