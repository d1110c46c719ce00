"""The version of this package, in a place of its own so that every room may ask."""

__version__ = "0.1.0"
