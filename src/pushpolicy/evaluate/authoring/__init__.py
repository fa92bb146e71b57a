"""For whoever writes rules: test them, begin one, look into a set, ask for a waiver."""
