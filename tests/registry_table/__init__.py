"""Every registry and kind of registry, and what a user does with it.

`python -m tests.registry_table` runs all of it, and prints what came of it and where that differs from
`expected.md`, which was written down before.
"""
