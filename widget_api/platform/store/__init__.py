"""SQL of the platform package, one module a table group."""
