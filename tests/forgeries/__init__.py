"""Signed records and statements as somebody forges them: one row for each forgery, in one table."""
