"""What a vendor or a team says of known flaws in its product: one file for each format."""
