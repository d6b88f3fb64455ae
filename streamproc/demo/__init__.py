"""The demo: a broker, a mock provider and a worker in one process, 200 requests and their bill. It leaves nothing."""
