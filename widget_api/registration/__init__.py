"""Applications for a site, from the form to the approved site, and the proof that its domain is theirs."""
