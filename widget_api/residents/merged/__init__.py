"""Letters to authors whose reports were merged into others."""
