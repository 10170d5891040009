"""What waits to leave the house and what was given up, for the operator and for the agency it concerns."""
