"""An OCI image layout as a repository: the twin of the distribution client."""
