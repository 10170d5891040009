"""A user's account: password, sessions, who may sign in and who no longer."""
