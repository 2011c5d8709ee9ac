"""The other devices of the world: they run nothing, and report what such devices would."""
