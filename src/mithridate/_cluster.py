"""The connection to a Dask cluster, and how many tasks are sent ahead to it."""

from typing import Any

from .errors import InputError

PATIENCE = 10  # seconds for a scheduler to answer
AHEAD = 2  # tasks sent ahead to each worker thread, so that none waits


def connect(address: str) -> Any:
    """A client of the Dask scheduler at an address; an `InputError` where none answers."""
    try:
        from distributed import Client
    except ImportError:
        raise InputError(
            "Dask is not installed; pip install 'mithridate[dask]', or leave --dask out."
        ) from None
    try:
        return Client(address, timeout=PATIENCE)
    except (OSError, TimeoutError, ValueError) as error:
        raise InputError(
            f"No Dask scheduler answers at {address!r} ({error}); start one, or leave --dask out."
        ) from None


def with_workers(client: Any) -> Any:
    """The client itself; an `InputError` where its cluster has no workers."""
    if not client.nthreads():
        raise InputError(
            f"The Dask cluster at {client.scheduler.address!r} has no workers; start some."
        )
    return client


def ahead(client: Any) -> int:
    """How many tasks to keep sent, for the worker threads that are there now."""
    return AHEAD * sum(client.nthreads().values())
