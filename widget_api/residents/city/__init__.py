"""The public pages of a site: its published problems, one of them, and the page for frames."""
