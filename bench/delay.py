"""A TCP proxy before a registry that delays what passes, as a distant registry does."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

_CHUNK = 256 * 1024


@contextmanager
def delayed(port: int, round_trip: float) -> Iterator[int]:
    """Forward connections on a free loopback port to this one.

    Args:
        port: of the registry, on loopback. TLS passes through: the certificate is for the address.
        round_trip: seconds added to each round trip, the one that opens a connection included.

    Yields:
        the port to use instead.
    """
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    async def serve() -> asyncio.Server:
        async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            # Cancelled at the end; asyncio.streams would complain of that.
            with suppress(asyncio.CancelledError):
                await asyncio.sleep(round_trip)
                far_reader, far_writer = await asyncio.open_connection("127.0.0.1", port)
                await asyncio.gather(
                    _pass_on(reader, far_writer, round_trip / 2), _pass_on(far_reader, writer, round_trip / 2)
                )

        return await asyncio.start_server(connected, "127.0.0.1", 0)

    server = asyncio.run_coroutine_threadsafe(serve(), loop).result()
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        asyncio.run_coroutine_threadsafe(_end(server), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _end(server: asyncio.Server) -> None:
    """Close what is open, so that nothing is left to complain when the loop goes."""
    server.close()
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, delay: float) -> None:
    """Every piece so much later than it came, without holding up the next."""
    loop = asyncio.get_running_loop()
    pending: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()

    async def read() -> None:
        content = b"start"
        while content:
            content = b""
            with suppress(OSError):
                content = await reader.read(_CHUNK)
            pending.put_nowait((loop.time() + delay, content))

    reading = asyncio.create_task(read())
    with suppress(OSError):
        while True:
            due, content = await pending.get()
            await asyncio.sleep(due - loop.time())
            if not content:
                break
            writer.write(content)
            await writer.drain()
    writer.close()
    await reading
