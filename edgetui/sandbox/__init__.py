"""Azure on loopback, for people with no Azure: one HTTPS server in its own process.

Every room serves a part of Azure's wire protocol to the unmodified SDKs. A room is a module with
`routes(world) -> list[Route]`; a room with work of its own also has `start(world)` and `stop()`.
"""
