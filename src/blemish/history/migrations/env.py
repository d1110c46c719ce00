"""What Alembic runs around the steps: the connection is the program's, and so is its transaction."""

from alembic import context

from blemish.history.schema import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    render_as_batch=True,  # SQLite changes a table by copying it
)
with context.begin_transaction():
    context.run_migrations()
