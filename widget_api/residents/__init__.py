"""What residents do with their report: confirm, follow, say whether it is solved, withdraw, forget."""
