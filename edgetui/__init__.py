"""From a model file to a module answering on the edge device, in one terminal."""

__version__ = "0.1.0"
