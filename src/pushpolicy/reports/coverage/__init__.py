"""Coverage reports: one file per format; `table` counts for them all."""
