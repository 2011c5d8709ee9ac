"""The environment on this machine: resolved by uv, built once, and a script tried in it on the real inference server."""
