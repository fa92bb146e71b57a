"""Keys, signed envelopes, and whom this run trusts: the trust file."""
