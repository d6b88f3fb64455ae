"""A mock provider server that counts what it served."""
