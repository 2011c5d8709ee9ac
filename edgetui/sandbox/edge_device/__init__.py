"""The live edge device: pulls what it was told with the credential that it was given, runs it, reports it."""
