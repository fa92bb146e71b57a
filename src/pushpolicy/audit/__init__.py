"""Any time later: find the records of past pushes, show them, decide again, try another policy on them."""
