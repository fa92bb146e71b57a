"""Real scanners on a real image: what Syft, Grype and Trivy write is gathered, bound and judged.

`python -m tests.interop` prints the table of docs/interop.md. The scanners take long to build, so that
neither `make test` nor continuous integration runs this; `make interop` builds them and does.
"""
