"""What commands report: pure functions from their results to a `Report`, which has no format yet."""
