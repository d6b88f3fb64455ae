"""The API shapes that the mock provider speaks, one file each."""
