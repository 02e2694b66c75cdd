"""How long a test waits for what will come anyhow. It bounds a wait that went wrong; no test asserts on time."""

PATIENCE_SECONDS = 120.0  # several workers share two cores
