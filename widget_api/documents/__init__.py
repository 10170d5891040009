"""The documents of this version, as pages of the service: rendered from Markdown, with a search."""
