"""A container registry with authentication, as any OCI client expects it."""
