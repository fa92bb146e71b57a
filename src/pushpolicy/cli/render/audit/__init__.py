"""Reports about past decisions."""
