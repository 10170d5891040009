"""Letters: composing them from templates, and sending them."""
