"""Forms of the cabinet that could not be taken: kept for their writer, and shown again in their place."""
