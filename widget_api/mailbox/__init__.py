"""Work by mail instead of in the cabinet: agencies' answers, and the reminders and digests they receive."""
