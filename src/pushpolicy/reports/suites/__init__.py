"""Test reports: one file per format; `tally` serves them all."""
