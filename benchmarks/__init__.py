"""Ratios measured side by side: the application as it ships against bare ASGI on the same server and machine."""
