"""One screen a file; a large one has its parts beside it, named after it."""
