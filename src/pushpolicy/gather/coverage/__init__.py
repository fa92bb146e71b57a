"""Coverage reports: one file per format; `table` counts and `evidence` joins for them all."""
