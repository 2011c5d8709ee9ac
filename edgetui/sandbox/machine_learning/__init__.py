"""Azure ML's services: artifacts, models, packages."""
