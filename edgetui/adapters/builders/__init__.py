"""Building images from our own Dockerfile: ACR Tasks and the local engine, and what all builders share of logs."""
