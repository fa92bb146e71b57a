"""Scan reports: one file per format; `counts`, `severity`, `binding` and `evidence` serve them all."""
