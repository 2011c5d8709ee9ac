"""Container registries: Azure's own management, and the protocol that all registries speak."""
