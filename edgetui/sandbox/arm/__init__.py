"""Azure Resource Manager: subscriptions, workspaces, registries, hubs, and their long-running operations."""
