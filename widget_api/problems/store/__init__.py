"""Read and write single problems in SQL, one module a subject. Lists are in browse/listing/."""
