"""What edgetui knows, as pure data and functions: no I/O, no SDK, no screen."""
