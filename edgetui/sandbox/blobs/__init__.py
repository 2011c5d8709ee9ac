"""Azure's blobs: block and append blobs, read in ranges, signed addresses."""
