"""Mutants of the defences: what refuses something is taken out, and a test must fail.

The checks are found, not listed: every `raise` of an error, every call that records a problem, and every
`Status.FAILED` in the packages below. Each is switched off while the program runs, one at a time, and the
tests that went through it are run again. A mutant that no test notices has survived.
"""

PACKAGES = ("gather", "evaluate", "push", "images", "records", "reports", "signing")
