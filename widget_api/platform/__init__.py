"""Client of the central platforms: push, pull, and signed webhooks both ways."""
