"""Policies that travel: an OPA bundle in an OCI artifact, with a signed statement about it.

An artifact contributes rules and data only. System part, schema and capabilities are this program's own, and
the index is built anew from the rules.
"""
