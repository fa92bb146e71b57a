"""A report file, read as facts. Knows nothing of a push, an image or a checkout."""
