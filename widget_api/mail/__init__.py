"""Letters: how they are made from templates, and how they leave."""
