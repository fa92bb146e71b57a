"""Attacks, as a table: one row is one way to get exit 0 or a tag without an honest ALLOW.

A row is an `Attack`, in the module of whoever attacks. Its control is the same run without the attack, which
ends in ALLOW and 0: what is refused in the attack is refused for the attack's sake.
"""
