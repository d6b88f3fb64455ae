"""The faults that the mock provider can show, one file for each family; `catalogue` lists them all."""
