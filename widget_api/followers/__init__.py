"""Following a problem by e-mail: confirmation, letters about its public events, unsubscription."""
