"""Stores of answers: what a request cost once is kept here for the next one that is equal."""
