"""Pictures: taken in by a confined child, kept in the storage, reached by links. Knows no report and no site."""
