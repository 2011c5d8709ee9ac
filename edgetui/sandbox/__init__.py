"""Azure on loopback, for people with no Azure: one HTTPS server in its own process.

Every room serves a part of Azure's wire protocol to the unmodified SDKs. The module that `server.ROOMS` names for it
has `routes(world) -> list[Route]`, and `start(world)` and `stop()` where it works by itself.
"""
