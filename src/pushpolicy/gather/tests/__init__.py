"""Test reports: one file per format; `tally` and `evidence` serve them all."""
