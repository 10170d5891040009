"""The representative's cabinet: sign in, see what arrived, act on it."""
