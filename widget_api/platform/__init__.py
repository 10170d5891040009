"""Client of the central platforms: sending, polling, and signed webhooks in both directions."""
