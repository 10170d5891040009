"""The agency's mailbox instead of the cabinet: what comes back by mail, and what reminds of what is due."""
