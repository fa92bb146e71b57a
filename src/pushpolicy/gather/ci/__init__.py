"""The CI context: one file per provider; `evidence` holds the table of them."""
