"""The bill: usage lines from their topic in a database, reports of it, and what it can be held against."""
