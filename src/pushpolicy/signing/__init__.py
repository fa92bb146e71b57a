"""Whom this run trusts: the trust file. Keys get their use when records and policies are signed."""
