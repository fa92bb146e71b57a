"""Scan reports: one file per format; `counts` and `severity` serve them all."""
